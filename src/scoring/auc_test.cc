#include "scoring/auc.h"

#include <cmath>

#include "scoring/fixture_for_test.h"

namespace crumb {
namespace {

TEST(RocAuc, IsScikitLearnsWithAndWithoutTies) {
  for (const Json& sample : ScoringFixture()["numbers"]) {
    const auto labels = sample["labels"].get<std::vector<double>>();
    const auto scores = sample["scores"].get<std::vector<double>>();
    EXPECT_NEAR(RocAuc(labels, scores), sample["auc"].get<double>(), 1e-14) << labels.size();
  }
}

TEST(RocAuc, OfEqualScoresIsHalfAndOfOneClassIsUndefined) {
  EXPECT_EQ(RocAuc(std::vector<double>{0, 1, 1}, std::vector<double>{3, 3, 3}), 0.5);
  EXPECT_TRUE(std::isnan(RocAuc(std::vector<double>{1, 1}, std::vector<double>{1, 2})));
}

TEST(AucScorer, RefusesALabelThatIsNoClass) {
  const Result<std::vector<ScoringItem>> items =
      ParseItems(R"({"id": 1, "label": 2, "score": 0.5})", "f");
  ASSERT_TRUE(items.ok());
  const Result<ScoreRows> rows = MakeRows(AucScorer(), *items, "f");
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.status().message(), "f: line 1: \"label\" must be 0 or 1 for an AUC (metric auc)");
}

}  // namespace
}  // namespace crumb
