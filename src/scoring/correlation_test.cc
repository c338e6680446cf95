#include "scoring/correlation.h"

#include <cmath>

#include "scoring/fixture_for_test.h"

namespace crumb {
namespace {

std::vector<ScoringItem> Pairs(const Json& x, const Json& y) {
  std::vector<ScoringItem> items;
  for (size_t i = 0; i < x.size(); ++i) {
    ScoringItem& item = items.emplace_back();
    item.score = x[i].get<double>();
    item.label = y[i].dump();
    item.label_number = y[i].get<double>();
  }
  return items;
}

TEST(Correlation, IsScipysWithTies) {
  for (const Json& sample : ScoringFixture()["numbers"]) {
    const std::vector<ScoringItem> items = Pairs(sample["scores"], sample["other"]);
    EXPECT_NEAR(CorpusScore(CorrelationScorer(CorrelationKind::kPearson), items),
                sample["pearson"].get<double>(), 1e-12);
    EXPECT_NEAR(CorpusScore(CorrelationScorer(CorrelationKind::kSpearman), items),
                sample["spearman"].get<double>(), 1e-12);
  }
}

TEST(Correlation, OfAConstantIsUndefinedAndSaysSo) {
  const std::vector<ScoringItem> items = Pairs(Json::array({1, 2}), Json::array({3, 3}));
  const Scorer scorer = CorrelationScorer(CorrelationKind::kSpearman);
  const Result<ScoreRows> rows = MakeRows(scorer, items, "f");
  ASSERT_TRUE(rows.ok());
  const Result<FileScore> score = ScoreFile(scorer, *rows);
  ASSERT_FALSE(score.ok());
  EXPECT_NE(score.status().message().find("same number"), std::string::npos);
}

}  // namespace
}  // namespace crumb
