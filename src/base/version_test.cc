#include "base/version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace crumb {
namespace {

TEST(Version, IsThreeNumbers) {
  EXPECT_THAT(std::string(CrumbVersion()), testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
}

TEST(Version, CommitIsAHashOrUnknown) {
  EXPECT_THAT(std::string(CrumbCommit()),
              testing::AnyOf("unknown", testing::MatchesRegex("[0-9a-f]+"),
                             testing::MatchesRegex("[0-9a-f]+-dirty")));
}

}  // namespace
}  // namespace crumb
