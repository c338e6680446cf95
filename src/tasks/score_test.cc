#include "tasks/score.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/rng.h"
#include "tasks/probe.h"
#include "tasks/results_json.h"

namespace crumb {
namespace {

TaskItem Choice(const std::string& id, std::vector<std::string> choices, int64_t gold) {
  TaskItem item;
  item.id = id;
  item.choices = std::move(choices);
  item.gold = gold;
  for (const std::string& choice : item.choices) {
    item.contexts.emplace_back("q");
    item.continuations.push_back(" " + choice);
  }
  return item;
}

ItemAnswer Answer(const std::vector<double>& log_probabilities) {
  ItemAnswer answer;
  for (const double value : log_probabilities) answer.choices.push_back({value, 2, false});
  return answer;
}

TEST(PickChoice, NormalizesByCharactersBytesOrTokens) {
  const TaskItem item = Choice("0", {"ab", "中文字符", "abcdefgh"}, 0);
  EXPECT_EQ(PickChoice(item, Answer({-4, -5, -6}), "acc"), 0);
  // Per character -2, -1.25, -0.75; per byte -2, -5/12, -0.75; per token the order of the sums.
  EXPECT_EQ(PickChoice(item, Answer({-4, -5, -6}), "acc_norm"), 2);
  EXPECT_EQ(PickChoice(item, Answer({-4, -5, -6}), "acc_bytes"), 1);
  EXPECT_EQ(PickChoice(item, Answer({-4, -5, -6}), "acc_tokens"), 0);
  EXPECT_EQ(PickChoice(item, Answer({-4, -4, -4}), "acc"), 0);  // the first among equals
}

TaskItems ManyItems(int64_t n, int64_t per_cluster) {
  TaskItems items;
  for (int64_t i = 0; i < n; ++i) {
    items.items.push_back(Choice(std::to_string(i), {"a", "b", "c", "d"}, 0));
    items.items.back().cluster = i / per_cluster;
  }
  items.has_clusters = per_cluster > 1;
  return items;
}

std::vector<bool> FirstRight(int64_t n, int64_t right) {
  std::vector<bool> flags(static_cast<size_t>(n));
  for (int64_t i = 0; i < right; ++i) flags[static_cast<size_t>(i)] = true;
  return flags;
}

TEST(ScoreItems, GivesTheWilsonIntervalAndTheHarnessStandardError) {
  const TaskScore score = ScoreItems(ManyItems(100, 1), FirstRight(100, 81));
  EXPECT_DOUBLE_EQ(score.value, 0.81);
  EXPECT_NEAR(score.interval.low, 0.72221, 5e-6);
  EXPECT_NEAR(score.interval.high, 0.87485, 5e-6);
  EXPECT_NEAR(score.standard_error, std::sqrt(0.81 * 0.19 / 99), 1e-12);  // n - 1
  EXPECT_DOUBLE_EQ(score.chance, 0.25);
  EXPECT_FALSE(score.clustered);
}

TEST(ScoreItems, ItemsOfOnePassageWidenTheInterval) {
  // Whole passages right or wrong: ten independent trials in truth.
  const TaskScore alone = ScoreItems(ManyItems(100, 1), FirstRight(100, 60));
  const TaskScore shared = ScoreItems(ManyItems(100, 10), FirstRight(100, 60));
  EXPECT_TRUE(shared.clustered);
  EXPECT_GT(shared.standard_error, 3 * alone.standard_error);
  EXPECT_GT(shared.interval.high - shared.interval.low,
            2 * (alone.interval.high - alone.interval.low));
}

TEST(CompareItems, IsPairedAndFlagsWhatNoRoundingExplains) {
  const TaskItems items = ManyItems(200, 1);
  const TaskComparison same = CompareItems(items, FirstRight(200, 120), FirstRight(200, 120));
  EXPECT_EQ(same.counts.flips(), 0);
  EXPECT_EQ(same.p, 1);
  EXPECT_EQ(TaskVerdict(same), "no difference shown");
  EXPECT_DOUBLE_EQ(same.detectable, 6.0 / 200);

  const TaskComparison worse = CompareItems(items, FirstRight(200, 120), FirstRight(200, 90));
  EXPECT_EQ(worse.counts.only_a, 30);
  EXPECT_EQ(TaskVerdict(worse), "worse");
  EXPECT_FALSE(worse.below_chance);

  const TaskComparison broken = CompareItems(items, FirstRight(200, 120), FirstRight(200, 10));
  EXPECT_TRUE(broken.below_chance);  // 5 % where guessing gives 25 %
  const TaskComparison above = CompareItems(items, FirstRight(200, 90), FirstRight(200, 120));
  EXPECT_TRUE(above.above_reference);
}

TEST(CompareItems, AReferenceAtChanceHasNothingToLose) {
  const TaskItems items = ManyItems(200, 1);
  const TaskComparison floor = CompareItems(items, FirstRight(200, 52), FirstRight(200, 20));
  EXPECT_TRUE(floor.floor);
  EXPECT_EQ(TaskVerdict(floor), "at chance");
}

TEST(AdjustTogether, MakesOneOfManyFindingsHarderToCallOne) {
  const TaskItems items = ManyItems(200, 1);
  TaskComparison one = CompareItems(items, FirstRight(200, 120), FirstRight(200, 113));
  ASSERT_LT(one.p, 0.05);  // seven lost, none won: 2 / 2^7
  TaskComparison others[4];
  AdjustTogether({&one, &others[0], &others[1], &others[2], &others[3]});
  EXPECT_GT(one.p_adjusted, 0.05);
  EXPECT_EQ(TaskVerdict(one), "no difference shown");
}

TEST(NearestClass, FindsClassesThatLieApartAndNotItself) {
  Embeddings embeddings;
  std::vector<int64_t> labels;
  for (int i = 0; i < 40; ++i) {
    const float along = i % 2 == 0 ? 1.0f : 0.0f;
    embeddings.push_back({along, 1 - along});
    labels.push_back(i % 2);
  }
  EXPECT_EQ(NearestClass(embeddings, labels, 2), labels);
  // One item of a class alone has no mean to meet: it goes to another.
  labels.assign(40, 0);
  labels[7] = 1;
  EXPECT_EQ(NearestClass(embeddings, labels, 2)[7], 0);
}

TEST(Similarity, IsRankedAgainstPeopleAndComparedOnTheSamePairs) {
  const Task task = FindTask("stsb").value();
  TaskItems items;
  TaskAnswers good;
  TaskAnswers bad;
  Rng rng(5);
  for (int i = 0; i < 200; ++i) {
    TaskItem item;
    item.score = 5 * rng.Uniform();
    items.items.push_back(item);
    ItemAnswer answer;
    answer.similarity = item.score + 0.5 * rng.Gaussian();
    good.of.push_back(answer);
    answer.similarity = item.score + 3 * rng.Gaussian();
    bad.of.push_back(answer);
  }
  const MetricName name = MetricsOf(task).front();
  EXPECT_EQ(name.Label(), "spearman,none");
  const MetricResult reference = ScoreMetric(task, items, good, name).value();
  MetricResult model = ScoreMetric(task, items, bad, name).value();
  EXPECT_GT(reference.score.value, 0.9);
  EXPECT_LT(reference.score.interval.low, reference.score.value);
  CompareMetric(task, items, reference, good, bad, &model);
  EXPECT_EQ(model.comparison.difference.value, model.score.value - reference.score.value);
  EXPECT_LT(model.comparison.difference.interval.high, 0);
  EXPECT_EQ(TaskVerdict(model.comparison), "worse");
  MetricResult same = reference;
  CompareMetric(task, items, reference, good, good, &same);
  EXPECT_EQ(same.comparison.difference.value, 0);
  EXPECT_EQ(TaskVerdict(same.comparison), "no difference shown");
}

TEST(ResultsJson, HasTheKeysThatReadersOfTheHarnessLookFor) {
  TaskResult result;
  result.task = FindTask("piqa").value();
  result.items = ManyItems(4, 1);
  for (int i = 0; i < 4; ++i) result.answers.of.push_back(Answer({-1, -2, -3, -4}));
  for (const MetricName& name : MetricsOf(result.task)) {
    MetricResult metric;
    metric.name = name;
    metric.right = RightItems(result.task, result.items, result.answers, name).value();
    metric.score = ScoreItems(result.items, metric.right);
    metric.compared = true;
    metric.comparison = CompareItems(result.items, metric.right, metric.right);
    result.metrics.push_back(metric);
  }
  const Json json = ResultsJson({result});
  EXPECT_EQ(json["results"]["piqa"]["acc,none"], 1.0);
  EXPECT_TRUE(json["results"]["piqa"].contains("acc_norm_stderr,none"));
  EXPECT_EQ(json["results"]["piqa"]["alias"], "piqa");
  EXPECT_EQ(json["versions"]["piqa"], "1.0");
  EXPECT_EQ(json["n-shot"]["piqa"], 0);
  EXPECT_EQ(json["higher_is_better"]["piqa"]["acc"], true);
  EXPECT_EQ(json["comparisons"]["piqa"]["acc,none"]["flips"], 0);

  const std::string lines = SamplesJsonLines(result);
  const Json first = ParseJson(lines.substr(0, lines.find('\n')), "samples").value();
  EXPECT_EQ(first["doc_id"], "0");
  EXPECT_EQ(first["arguments"][1][1], " b");
  EXPECT_EQ(first["resps"][3][0], -4.0);
  EXPECT_EQ(first["acc"], 1.0);
}

}  // namespace
}  // namespace crumb
