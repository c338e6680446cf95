#include "publish/gnuplot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/files.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;

bool HasGnuplot() { return system("gnuplot --version >/dev/null 2>&1") == 0; }

TEST(Gnuplot, StringsCanNotLeaveTheirQuotes) {
  EXPECT_EQ(GnuplotString("it's"), "'it''s'");
  EXPECT_EQ(GnuplotString("a\nset output 'x'"), "'a set output ''x'''");
}

TEST(Gnuplot, StringsAreNotRunAsCommands) {
  if (!HasGnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  // The script runs in a folder of its own, so a command that ran would leave "pwned" there.
  const std::string script = "set output 'out.txt'\nset terminal dumb noenhanced\nset title " +
                             GnuplotString("`touch pwned` $(touch pwned) @pwned") + "\nplot 1\n";
  EXPECT_TRUE(RunGnuplot(script, {"out.txt"}).ok());
  EXPECT_FALSE(RunGnuplot(script, {"pwned"}).ok());
}

TEST(Gnuplot, ErrorCarriesItsMessage) {
  if (!HasGnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  const auto result = RunGnuplot("nonsense here\n", {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kInternal);
  EXPECT_THAT(result.status().message(), HasSubstr("nonsense"));
}

TEST(Gnuplot, OutputThatTheScriptDidNotWriteIsAnError) {
  if (!HasGnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  EXPECT_FALSE(RunGnuplot("x = 1\n", {"missing.svg"}).ok());
}

}  // namespace
}  // namespace crumb
