// Merges, cuts and added tokens by themselves.
#include <gtest/gtest.h>

#include "text/utf8.h"
#include "tokenizers/added_tokens.h"
#include "tokenizers/bpe_cuts.h"
#include "tokenizers/bpe_merges.h"
#include "tokenizers/byte_alphabet.h"
#include "tokenizers/splitter.h"

namespace crumb {
namespace {

using Ids = std::vector<int32_t>;

// The definition, one merge after another over the whole list.
void ApplySlowly(const std::vector<BpeMerge>& merges, Ids* ids) {
  while (true) {
    const BpeMerge* best = nullptr;
    size_t at = 0;
    for (size_t i = 0; i + 1 < ids->size(); ++i) {
      for (const BpeMerge& merge : merges) {
        if (merge.left == (*ids)[i] && merge.right == (*ids)[i + 1] &&
            (best == nullptr || merge.rank < best->rank)) {
          best = &merge;
          at = i;
        }
      }
    }
    if (best == nullptr) return;
    (*ids)[at] = best->merged;
    ids->erase(ids->begin() + static_cast<ptrdiff_t>(at) + 1);
  }
}

TEST(BpeMerges, EqualTheDefinitionOnRandomMergesAndTexts) {
  uint64_t state = 7;
  const auto random = [&state](uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<int32_t>((state >> 33) % below);
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<BpeMerge> merges;
    for (int32_t i = 0; i < 12; ++i) {
      merges.push_back({random(static_cast<uint64_t>(3 + i)), random(static_cast<uint64_t>(3 + i)),
                        3 + i, random(6)});
    }
    Ids wanted;
    for (int i = random(40); i > 0; --i) wanted.push_back(random(3));
    Ids got = wanted;
    // Two merges of one pair and one rank have no order between them: keep the first only.
    std::vector<BpeMerge> unique;
    for (const BpeMerge& merge : merges) {
      bool known = false;
      for (const BpeMerge& other : unique) {
        known = known || (other.left == merge.left && other.right == merge.right);
      }
      if (!known) unique.push_back(merge);
    }
    ApplySlowly(unique, &wanted);
    BpeMerges(unique).Apply(&got);
    ASSERT_EQ(got, wanted) << "round " << round;
  }
}

TEST(BpeMerges, LongRunsDoNotTakeQuadraticTime) {
  const std::vector<BpeMerge> merges = {{0, 0, 1, 0}, {1, 1, 2, 1}};
  Ids ids(1 << 18, 0);
  BpeMerges(merges).Apply(&ids);
  EXPECT_EQ(ids, Ids(1 << 16, 2));
}

TEST(BpeCuts, OnlyFallWhereNoMergeJoins) {
  const std::vector<Token> tokens = {{"a"}, {"b"}, {"ab"}, {"c"}, {"abc"}};
  const BpeCuts cuts(tokens, std::vector<BpeMerge>{{0, 1, 2, 0}, {2, 3, 4, 1}});
  EXPECT_EQ(cuts.Cut("abcab"), (std::vector<std::string_view>{"abc", "ab"}));
  EXPECT_EQ(cuts.Cut("cba"), (std::vector<std::string_view>{"c", "b", "a"}));
  EXPECT_EQ(cuts.Cut("a"), std::vector<std::string_view>{"a"});
}

TEST(MergesFromScores, RankByScoreOfTheWhole) {
  const std::vector<Token> tokens = {{"a"}, {"b"}, {"ab"}, {"ba"}, {"<s>", TokenType::kControl}};
  const std::vector<float> scores = {0, 0, -2, -1, 0};
  const std::vector<BpeMerge> merges = MergesFromScores(tokens, scores);
  ASSERT_EQ(merges.size(), 2u);
  EXPECT_EQ(merges[0].merged, 3);
  EXPECT_EQ(merges[1].merged, 2);
  EXPECT_LT(merges[0].rank, merges[1].rank);
}

TEST(AddedTokens, LongestLeftmostAndSpecialOnlyWhenAsked) {
  const std::vector<Token> tokens = {{"<a>", TokenType::kControl},
                                     {"xx", TokenType::kUserDefined},
                                     {"xxx", TokenType::kUserDefined},
                                     {"<m>", TokenType::kControl, true, true}};
  const AddedTokens added(tokens);
  const auto ids = [&](std::string_view text, bool special) {
    std::string out;
    for (const TextSegment& s : added.Split(text, special)) {
      out += s.token >= 0 ? "[" + std::to_string(s.token) + "]" : std::string(s.text);
    }
    return out;
  };
  EXPECT_EQ(ids("wxxxxxy", false), "w[2][1]y");
  EXPECT_EQ(ids("<a>b<a>", false), "<a>b<a>");
  EXPECT_EQ(ids("<a>b<a>", true), "[0]b[0]");
  EXPECT_EQ(ids("a \n<m>  b", true), "a[3]b");
  EXPECT_EQ(ids("", true), "");
}

TEST(ByteAlphabet, IsOneToOne) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  EXPECT_EQ(FromByteAlphabet(ToByteAlphabet(bytes)), bytes);
  EXPECT_EQ(ToByteAlphabet(" \n"), "\xc4\xa0\xc4\x8a");
  EXPECT_EQ(FromByteAlphabet(" "), std::nullopt);
  EXPECT_EQ(FromByteAlphabet("\xe4\xbd\xa0"), std::nullopt);
  EXPECT_EQ(ByteOfToken("<0xfF>"), 255);
  EXPECT_EQ(ByteOfToken("<0xG0>"), std::nullopt);
  EXPECT_EQ(ByteOfToken("<0x0>"), std::nullopt);
}

TEST(Utf8, IllFormedPartsBecomeReplacementCharacters) {
  EXPECT_EQ(ToValidUtf8("a\xff\xe4\xbd"
                        "b"),
            "a\xef\xbf\xbd\xef\xbf\xbd"
            "b");
  EXPECT_EQ(ToValidUtf8("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80");
  EXPECT_FALSE(IsValidUtf8("\xed\xa0\x80"));  // a surrogate
  EXPECT_TRUE(IsValidUtf8("\xef\xbf\xbd"));
  const Utf16Text text("a\xf0\x9f\x98\x80\xff");
  EXPECT_EQ(text.units, u"a\xD83D\xDE00\xFFFD");
  EXPECT_EQ(text.byte_of, (std::vector<uint32_t>{0, 1, 1, 5, 6}));
}

TEST(Splitter, APatternThatBacktracksForEverIsStopped) {
  Splitter splitter;
  ASSERT_TRUE(splitter.AddRegex("(a*)*(a*)*b", SplitBehavior::kIsolated, false, "f").ok());
  const auto words = splitter.Split(std::string(40, 'a'));
  EXPECT_EQ(words.status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace crumb
