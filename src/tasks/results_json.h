// Results and samples in the shape of lm-evaluation-harness, so that its readers read them; what it
// does not have (intervals, comparisons) stands beside under names of its own.
#ifndef CRUMB_TASKS_RESULTS_JSON_H_
#define CRUMB_TASKS_RESULTS_JSON_H_

#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "tasks/score.h"

namespace crumb {

// What one model did on one task.
struct TaskResult {
  Task task;
  TaskItems items;
  TaskAnswers answers;
  std::vector<MetricResult> metrics;
};

// "results", "versions", "n-shot", "higher_is_better", "n-samples", "task_hashes": the harness's
// keys, a task each in it. In "results" a metric has "acc,none", "acc_stderr,none" and crumb's
// "acc_low,none", "acc_high,none", "acc_chance,none"; "comparisons" is crumb's own.
Json ResultsJson(const std::vector<TaskResult>& results);

// A line for each item, as the harness's samples_*.jsonl: doc_id, target, arguments, resps (log-
// likelihood and whether greedy, or the generated text), and 1 or 0 for each metric.
std::string SamplesJsonLines(const TaskResult& result);

}  // namespace crumb

#endif  // CRUMB_TASKS_RESULTS_JSON_H_
