#include "tasks/task.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/files.h"
#include "base/sha256.h"
#include "text/utf8.h"

namespace crumb {
namespace {

constexpr int64_t kMaxTaskBytes = 1 << 20;

// Reads the keys of one map; every key must be asked for.
class Keys {
 public:
  Keys(YAML::Node node, std::string place) : node_(std::move(node)), place_(std::move(place)) {}

  Status Check() const {
    if (!node_.IsMap()) return Corrupt(fmt::format("{}: is no map of keys", place_));
    return OkStatus();
  }
  bool Has(const char* key) {
    known_.insert(key);
    return node_[key] && !node_[key].IsNull();
  }
  Status Text(const char* key, std::string* out, bool required = false) {
    if (!Has(key)) {
      if (!required) return OkStatus();
      return Corrupt(fmt::format("{}: the key \"{}\" is missing", place_, key));
    }
    if (!node_[key].IsScalar()) return Wrong(key, "a text");
    *out = node_[key].Scalar();
    return OkStatus();
  }
  Status Integer(const char* key, int64_t low, int64_t high, int64_t* out) {
    if (!Has(key)) return OkStatus();
    if (!node_[key].IsScalar() || !YAML::convert<int64_t>::decode(node_[key], *out) || *out < low ||
        *out > high) {
      return Wrong(key, fmt::format("a whole number from {} to {}", low, high));
    }
    return OkStatus();
  }
  Status Bool(const char* key, bool* out) {
    if (!Has(key)) return OkStatus();
    if (!node_[key].IsScalar() || !YAML::convert<bool>::decode(node_[key], *out)) {
      return Wrong(key, "true or false");
    }
    return OkStatus();
  }
  // One text or a list of texts.
  Status Texts(const char* key, std::vector<std::string>* out) {
    if (!Has(key)) return OkStatus();
    out->clear();
    if (node_[key].IsScalar()) {
      out->push_back(node_[key].Scalar());
      return OkStatus();
    }
    if (!node_[key].IsSequence()) return Wrong(key, "a text or a list of texts");
    for (const YAML::Node& item : node_[key]) {
      if (!item.IsScalar()) return Wrong(key, "a text or a list of texts");
      out->push_back(item.Scalar());
    }
    return OkStatus();
  }
  Status Maps(const char* key, const std::function<Status(Keys&)>& visit) {
    if (!Has(key)) return OkStatus();
    if (!node_[key].IsSequence()) return Wrong(key, "a list");
    for (size_t i = 0; i < node_[key].size(); ++i) {
      Keys keys(node_[key][i], fmt::format("{}, {}[{}]", place_, key, i));
      CRUMB_RETURN_IF_ERROR(keys.Check());
      CRUMB_RETURN_IF_ERROR(visit(keys));
      CRUMB_RETURN_IF_ERROR(keys.NoOthers());
    }
    return OkStatus();
  }
  Status Map(const char* key, const std::function<Status(Keys&)>& visit) {
    if (!Has(key)) return OkStatus();
    Keys keys(node_[key], fmt::format("{}, {}", place_, key));
    CRUMB_RETURN_IF_ERROR(keys.Check());
    CRUMB_RETURN_IF_ERROR(visit(keys));
    return keys.NoOthers();
  }
  // Keys whose value makes no difference here.
  void Ignore(std::initializer_list<const char*> keys) { known_.insert(keys.begin(), keys.end()); }
  Status NoOthers() const {
    for (const auto& member : node_) {
      const std::string key = member.first.Scalar();
      if (known_.contains(key)) continue;
      return Unsupported(
          fmt::format("{}: the key \"{}\" (line {}) is not known to crumb; docs/tasks.md lists "
                      "those that are",
                      place_, key, member.first.Mark().line + 1));
    }
    return OkStatus();
  }
  Status Wrong(const char* key, std::string_view expected) const {
    return Corrupt(fmt::format("{}: \"{}\" (line {}) should be {}", place_, key,
                               node_[key].Mark().line + 1, expected));
  }
  const std::string& place() const { return place_; }

 private:
  YAML::Node node_;
  std::string place_;
  std::set<std::string> known_;
};

Status ReadKind(Keys& keys, Task* task) {
  std::string kind = "multiple_choice";
  CRUMB_RETURN_IF_ERROR(keys.Text("output_type", &kind));
  if (kind == "multiple_choice") {
    task->kind = TaskKind::kMultipleChoice;
  } else if (kind == "generate_until") {
    task->kind = TaskKind::kGenerate;
  } else if (kind == "probe") {
    task->kind = TaskKind::kProbe;
  } else if (kind == "similarity") {
    task->kind = TaskKind::kSimilarity;
  } else {
    return Unsupported(fmt::format(
        "{}: output_type \"{}\" is not known to crumb; it has multiple_choice, generate_until, "
        "probe and similarity",
        keys.place(), kind));
  }
  return OkStatus();
}

Status ReadData(Keys& keys, Task* task) {
  return keys.Map("dataset_kwargs", [&](Keys& data) -> Status {
    CRUMB_RETURN_IF_ERROR(data.Text("data_files", &task->data_path, true));
    CRUMB_RETURN_IF_ERROR(data.Text("fewshot_files", &task->fewshot_path));
    CRUMB_RETURN_IF_ERROR(data.Text("format", &task->format.kind, true));
    CRUMB_RETURN_IF_ERROR(data.Texts("columns", &task->format.columns));
    CRUMB_RETURN_IF_ERROR(data.Text("labels", &task->format.labels));
    static const std::set<std::string> kKinds = {"jsonl", "csv", "tsv", "lines"};
    if (!kKinds.contains(task->format.kind)) {
      return Unsupported(fmt::format("{}: format \"{}\" is none of {}", data.place(),
                                     task->format.kind, fmt::join(kKinds, ", ")));
    }
    if (task->format.kind == "lines" && task->format.columns.empty()) {
      return Corrupt(fmt::format("{}: the format lines needs \"columns\"", data.place()));
    }
    return OkStatus();
  });
}

const std::set<std::string>& MetricsFor(TaskKind kind) {
  static const std::set<std::string> kChoices = {"acc", "acc_norm", "acc_bytes", "acc_tokens"};
  static const std::set<std::string> kLabels = {"acc"};
  static const std::set<std::string> kTexts = {"exact_match"};
  static const std::set<std::string> kRanks = {"spearman"};
  switch (kind) {
    case TaskKind::kGenerate:
      return kTexts;
    case TaskKind::kProbe:
      return kLabels;
    case TaskKind::kSimilarity:
      return kRanks;
    case TaskKind::kMultipleChoice:
      break;
  }
  return kChoices;
}

Status ReadMetrics(Keys& keys, Task* task) {
  return keys.Maps("metric_list", [&](Keys& metric) -> Status {
    std::string name;
    CRUMB_RETURN_IF_ERROR(metric.Text("metric", &name, true));
    const std::set<std::string>& known = MetricsFor(task->kind);
    if (!known.contains(name)) {
      return Unsupported(fmt::format("{}: the metric \"{}\" is none of {}", metric.place(), name,
                                     fmt::join(known, ", ")));
    }
    task->metrics.push_back(name);
    CRUMB_RETURN_IF_ERROR(metric.Texts("regexes_to_ignore", &task->ignored));
    CRUMB_RETURN_IF_ERROR(metric.Bool("ignore_case", &task->ignore_case));
    bool punctuation = false;
    CRUMB_RETURN_IF_ERROR(metric.Bool("ignore_punctuation", &punctuation));
    if (punctuation) {
      return Unsupported(
          fmt::format("{}: ignore_punctuation is not known to crumb", metric.place()));
    }
    std::string aggregation = "mean";
    CRUMB_RETURN_IF_ERROR(metric.Text("aggregation", &aggregation));
    if (aggregation != "mean") {
      return Unsupported(
          fmt::format("{}: aggregation \"{}\"; crumb has mean", metric.place(), aggregation));
    }
    metric.Ignore({"higher_is_better"});
    return OkStatus();
  });
}

// One step of a filter.
Status ReadFilterStep(Keys& step, AnswerFilter* filter) {
  std::string function;
  CRUMB_RETURN_IF_ERROR(step.Text("function", &function, true));
  if (function == "take_first") return OkStatus();  // of repeated answers; crumb makes one
  if (function != "regex") {
    return Unsupported(
        fmt::format("{}: the filter \"{}\" is not known to crumb; it has regex and take_first",
                    step.place(), function));
  }
  CRUMB_RETURN_IF_ERROR(step.Text("regex_pattern", &filter->pattern, true));
  return step.Integer("group_select", -1, 0, &filter->group_select);
}

Status ReadFilters(Keys& keys, Task* task) {
  return keys.Maps("filter_list", [&](Keys& list) -> Status {
    AnswerFilter filter;
    CRUMB_RETURN_IF_ERROR(list.Text("name", &filter.name, true));
    const Status steps =
        list.Maps("filter", [&](Keys& step) { return ReadFilterStep(step, &filter); });
    CRUMB_RETURN_IF_ERROR(steps);
    task->filters.push_back(std::move(filter));
    return OkStatus();
  });
}

Status ReadGeneration(Keys& keys, Task* task) {
  return keys.Map("generation_kwargs", [&](Keys& kwargs) -> Status {
    CRUMB_RETURN_IF_ERROR(kwargs.Texts("until", &task->stops));
    CRUMB_RETURN_IF_ERROR(kwargs.Integer("max_gen_toks", 1, 1 << 16, &task->max_new_tokens));
    bool sample = false;
    CRUMB_RETURN_IF_ERROR(kwargs.Bool("do_sample", &sample));
    if (sample)
      return Unsupported(fmt::format("{}: do_sample; answers are greedy here", kwargs.place()));
    kwargs.Ignore({"temperature"});  // of no meaning without sampling
    return OkStatus();
  });
}

Status ReadMetadata(Keys& keys, Task* task) {
  return keys.Map("metadata", [&](Keys& metadata) -> Status {
    CRUMB_RETURN_IF_ERROR(metadata.Text("version", &task->version));
    CRUMB_RETURN_IF_ERROR(metadata.Text("language", &task->language));
    CRUMB_RETURN_IF_ERROR(metadata.Text("category", &task->category));
    CRUMB_RETURN_IF_ERROR(metadata.Text("cluster", &task->cluster));
    return metadata.Bool("choices_are_contexts", &task->choices_are_contexts);
  });
}

Status ReadTask(Keys& keys, Task* task) {
  CRUMB_RETURN_IF_ERROR(keys.Check());
  CRUMB_RETURN_IF_ERROR(keys.Text("task", &task->name, true));
  CRUMB_RETURN_IF_ERROR(ReadKind(keys, task));
  CRUMB_RETURN_IF_ERROR(ReadData(keys, task));
  CRUMB_RETURN_IF_ERROR(keys.Text("description", &task->description));
  CRUMB_RETURN_IF_ERROR(keys.Text("doc_to_text", &task->doc_to_text, true));
  CRUMB_RETURN_IF_ERROR(keys.Text("doc_to_target", &task->doc_to_target, true));
  CRUMB_RETURN_IF_ERROR(keys.Texts("doc_to_choice", &task->choices));
  CRUMB_RETURN_IF_ERROR(keys.Text("target_delimiter", &task->target_delimiter));
  CRUMB_RETURN_IF_ERROR(keys.Text("fewshot_delimiter", &task->fewshot_delimiter));
  CRUMB_RETURN_IF_ERROR(keys.Integer("num_fewshot", 0, 64, &task->fewshot));
  CRUMB_RETURN_IF_ERROR(ReadMetrics(keys, task));
  CRUMB_RETURN_IF_ERROR(ReadFilters(keys, task));
  CRUMB_RETURN_IF_ERROR(ReadGeneration(keys, task));
  CRUMB_RETURN_IF_ERROR(ReadMetadata(keys, task));
  keys.Ignore({"tag", "group", "dataset_path", "dataset_name", "training_split", "validation_split",
               "test_split", "fewshot_split", "fewshot_config", "repeats", "should_decontaminate",
               "doc_to_decontamination_query"});
  CRUMB_RETURN_IF_ERROR(keys.NoOthers());
  if (task->data_path.empty()) {
    return Corrupt(fmt::format("{}: the key \"dataset_kwargs\" is missing; it names the data files",
                               keys.place()));
  }
  if (task->kind != TaskKind::kGenerate && task->choices.empty()) {
    return Corrupt(fmt::format("{}: the key \"doc_to_choice\" is missing", keys.place()));
  }
  if (task->metrics.empty()) task->metrics.push_back(*MetricsFor(task->kind).begin());
  return OkStatus();
}

}  // namespace

Result<Task> ParseTask(std::string_view yaml, std::string_view name) {
  if (!IsValidUtf8(yaml)) return Corrupt(fmt::format("{}: is not UTF-8", name));
  Task task;
  // The one library here that throws.
  try {
    Keys keys(YAML::Load(std::string(yaml)), std::string(name));
    CRUMB_RETURN_IF_ERROR(ReadTask(keys, &task));
  } catch (const YAML::Exception& error) {
    return Corrupt(
        fmt::format("{}: line {}: is not YAML: {}", name, error.mark.line + 1, error.msg));
  }
  task.sha256 = Sha256Hex(yaml);
  return task;
}

std::vector<std::string> TaskNames() {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : TasksData()) {
    names.emplace_back(file.name.substr(0, file.name.rfind('.')));
  }
  return names;
}

Result<Task> FindTask(const std::string& name_or_path) {
  if (name_or_path.ends_with(".yaml") || name_or_path.ends_with(".yml")) {
    CRUMB_ASSIGN_OR_RETURN(const std::string text, ReadFile(name_or_path, kMaxTaskBytes));
    return ParseTask(text, name_or_path);
  }
  for (const EmbeddedFile& file : TasksData()) {
    if (file.name.substr(0, file.name.rfind('.')) == name_or_path) {
      return ParseTask(file.content, file.name);
    }
  }
  return NotFound(
      fmt::format("task \"{}\": there is none; there are {}, or give the path of a "
                  ".yaml file",
                  name_or_path, fmt::join(TaskNames(), ", ")));
}

}  // namespace crumb
