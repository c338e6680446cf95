#include "scoring/accuracy.h"

#include "scoring/fixture_for_test.h"

namespace crumb {
namespace {

TEST(Accuracy, IsScikitLearns) {
  for (const Json& sample : ScoringFixture()["numbers"]) {
    std::vector<ScoringItem> items;
    for (size_t i = 0; i < sample["labels"].size(); ++i) {
      ScoringItem& item = items.emplace_back();
      item.label = sample["labels"][i].dump();
      item.prediction = sample["scores"][i].get<double>() > 0.4 ? "1" : "0";
    }
    EXPECT_DOUBLE_EQ(CorpusScore(AccuracyScorer(), items), sample["accuracy"].get<double>());
  }
}

TEST(Accuracy, OfANumberAndOfTheSameNumberAsTextIsRight) {
  const Result<std::vector<ScoringItem>> items = ParseItems(
      R"({"id": 1, "prediction": "1", "label": 1}
{"id": 2, "prediction": true, "label": "true"}
{"id": 3, "prediction": "spam", "label": "ham"})",
      "f");
  ASSERT_TRUE(items.ok()) << items.status().message();
  EXPECT_DOUBLE_EQ(CorpusScore(AccuracyScorer(), *items), 2.0 / 3);
}

}  // namespace
}  // namespace crumb
