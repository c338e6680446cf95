// From answers to scores with intervals, and from two models' answers to a paired comparison.
// Formulas and sources: docs/measuring.md ("A share of independent trials", "Comparisons").
#ifndef CRUMB_TASKS_SCORE_H_
#define CRUMB_TASKS_SCORE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "measure/comparison.h"
#include "tasks/items.h"
#include "tasks/multiple_choice.h"
#include "tasks/task.h"

namespace crumb {

// One way to count, by the harness's names.
struct MetricName {
  std::string metric;           // "acc", "acc_norm", "exact_match"
  std::string filter = "none";  // "strict-match"

  std::string Label() const { return metric + "," + filter; }
};
std::vector<MetricName> MetricsOf(const Task& task);

// Which items are right. REQUIRES: not a task of pairs of sentences, which has no right and wrong.
Result<std::vector<bool>> RightItems(const Task& task, const TaskItems& items,
                                     const TaskAnswers& answers, const MetricName& metric);

struct TaskScore {
  double value = 0;  // share of items that are right
  // Sample standard deviation over sqrt(n), the harness's "stderr"; with clusters the clustered
  // one.
  double standard_error = 0;
  Interval interval;       // 95 %: Wilson's; with clusters the wider of it and the clustered one
  bool clustered = false;  // whether the clusters widened it
  int64_t n = 0;
  double chance = 0;  // of guessing: mean of 1 / choices; 0 for generated answers
};
// REQUIRES: a flag for each item, at least one.
TaskScore ScoreItems(const TaskItems& items, const std::vector<bool>& right);

// A model against the reference on the same items.
struct TaskComparison {
  PairedCounts counts;    // a: the reference
  Estimate difference;    // model - reference, in shares; interval by Bonett and Price, or the
                          // clustered one where that is wider
  double p = 1;           // exact McNemar
  double p_adjusted = 1;  // by Holm over all comparisons shown together; set by AdjustTogether
  double detectable = 0;  // the smallest difference that this many items would have shown
  // The reference does not do better than guessing by these items, so there is nothing to lose.
  bool floor = false;
  // The model does worse than guessing, or better than the reference, by more than the interval
  // allows: losses that rounding weights does not explain.
  bool below_chance = false;
  bool above_reference = false;
};
TaskComparison CompareItems(const TaskItems& items, const std::vector<bool>& reference,
                            const std::vector<bool>& model);
// A metric of one model on one task, and what it came from.
struct MetricResult {
  MetricName name;
  std::vector<bool> right;  // of each item; empty for pairs of sentences
  TaskScore score;
  bool compared = false;  // whether `comparison` is with a reference
  TaskComparison comparison;
};
Result<MetricResult> ScoreMetric(const Task& task, const TaskItems& items,
                                 const TaskAnswers& answers, const MetricName& name);
// Fills `comparison` of a model's result. Both results and answers are of the same items.
void CompareMetric(const Task& task, const TaskItems& items, const MetricResult& reference,
                   const TaskAnswers& reference_answers, const TaskAnswers& model_answers,
                   MetricResult* model);

void AdjustTogether(std::vector<TaskComparison*> comparisons);

// "no difference shown", "worse", "better", "at chance": what the comparison says at the 5 % level,
// after Holm.
std::string_view TaskVerdict(const TaskComparison& comparison);

}  // namespace crumb

#endif  // CRUMB_TASKS_SCORE_H_
