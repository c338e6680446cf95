#include "scoring/squad.h"

#include "scoring/fixture_for_test.h"

namespace crumb {
namespace {

constexpr double kTolerance = 1e-14;  // one quotient

TEST(SquadF1, IsThatOfTheRulesWrittenInPython) {
  ExpectScores(ItemScores(SquadF1Scorer(SquadRules::kEnglish), FixtureItems({"qa"})),
               ScoringFixture()["squad_f1"], kTolerance);
}

TEST(SquadExactMatch, IsThatOfTheRulesWrittenInPython) {
  const std::vector<double> scores =
      ItemScores(SquadExactMatchScorer(SquadRules::kEnglish), FixtureItems({"qa"}));
  const Json& expected = ScoringFixture()["squad_em"];
  ASSERT_EQ(scores.size(), expected.size());
  for (size_t i = 0; i < scores.size(); ++i) EXPECT_EQ(scores[i] == 1, expected[i].get<bool>());
}

TEST(SquadF1, WithChineseRulesIsThatOfTheRulesWrittenInPython) {
  ExpectScores(
      ItemScores(SquadF1Scorer(SquadRules::kChinese), FixtureItems({"english", "chinese"})),
      ScoringFixture()["squad_f1_zh"], kTolerance);
}

TEST(SquadF1, TakesEachHanCharacterAsATokenOnlyWithChineseRules) {
  // Two of three characters are right on both sides.
  EXPECT_EQ(SquadF1("北京市。", "北京城", SquadRules::kEnglish), 0);
  EXPECT_DOUBLE_EQ(SquadF1("北京市。", "北京城", SquadRules::kChinese), 2.0 / 3);
}

TEST(SquadTokens, LoseArticlesOnlyAsWholeWords) {
  EXPECT_EQ(SquadTokens("The theory: an ant, a 2a.", SquadRules::kEnglish),
            (std::vector<std::string>{"theory", "ant", "2a"}));
}

}  // namespace
}  // namespace crumb
