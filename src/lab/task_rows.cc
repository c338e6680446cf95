#include "lab/task_rows.h"

#include <fmt/format.h>

#include "base/json.h"
#include "evidence/metrics.h"

namespace crumb {

Evidence TaskRow(const RowMaker& make, const StudyTask& task, const MetricName& name,
                 ActivationType activations, std::string_view metric) {
  Json options = Json::object();
  options["task"] = task.task.name;
  options["task_version"] = task.task.version;
  options["task_metric"] = name.Label();
  options["items"] = task.items.items.size();
  options["examples"] = task.task.fewshot;
  options["activations"] = ActivationName(activations);
  Evidence row = make(metric, "task-harness", options);
  row.text =
      fmt::format("{}:{}", task.task.name, name.filter == "none" ? name.metric : name.filter);
  row.text_sha256 = task.items.sha256;
  row.n = std::ssize(task.items.items);
  row.n_of = "items";
  return row;
}

void FillTaskScore(const StudyTask& task, const TaskScore& score, const std::vector<bool>& right,
                   int64_t cut, Evidence& row) {
  row.value = score.value;
  row.standard_error = score.standard_error;
  row.low = score.interval.low;
  row.high = score.interval.high;
  std::string flags;
  for (const bool flag : right) flags += flag ? '1' : '0';
  Json detail = Json::object();
  detail["chance"] = score.chance;
  detail["clustered"] = score.clustered;
  detail["language"] = task.task.language;
  detail["category"] = task.task.category;
  detail["cut_items"] = cut;
  detail["right"] = flags;
  row.detail = DumpJson(detail);
}

void FillTaskChange(const TaskComparison& comparison, int64_t together, Evidence& row) {
  row.value = comparison.difference.value;
  row.standard_error = comparison.difference.standard_error;
  row.low = comparison.difference.interval.low;
  row.high = comparison.difference.interval.high;
  Json detail = Json::object();
  detail["verdict"] = TaskVerdict(comparison);
  detail["lost"] = comparison.counts.only_a;
  detail["won"] = comparison.counts.only_b;
  detail["mcnemar_p"] = comparison.p;
  detail["mcnemar_p_holm"] = comparison.p_adjusted;
  detail["compared_together"] = together;
  detail["mde80"] = comparison.detectable;
  detail["below_chance"] = comparison.below_chance;
  detail["above_reference"] = comparison.above_reference;
  row.detail = DumpJson(detail);
}

Evidence PairsRow(const RowMaker& make, const std::string& file, const std::string& sha256,
                  int64_t pairs, ActivationType activations) {
  Json options = Json::object();
  options["sentences"] = pairs;
  options["activations"] = ActivationName(activations);
  Evidence row = make(metric::kStsbSpearman, "stsb-spearman", options);
  row.text = file;
  row.text_sha256 = sha256;
  row.n = pairs;
  row.n_of = "pairs";
  return row;
}

}  // namespace crumb
