#include "tasks/results_json.h"

#include <fmt/format.h>

#include "base/json.h"

namespace crumb {
namespace {

std::string Key(const MetricName& name, std::string_view what) {
  return fmt::format("{}{},{}", name.metric, what, name.filter);
}

Json ComparisonJson(const TaskComparison& comparison) {
  Json json = Json::object();
  json["delta"] = comparison.difference.value;
  json["delta_stderr"] = comparison.difference.standard_error;
  json["delta_low"] = comparison.difference.interval.low;
  json["delta_high"] = comparison.difference.interval.high;
  json["both_right"] = comparison.counts.both_right;
  json["lost"] = comparison.counts.only_a;
  json["won"] = comparison.counts.only_b;
  json["both_wrong"] = comparison.counts.both_wrong;
  json["flips"] = comparison.counts.flips();
  json["mcnemar_p"] = comparison.p;
  json["mcnemar_p_holm"] = comparison.p_adjusted;
  json["mde80"] = comparison.detectable;
  json["reference_at_chance"] = comparison.floor;
  json["below_chance"] = comparison.below_chance;
  json["above_reference"] = comparison.above_reference;
  json["verdict"] = TaskVerdict(comparison);
  return json;
}

}  // namespace

Json ResultsJson(const std::vector<TaskResult>& results) {
  Json json = Json::object();
  for (const char* key : {"results", "comparisons", "versions", "n-shot", "higher_is_better",
                          "n-samples", "task_hashes"}) {
    json[key] = Json::object();
  }
  for (const TaskResult& result : results) {
    const std::string& task = result.task.name;
    Json scores = Json::object();
    scores["alias"] = task;
    for (const MetricResult& metric : result.metrics) {
      scores[Key(metric.name, "")] = metric.score.value;
      scores[Key(metric.name, "_stderr")] = metric.score.standard_error;
      scores[Key(metric.name, "_low")] = metric.score.interval.low;
      scores[Key(metric.name, "_high")] = metric.score.interval.high;
      scores[Key(metric.name, "_chance")] = metric.score.chance;
      json["higher_is_better"][task][metric.name.metric] = true;
      if (metric.compared) {
        json["comparisons"][task][metric.name.Label()] = ComparisonJson(metric.comparison);
      }
    }
    scores["sample_len"] = result.items.items.size();
    scores["cut_items"] = result.answers.cut;
    json["results"][task] = std::move(scores);
    json["versions"][task] = result.task.version;
    json["n-shot"][task] = result.task.fewshot;
    json["n-samples"][task]["effective"] = result.items.items.size();
    json["task_hashes"][task] = result.items.sha256;
  }
  return json;
}

std::string SamplesJsonLines(const TaskResult& result) {
  std::string lines;
  for (size_t i = 0; i < result.items.items.size(); ++i) {
    const TaskItem& item = result.items.items[i];
    const ItemAnswer& answer = result.answers.of[i];
    Json json = Json::object();
    json["doc_id"] = item.id;
    json["task"] = result.task.name;
    if (item.choices.empty()) {  // a generated answer, or people's score of a pair
      json["target"] = item.target;
    } else {
      json["target"] = item.gold;
    }
    json["arguments"] = Json::array();
    json["resps"] = Json::array();
    for (size_t c = 0; c < item.continuations.size(); ++c) {
      json["arguments"].push_back(Json::array({item.contexts[c], item.continuations[c]}));
      const Likelihood& likelihood = answer.choices[c];
      json["resps"].push_back(Json::array({likelihood.log_probability, likelihood.greedy}));
    }
    if (item.continuations.empty()) {
      json["arguments"].push_back(Json(item.contexts));
      if (result.task.kind == TaskKind::kSimilarity) {
        json["resps"].push_back(answer.similarity);
      } else if (item.choices.empty()) {
        json["resps"].push_back(answer.text);
      } else {
        json["resps"].push_back(answer.label);
      }
    }
    for (const MetricResult& metric : result.metrics) {
      const std::string name =
          metric.name.filter == "none" ? metric.name.metric : metric.name.Label();
      if (metric.right.empty()) continue;
      json[name] = metric.right[i] ? 1.0 : 0.0;
    }
    lines += DumpJson(json);
    lines += '\n';
  }
  return lines;
}

}  // namespace crumb
