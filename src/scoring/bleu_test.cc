#include "scoring/bleu.h"

#include "scoring/fixture_for_test.h"

namespace crumb {
namespace {

// Both sides add up the same counts; logarithms and the exponential round differently by a few
// 2^-53 of at most 100.
constexpr double kTolerance = 1e-10;

std::string Joined(const std::vector<std::string>& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += (text.empty() ? "" : " ") + token;
  return text;
}

TEST(BleuTokenize, CutsAsSacrebleuDoes) {
  const std::vector<ScoringItem> items = FixtureItems({"english", "chinese"});
  for (size_t i = 0; i < items.size(); ++i) {
    EXPECT_EQ(Joined(BleuTokenize(*items[i].prediction, BleuTokens::k13a)),
              ScoringFixture()["tokens_13a"][i].get<std::string>());
    EXPECT_EQ(Joined(BleuTokenize(*items[i].prediction, BleuTokens::kZh)),
              ScoringFixture()["tokens_zh"][i].get<std::string>());
  }
}

TEST(Bleu, OfTheEnglishCorpusIsSacrebleus) {
  const Json& expected = ScoringFixture()["bleu_13a"];
  const std::vector<ScoringItem> items = FixtureItems({"english"});
  const Scorer scorer = BleuScorer(BleuTokens::k13a);
  EXPECT_NEAR(CorpusScore(scorer, items), expected["score"].get<double>(), kTolerance);
  ExpectScores(ItemScores(scorer, items), expected["each"], kTolerance);
  EXPECT_EQ(scorer.signature(items), WithoutVersion(expected["signature"].get<std::string>()));
}

TEST(Bleu, OfTheMixedCorpusWithChineseTokensIsSacrebleus) {
  const Json& expected = ScoringFixture()["bleu_zh"];
  const std::vector<ScoringItem> items = FixtureItems({"english", "chinese"});
  const Scorer scorer = BleuScorer(BleuTokens::kZh);
  EXPECT_NEAR(CorpusScore(scorer, items), expected["score"].get<double>(), kTolerance);
  ExpectScores(ItemScores(scorer, items), expected["each"], kTolerance);
  EXPECT_EQ(scorer.signature(items), WithoutVersion(expected["signature"].get<std::string>()));
}

TEST(Bleu, OfTheReferenceItselfIsAHundredAndOfNothingIsZero) {
  const std::vector<std::string> reference = {"one two three four five"};
  EXPECT_DOUBLE_EQ(BleuOf(CountBleu(reference[0], reference, BleuTokens::k13a)), 100);
  EXPECT_EQ(BleuOf(CountBleu("", reference, BleuTokens::k13a)), 0);
  EXPECT_EQ(BleuOf(CountBleu("six", reference, BleuTokens::k13a)), 0);
}

}  // namespace
}  // namespace crumb
