#include "tasks/score.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "tasks/generated.h"
#include "tasks/similarity.h"

namespace crumb {
namespace {

std::vector<double> AsNumbers(const std::vector<bool>& flags) {
  std::vector<double> numbers(flags.size());
  for (size_t i = 0; i < flags.size(); ++i) numbers[i] = flags[i] ? 1 : 0;
  return numbers;
}

std::vector<int64_t> ClustersOf(const TaskItems& items) {
  std::vector<int64_t> clusters;
  if (!items.has_clusters) return clusters;
  for (const TaskItem& item : items.items) clusters.push_back(item.cluster);
  return clusters;
}

Interval Cut(const Interval& interval, double low, double high) {
  return {std::clamp(interval.low, low, high), std::clamp(interval.high, low, high)};
}

}  // namespace

std::vector<MetricName> MetricsOf(const Task& task) {
  std::vector<MetricName> names;
  for (const std::string& metric : task.metrics) {
    if (task.kind != TaskKind::kGenerate || task.filters.empty()) names.push_back({metric});
    if (task.kind != TaskKind::kGenerate) continue;
    for (const AnswerFilter& filter : task.filters) names.push_back({metric, filter.name});
  }
  return names;
}

Result<std::vector<bool>> RightItems(const Task& task, const TaskItems& items,
                                     const TaskAnswers& answers, const MetricName& metric) {
  CRUMB_CHECK(items.items.size() == answers.of.size() && task.kind != TaskKind::kSimilarity);
  const auto filter = std::ranges::find(task.filters, metric.filter, &AnswerFilter::name);
  std::vector<bool> right;
  for (size_t i = 0; i < items.items.size(); ++i) {
    const TaskItem& item = items.items[i];
    const ItemAnswer& answer = answers.of[i];
    if (task.kind == TaskKind::kMultipleChoice) {
      right.push_back(PickChoice(item, answer, metric.metric) == item.gold);
    } else if (task.kind == TaskKind::kProbe) {
      right.push_back(answer.label == item.gold);
    } else {
      std::string text = answer.text;
      if (filter != task.filters.end()) {
        CRUMB_ASSIGN_OR_RETURN(text, FilterAnswer(*filter, text));
      }
      CRUMB_ASSIGN_OR_RETURN(const bool same, ExactMatch(task, text, item.target));
      right.push_back(same);
    }
  }
  return right;
}

TaskScore ScoreItems(const TaskItems& items, const std::vector<bool>& right) {
  CRUMB_CHECK(!right.empty() && right.size() == items.items.size());
  TaskScore score;
  score.n = std::ssize(right);
  const std::vector<double> numbers = AsNumbers(right);
  score.value = Mean(numbers);
  score.standard_error = StandardError(numbers);
  score.interval = WilsonInterval(std::ranges::count(right, true), score.n);
  if (items.has_clusters) {
    const Estimate clustered = ClusteredMean(numbers, ClustersOf(items));
    score.standard_error = clustered.standard_error;
    const Interval wide = Cut(clustered.interval, 0, 1);
    score.clustered = wide.high - wide.low > score.interval.high - score.interval.low;
    if (score.clustered) score.interval = wide;
  }
  for (const TaskItem& item : items.items) {
    if (!item.choices.empty()) score.chance += 1 / static_cast<double>(item.choices.size());
  }
  score.chance /= static_cast<double>(score.n);
  return score;
}

TaskComparison CompareItems(const TaskItems& items, const std::vector<bool>& reference,
                            const std::vector<bool>& model) {
  TaskComparison comparison;
  comparison.counts = CountPairs(reference, model);
  comparison.difference = PairedShareDifference(comparison.counts);
  comparison.detectable =
      DetectableShareDifference(comparison.counts.flips(), comparison.counts.items());
  if (items.has_clusters) {
    const Estimate clustered =
        PairedMeanDifference(AsNumbers(reference), AsNumbers(model), ClustersOf(items));
    const Interval& plain = comparison.difference.interval;
    const Interval wide = Cut(clustered.interval, -1, 1);
    if (wide.high - wide.low > plain.high - plain.low) comparison.difference.interval = wide;
    comparison.difference.standard_error =
        std::max(comparison.difference.standard_error, clustered.standard_error);
    comparison.detectable =
        std::max(comparison.detectable, DetectableMeanDifference(clustered.standard_error));
  }
  comparison.p = McNemarExact(comparison.counts.only_a, comparison.counts.only_b);
  comparison.p_adjusted = comparison.p;

  const TaskScore base = ScoreItems(items, reference);
  const TaskScore own = ScoreItems(items, model);
  comparison.floor = base.chance > 0 && base.interval.low <= base.chance;
  comparison.below_chance = own.interval.high < own.chance;
  comparison.above_reference = comparison.difference.interval.low > 0;
  return comparison;
}

Result<MetricResult> ScoreMetric(const Task& task, const TaskItems& items,
                                 const TaskAnswers& answers, const MetricName& name) {
  MetricResult result;
  result.name = name;
  if (task.kind == TaskKind::kSimilarity) {
    if (items.items.size() < 2) return InvalidArgument("a correlation needs at least two items");
    result.score = ScoreSimilarity(items, answers);
    return result;
  }
  CRUMB_ASSIGN_OR_RETURN(result.right, RightItems(task, items, answers, name));
  result.score = ScoreItems(items, result.right);
  return result;
}

void CompareMetric(const Task& task, const TaskItems& items, const MetricResult& reference,
                   const TaskAnswers& reference_answers, const TaskAnswers& model_answers,
                   MetricResult* model) {
  model->compared = true;
  model->comparison = task.kind == TaskKind::kSimilarity
                          ? CompareSimilarity(items, reference_answers, model_answers)
                          : CompareItems(items, reference.right, model->right);
}

void AdjustTogether(std::vector<TaskComparison*> comparisons) {
  std::vector<double> p;
  for (const TaskComparison* comparison : comparisons) p.push_back(comparison->p);
  const std::vector<double> adjusted = HolmAdjust(p);
  for (size_t i = 0; i < comparisons.size(); ++i) comparisons[i]->p_adjusted = adjusted[i];
}

std::string_view TaskVerdict(const TaskComparison& comparison) {
  if (comparison.floor) return "at chance";
  if (comparison.p_adjusted > 0.05) return "no difference shown";
  return comparison.difference.value < 0 ? "worse" : "better";
}

}  // namespace crumb
