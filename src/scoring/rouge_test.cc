#include "scoring/rouge.h"

#include "scoring/fixture_for_test.h"

namespace crumb {
namespace {

// One quotient, computed in another order.
constexpr double kTolerance = 1e-14;

TEST(Rouge, IsThatOfThePackageRougeScore) {
  const std::vector<ScoringItem> items = FixtureItems({"english"});
  for (const RougeKind kind : {RougeKind::k1, RougeKind::k2, RougeKind::kL}) {
    const Scorer scorer = RougeScorer(kind, RougeTokens::kLatin);
    ExpectScores(ItemScores(scorer, items), ScoringFixture()["rouge"][scorer.name], kTolerance);
  }
}

TEST(Rouge, WithHanTokensIsThatOfThePackageWithSuchATokenizer) {
  const std::vector<ScoringItem> items = FixtureItems({"english", "chinese"});
  for (const RougeKind kind : {RougeKind::k1, RougeKind::k2, RougeKind::kL}) {
    const Scorer scorer = RougeScorer(kind, RougeTokens::kHan);
    const std::string name = scorer.name.substr(0, 6);
    ExpectScores(ItemScores(scorer, items), ScoringFixture()["rouge_zh"][name], kTolerance);
  }
}

TEST(Rouge, FindsNothingInChineseWithoutHanTokens) {
  EXPECT_EQ(RougeF1("今天", "今天", RougeKind::k1, RougeTokens::kLatin), 0);
  EXPECT_EQ(RougeF1("今天", "今天", RougeKind::k1, RougeTokens::kHan), 1);
}

TEST(Rouge, LTakesTheLongestSubsequenceAndNotTheLongestRun) {
  // a b c d is a subsequence of the prediction (4 of 6 and of 4 tokens).
  EXPECT_DOUBLE_EQ(RougeF1("a x b c y d", "a b c d", RougeKind::kL, RougeTokens::kLatin), 0.8);
}

}  // namespace
}  // namespace crumb
