#include "advice/advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "advice/scenarios.h"
#include "advice/text_lines.h"

namespace crumb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Matrix, BandsAreHalfOpenAndLeaveNoGap) {
  EXPECT_EQ(BandOf(40).chinese, "强烈推荐INT2");
  EXPECT_EQ(BandOf(35).chinese, "强烈推荐INT2");
  EXPECT_EQ(BandOf(34.5).chinese, "可尝试INT2/INT4");
  EXPECT_EQ(BandOf(25).chinese, "可尝试INT2/INT4");
  EXPECT_EQ(BandOf(24.9).chinese, "建议INT4/INT8");
  EXPECT_EQ(BandOf(15).chinese, "建议INT4/INT8");
  EXPECT_EQ(BandOf(14.9).chinese, "不建议极低比特");
  EXPECT_EQ(BandOf(0).chinese, "不建议极低比特");
}

TEST(Matrix, RefusesScoresOutside) {
  EXPECT_FALSE(MatrixTotal({11, 0, 0, 0}).ok());
  EXPECT_FALSE(MatrixTotal({0, -1, 0, 0}).ok());
  EXPECT_FALSE(MatrixTotal({0, 0, std::nan(""), 0}).ok());
  EXPECT_EQ(MatrixTotal({10, 5, 0, 2.5}).value(), 17.5);
}

// Rows of a study of `parameters` with a reference at 32 bits and versions (name, ratio, bytes,
// speed).
struct TestVersion {
  const char* name;
  double ratio, bytes, speed;
};
class TestStudy {
 public:
  TestStudy(double parameters, const std::vector<TestVersion>& versions) {
    Add("reference", "weight_memory_bytes", parameters * 4);
    Add("reference", "total_bits_per_weight", 32);
    Add("reference", "generation_tokens_per_second", 10);
    for (const TestVersion& version : versions) {
      Add(version.name, "perplexity_ratio", version.ratio);
      Add(version.name, "weight_memory_bytes", version.bytes);
      Add(version.name, "generation_tokens_per_second", version.speed);
    }
  }
  void Add(const std::string& subject, const std::string& metric, double value) {
    Evidence row;
    row.id = static_cast<int64_t>(rows_.size()) + 1;
    row.subject = subject;
    row.metric = metric;
    row.value = value;
    row.low = value * 0.99;
    row.high = value * 1.01;
    row.model = "tiny";
    row.model_sha256 = std::string(64, 'a');
    row.cpu_model = "Test CPU";
    row.kernel_set = "avx2";
    rows_.push_back(row);
  }
  std::vector<Evidence>& rows() { return rows_; }
  StudyView View() const { return ViewStudy(rows_).value(); }

 private:
  std::vector<Evidence> rows_;
};

const std::vector<TestVersion> kVersions = {{"int8+embed8", 1.001, 100, 15},
                                            {"trellis4+embed8", 1.02, 50, 30},
                                            {"int4+embed8", 1.03, 55, 29},
                                            {"trellis2+embed8", 1.3, 30, 40},
                                            {"int2+embed8", 5, 33, 41}};

TEST(Advice, ScoresComeFromEvidenceWithTheirRows) {
  const TestStudy study(500e6, kVersions);
  const StudyView view = study.View();
  AdviceInput input;
  input.memory_limit = 300e6;
  input.accepted_loss = 2;
  const Result<Advice> advice = Advise(input, &view);
  ASSERT_TRUE(advice.ok()) << advice.status().message();
  EXPECT_EQ(advice->scores[0].value, 5);  // 1 GB at FP16 does not fit
  EXPECT_EQ(advice->scores[1].value, 5);
  EXPECT_EQ(advice->scores[2].value, 5);
  EXPECT_THAT(advice->scores[2].rows, ElementsAre(1, 2));
  EXPECT_EQ(advice->scores[3].value, 0);
  EXPECT_EQ(advice->total, 15);
  EXPECT_EQ(advice->band->chinese, "建议INT4/INT8");
}

TEST(Advice, TheAnchorsOfTheNote) {
  const auto size = [](double parameters) {
    const TestStudy study(parameters, kVersions);
    const StudyView view = study.View();
    AdviceInput input;
    input.r = input.a = input.h = 0;
    return Advise(input, &view)->scores[2].value;
  };
  EXPECT_EQ(size(99e6), 0);
  EXPECT_EQ(size(100e6), 5);
  EXPECT_EQ(size(1e9), 5);
  EXPECT_EQ(size(1.1e9), 10);
  const auto tolerance = [](double loss) {
    AdviceInput input;
    input.r = input.s = input.h = 0;
    input.accepted_loss = loss;
    return Advise(input, nullptr)->scores[1].value;
  };
  EXPECT_EQ(tolerance(0), 0);
  EXPECT_EQ(tolerance(2.9), 5);
  EXPECT_EQ(tolerance(4), 5);
  EXPECT_EQ(tolerance(5), 10);
  const auto hardware = [](const char* name) {
    AdviceInput input;
    input.r = input.a = input.s = 0;
    input.hardware = name;
    return Advise(input, nullptr)->scores[3].value;
  };
  EXPECT_EQ(hardware("fpga"), 10);
  EXPECT_EQ(hardware("arm"), 5);
  EXPECT_EQ(hardware("gpu"), 0);
  AdviceInput budget;
  budget.a = budget.s = budget.h = 0;
  budget.budget = 200;
  budget.reference_cost = 1000;
  EXPECT_EQ(Advise(budget, nullptr)->scores[0].value, 10);
  budget.budget = 1000;
  EXPECT_EQ(Advise(budget, nullptr)->scores[0].value, 0);
}

TEST(Advice, AMissingScoreNamesItsOption) {
  AdviceInput input;
  EXPECT_THAT(Advise(input, nullptr).status().message(), HasSubstr("--memory"));
  input.r = 1;
  EXPECT_THAT(Advise(input, nullptr).status().message(), HasSubstr("--accept-loss"));
  input.a = 1;
  EXPECT_THAT(Advise(input, nullptr).status().message(), HasSubstr("--s"));
  input.s = 1;
  EXPECT_THAT(Advise(input, nullptr).status().message(), HasSubstr("--hardware"));
  input.h = 1;
  EXPECT_EQ(Advise(input, nullptr)->total, 4);
}

// The total never knows of the overrides: all 81 combinations of the anchors.
TEST(Advice, OverridesStandBesideTheTotalAndExplainThemselves) {
  int vetoed = 0;
  for (const double r : {0, 5, 10}) {
    for (const double a : {0, 5, 10}) {
      for (const double s : {0, 5, 10}) {
        for (const double h : {0, 5, 10}) {
          AdviceInput input;
          input.r = r;
          input.a = a;
          input.s = s;
          input.h = h;
          const Result<Advice> advice = Advise(input, nullptr);
          ASSERT_TRUE(advice.ok());
          EXPECT_EQ(advice->total, r + a + s + h);
          EXPECT_EQ(advice->overrides[0].state == OverrideState::kApplies, a == 0);
          EXPECT_EQ(advice->overrides[1].state == OverrideState::kApplies, s == 0);
          if (a == 0 && advice->total >= 25) {
            ++vetoed;
            EXPECT_THAT(advice->contradiction.en, HasSubstr("no fewer than 8 bits"));
            EXPECT_THAT(advice->contradiction.zh, HasSubstr("不低于8位"));
          }
          if (a > 0 && s > 0) {
            EXPECT_TRUE(advice->contradiction.en.empty());
          }
        }
      }
    }
  }
  EXPECT_EQ(vetoed, 4);
}

TEST(Advice, MeasuredSpeedDecidesWhetherTwoBitsArePaidFor) {
  AdviceInput input;
  input.r = input.a = input.s = 10;
  {
    const TestStudy study(2e9, kVersions);
    const StudyView view = study.View();
    const Result<Advice> advice = Advise(input, &view);
    EXPECT_EQ(advice->overrides[2].state, OverrideState::kDoesNotApply);
    // H is 0 by kind, but this machine was measured: the sentence says so.
    EXPECT_EQ(advice->total, 30);
    EXPECT_THAT(advice->contradiction.en, HasSubstr("measured to be faster"));
  }
  std::vector<TestVersion> slow = kVersions;
  slow[3].speed = 25;
  slow[4].speed = 24;
  const TestStudy study(2e9, slow);
  const StudyView view = study.View();
  const Result<Advice> advice = Advise(input, &view);
  EXPECT_EQ(advice->overrides[2].state, OverrideState::kApplies);
  EXPECT_THAT(advice->overrides[2].why.en, HasSubstr("slower"));
  EXPECT_THAT(advice->contradiction.en, HasSubstr("no fewer than 4 bits"));
}

TEST(Advice, HighRiskFieldsAndExactTasksForbidFewBits) {
  AdviceInput input;
  input.r = input.a = input.s = input.h = 10;
  EXPECT_TRUE(Advise(input, nullptr)->contradiction.en.empty());
  input.field = "driving";
  EXPECT_THAT(Advise(input, nullptr)->contradiction.en, HasSubstr("no fewer than 16 bits"));
  input.field.clear();
  input.task = "code";
  EXPECT_THAT(Advise(input, nullptr)->contradiction.en, HasSubstr("exact-memory allows"));
}

TEST(Advice, TheParetoSetHoldsWhatNothingBeats) {
  std::vector<TestVersion> versions = kVersions;
  versions[2].speed = 20;  // int4: more loss, more bytes and slower than trellis4
  const TestStudy study(2e9, versions);
  const StudyView view = study.View();
  for (const Candidate& candidate : Compare(view, 0)) {
    EXPECT_EQ(candidate.best, candidate.version->name != "int4+embed8") << candidate.version->name;
  }
}

TEST(Advice, ThreeReadersTakeWhatTheirRuleSays) {
  const TestStudy study(2e9, kVersions);
  const StudyView view = study.View();
  AdviceInput input;
  input.r = input.a = input.h = 10;
  const Result<Advice> advice = Advise(input, &view);
  ASSERT_EQ(advice->recommendations.size(), 3u);
  EXPECT_EQ(advice->recommendations[0].choice->version->name, "trellis4+embed8");  // fastest kept
  EXPECT_EQ(advice->recommendations[1].choice->version->name, "trellis4+embed8");  // smallest kept
  EXPECT_EQ(advice->recommendations[2].choice->version->name, "int8+embed8");      // best
  input.memory_limit = 40;
  EXPECT_EQ(Advise(input, &view)->recommendations[2].choice->version->name, "trellis2+embed8");
  // What an override forbids is recommended to nobody.
  input.a = 0;
  const Result<Advice> critical = Advise(input, &view);
  EXPECT_EQ(critical->recommendations[0].choice->version->name, "int8+embed8");
  EXPECT_EQ(critical->recommendations[2].choice, nullptr);
}

TEST(Advice, AMeasuredLossAboveWhatIsAcceptedIsRecommendedToNobody) {
  TestStudy study(2e9, kVersions);
  study.Add("trellis4+embed8", "task_accuracy_change", -0.01);
  study.Add("trellis4+embed8", "task_accuracy_change", -0.06);
  study.rows().back().text = "piqa:acc_norm";
  study.Add("int8+embed8", "task_accuracy_change", 0.005);
  const StudyView view = study.View();
  AdviceInput input;
  input.r = input.h = 10;
  input.accepted_loss = 7;
  EXPECT_EQ(Advise(input, &view)->recommendations[1].choice->version->name, "trellis4+embed8");
  input.accepted_loss = 5;
  EXPECT_EQ(Advise(input, &view)->recommendations[1].choice->version->name, "int4+embed8");
}

TEST(Advice, PitfallsAreWhatWasMeasured) {
  std::vector<TestVersion> versions = kVersions;
  versions.push_back({"trellis4+embed-trellis4", 1.5, 40, 31});
  versions[3].ratio = 2.5;
  const TestStudy study(50e6, versions);
  const StudyView view = study.View();
  AdviceInput input;
  input.r = input.a = 5;
  const Result<Advice> advice = Advise(input, &view);
  const std::vector<Pitfall>& checks = advice->pitfalls;
  EXPECT_EQ(checks[0].state, CheckState::kGood);     // 4x faster than the reference
  EXPECT_EQ(checks[1].state, CheckState::kWarning);  // broken at 2 bits
  EXPECT_EQ(checks[2].state, CheckState::kWarning);  // the embedding at 4 bits loses more
  EXPECT_EQ(checks[3].state, CheckState::kWarning);  // 50 million parameters
  for (const Pitfall& check : checks) EXPECT_FALSE(check.rows.empty()) << check.name;
}

TEST(StudyView, RowsOfTwoModelsAreRefusedWithBothHashes) {
  TestStudy study(1e9, kVersions);
  study.rows().back().model_sha256 = std::string(64, 'b');
  const Result<StudyView> view = ViewStudy(study.rows());
  ASSERT_FALSE(view.ok());
  EXPECT_THAT(view.status().message(), HasSubstr(std::string(64, 'a')));
  EXPECT_THAT(view.status().message(), HasSubstr(std::string(64, 'b')));
}

TEST(Scenarios, AreFoundByWordsOfEitherLanguage) {
  const Result<std::vector<Scenario>> all = ShippedScenarios();
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(all->size(), 22u);
  EXPECT_EQ(FindScenarios(*all, "").size(), 22u);
  EXPECT_EQ(FindScenarios(*all, "unsuitable").size(), 9u);
  EXPECT_EQ(FindScenarios(*all, "suitable").size(), 13u);
  ASSERT_EQ(FindScenarios(*all, "医疗").size(), 1u);
  EXPECT_EQ(FindScenarios(*all, "医疗")[0].id, "medical");
  EXPECT_EQ(FindScenarios(*all, "GAME int2")[0].id, "game");
  EXPECT_TRUE(FindScenarios(*all, "blockchain").empty());
}

TEST(TextLines, NoLineIsWiderThanEightyColumns) {
  const std::string text =
      "一个很长的句子，没有空格可以断行，于是只能在宽字符之间断开，直到这一行结束为止，然后继续写下"
      "去，再写一些 "
      "and words with spaces that go on and on until the line is full and then some more of them";
  std::string rest = Wrapped(text, 4);
  int lines = 0;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    EXPECT_LE(Columns(std::string_view(rest).substr(0, end)), 80u);
    rest.erase(0, end + 1);
    ++lines;
  }
  EXPECT_GE(lines, 3);
  EXPECT_EQ(Fit("位宽", 3), "位 ");
}

}  // namespace
}  // namespace crumb
