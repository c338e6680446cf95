#include "publish/text_width.h"

#include <gtest/gtest.h>

namespace crumb {
namespace {

TEST(TextWidth, ChineseCharactersTakeTwoColumns) {
  EXPECT_EQ(ColumnsOf("abc"), 3);
  EXPECT_EQ(ColumnsOf("四位"), 4);
  EXPECT_EQ(ColumnsOf("，"), 2);
  EXPECT_EQ(ColumnsOf("e\u0301"), 1);  // with a combining accent
  EXPECT_EQ(ColumnsOf("😀"), 2);
  EXPECT_EQ(ColumnsOf(""), 0);
}

TEST(TextWidth, BytesThatAreNoUtf8CountOneAndDoNotReadBeyondTheEnd) {
  EXPECT_EQ(ColumnsOf("\xE5"), 1);
  EXPECT_EQ(ColumnsOf("a\xFFz"), 3);
  EXPECT_EQ(ColumnsOf("\xE5\x9B"), 1);
}

TEST(TextWidth, PaddingGivesExactlyTheColumns) {
  EXPECT_EQ(PadRight("四", 4), "四  ");
  EXPECT_EQ(PadLeft("四", 4), "  四");
  EXPECT_EQ(PadRight("abcdef", 4), "abc~");
  EXPECT_EQ(PadRight("四三二一", 4), "四~ ");
}

TEST(TextWidth, LinesBreakAtSpacesAndBetweenChineseCharacters) {
  EXPECT_EQ(Wrap("one two three", 8), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(Wrap("四位三位二位", 8), (std::vector<std::string>{"四位三位", "二位"}));
}

TEST(TextWidth, LineDoesNotBeginWithClosingPunctuation) {
  EXPECT_EQ(Wrap("四位三位。二位", 8), (std::vector<std::string>{"四位三", "位。二位"}));
}

TEST(TextWidth, ControlCharactersAreLeftOut) {
  EXPECT_EQ(PadRight("a\x1b[1mb", 6), "a[1mb ");
  EXPECT_EQ(Wrap("a\x07", 10), (std::vector<std::string>{"a"}));
}

}  // namespace
}  // namespace crumb
