#include "lab/study_losses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "evidence/metrics.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;

Evidence Row(std::string_view metric_name, const std::string& subject, double value,
             const std::string& text = "", const std::string& detail = "") {
  Evidence row;
  row.metric = metric_name;
  row.subject = subject;
  row.value = value;
  row.text = text;
  row.detail = detail;
  row.model = "m";
  row.model_sha256 = "aa";
  return row;
}

std::vector<Evidence> Study() {
  std::vector<Evidence> rows = {
      Row(metric::kWeightBytes, "reference", 4e6),
      Row(metric::kTotalBits, "reference", 32),
      Row(metric::kPerplexityRatio, "int2", 1.5, "zh"),
      Row(metric::kTaskAccuracy, "reference", 0.6, "piqa:acc",
          R"({"category":"commonsense","language":"en","chance":0.5})"),
      Row(metric::kTaskChange, "int2", -0.04, "piqa:acc", R"({"verdict":"worse"})"),
  };
  rows[2].low = 1.4;
  rows[2].high = 1.6;
  rows[4].low = -0.06;
  rows[4].high = -0.02;
  return rows;
}

TEST(LossesOf, AStudyComeByLanguageAndKindOfTaskWithTheSizeOfItsModel) {
  const std::vector<StudyLoss> losses = LossesOf(Study()).value();
  ASSERT_EQ(losses.size(), 2u);
  EXPECT_DOUBLE_EQ(losses[0].parameters, 1e6);
  EXPECT_DOUBLE_EQ(losses[0].loss, std::log(1.5));
  EXPECT_DOUBLE_EQ(losses[0].interval.low, std::log(1.4));
  EXPECT_EQ(losses[0].kind, "text");
  EXPECT_EQ(losses[0].language, "zh");
  EXPECT_DOUBLE_EQ(losses[1].loss, 0.04);
  EXPECT_DOUBLE_EQ(losses[1].interval.low, 0.02);  // the interval turns round with the sign
  EXPECT_DOUBLE_EQ(losses[1].interval.high, 0.06);
  EXPECT_EQ(losses[1].kind, "commonsense");
  EXPECT_EQ(losses[1].verdict, "worse");
  EXPECT_EQ(losses[1].point.chance, 0.5);
  EXPECT_EQ(losses[1].point.accuracy, 0.6);
}

TEST(LossesOf, ComparisonsOfActivationsAreNotLossesOfAVersion) {
  std::vector<Evidence> rows = Study();
  rows[2].options = R"({"axis":"activations"})";
  EXPECT_EQ(LossesOf(rows)->size(), 1u);
}

TEST(LossesOf, TwoModelsInOneLedgerAreRefusedWithBothHashes) {
  std::vector<Evidence> rows = Study();
  rows.back().model_sha256 = "bb";
  const Status status = LossesOf(rows).status();
  EXPECT_THAT(status.message(), HasSubstr("aa"));
  EXPECT_THAT(status.message(), HasSubstr("bb"));
  rows = Study();
  rows.erase(rows.begin());
  EXPECT_EQ(LossesOf(rows).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace crumb
