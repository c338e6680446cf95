#include "model/text_stream.h"

#include <gtest/gtest.h>

namespace crumb {
namespace {

TEST(TextStream, CharactersComeOutWhole) {
  TextStream stream({});
  EXPECT_EQ(stream.Add("a\xe6\xb0"), "a");  // two of the three bytes of 水
  EXPECT_EQ(stream.Add("\xb4!"), "\xe6\xb0\xb4!");
  EXPECT_EQ(stream.Add("\xf0\x9f\x98"), "");
  EXPECT_EQ(stream.Add("\x80"), "\xf0\x9f\x98\x80");
}

TEST(TextStream, BytesThatAreNoCharacterAreNotHeldForEver) {
  TextStream stream({});
  EXPECT_EQ(stream.Add("\xb4\xb4\xb4\xb4"), "\xb4\xb4\xb4\xb4");
  EXPECT_EQ(stream.Add("\xe6"), "");
  EXPECT_EQ(stream.Flush(), "\xe6");
}

TEST(TextStream, StopTextAcrossTokensIsCutOff) {
  TextStream stream({"\n\nUser:"});
  EXPECT_EQ(stream.Add("yes\n"), "yes");
  EXPECT_EQ(stream.Add("\nUs"), "");
  EXPECT_EQ(stream.Add("er: more"), "");
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(stream.Add("after"), "");
}

TEST(TextStream, FalseStartOfAStopTextComesOutLater) {
  TextStream stream({"abc"});
  EXPECT_EQ(stream.Add("xab"), "x");
  EXPECT_EQ(stream.Add("ab"), "ab");
  EXPECT_EQ(stream.Add("d"), "abd");
  EXPECT_FALSE(stream.stopped());
}

TEST(TextStream, EarliestStopTextWins) {
  TextStream stream({"two", "one", ""});
  EXPECT_EQ(stream.Add("zero one two"), "zero ");
  EXPECT_TRUE(stream.stopped());
}

}  // namespace
}  // namespace crumb
