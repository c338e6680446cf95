#include "scoring/chrf.h"

#include "scoring/fixture_for_test.h"

namespace crumb {
namespace {

// Sums of a few quotients on both sides.
constexpr double kTolerance = 1e-10;

void ExpectSacrebleus(const std::string& name, int word_order) {
  const Json& expected = ScoringFixture()[name];
  const std::vector<ScoringItem> items = FixtureItems({"english", "chinese"});
  const Scorer scorer = ChrfScorer(word_order);
  EXPECT_EQ(scorer.name, name);
  EXPECT_NEAR(CorpusScore(scorer, items), expected["score"].get<double>(), kTolerance);
  ExpectScores(ItemScores(scorer, items), expected["each"], kTolerance);
  EXPECT_EQ(scorer.signature(items), WithoutVersion(expected["signature"].get<std::string>()));
}

TEST(Chrf, IsSacrebleus) { ExpectSacrebleus("chrf", 0); }
TEST(Chrf, WithWordsIsSacrebleusToo) { ExpectSacrebleus("chrf++", 2); }

TEST(Chrf, CountsCharactersAndNotBytes) {
  // One of two Chinese characters is right: half of the 1-grams, none of the 2-grams.
  const std::vector<std::string> reference = {"中国"};
  const std::vector<double> counts = CountChrf("中文", reference, 0);
  EXPECT_EQ(std::vector<double>(counts.begin(), counts.begin() + 6),
            (std::vector<double>{2, 2, 1, 1, 1, 0}));
}

}  // namespace
}  // namespace crumb
