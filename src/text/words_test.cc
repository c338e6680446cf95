#include "text/words.h"

#include <gtest/gtest.h>

namespace crumb {
namespace {

TEST(SplitWords, CutsAtEveryKindOfWhiteSpace) {
  EXPECT_EQ(SplitWords(" a\tb\u3000c\u00a0d\x1c e\n"),
            (std::vector<std::string>{"a", "b", "c", "d", "e"}));
  EXPECT_TRUE(SplitWords(" \n ").empty());
}

TEST(CountSplitPieces, CountsTheEmptyPiecesAtTheEnds) {
  // len(re.split(r"\s+", text)) of Python.
  EXPECT_EQ(CountSplitPieces(""), 1);
  EXPECT_EQ(CountSplitPieces("one two"), 2);
  EXPECT_EQ(CountSplitPieces(" one\n\n two \n"), 4);
}

}  // namespace
}  // namespace crumb
