// Questions with right answers, the same items for every variant. A row holds which items were
// right, so that a study that goes on, or gets another width, compares with what is there.
#include <fmt/format.h>

#include <map>
#include <string>

#include "base/json.h"
#include "evidence/metrics.h"
#include "lab/study_state.h"
#include "lab/task_rows.h"
#include "tasks/run.h"
#include "tasks/score.h"

namespace crumb {
namespace {

// Tokens of an item, for the estimate only: a question and its answers.
constexpr double kTokensOfItem = 200;
constexpr double kTokensOfExample = 120;

Result<std::vector<bool>> FlagsOf(const Evidence& row, size_t items) {
  constexpr std::string_view kName = "ledger row task_accuracy";
  CRUMB_ASSIGN_OR_RETURN(const Json detail, ParseJson(row.detail, kName));
  CRUMB_ASSIGN_OR_RETURN(const std::string text, JsonString(detail, "right", kName));
  if (text.size() != items) {
    return Corrupt(
        fmt::format("ledger row {}: has answers to {} items, not {}", row.id, text.size(), items));
  }
  std::vector<bool> flags;
  for (const char c : text) flags.push_back(c == '1');
  return flags;
}

// One task, all variants.
class TaskStep {
 public:
  TaskStep(Study::State& state, const StudyTask& task, WorkClock& clock)
      : state_(state), task_(task), clock_(clock), metrics_(MetricsOf(task.task)) {}

  Status Run() {
    CRUMB_RETURN_IF_ERROR(state_.ledger->RecordInput("text", task_.task.name, task_.items.sha256));
    for (const Variant& variant : state_.variants) CRUMB_RETURN_IF_ERROR(Answer(variant));
    for (size_t m = 0; m < metrics_.size(); ++m) CRUMB_RETURN_IF_ERROR(Compare(m));
    return OkStatus();
  }

 private:
  Evidence Row(const Variant& variant, std::string_view name, size_t m) const {
    const RowMaker make = [&](std::string_view metric_name, std::string_view method,
                              const Json& options) {
      return state_.Row(variant, metric_name, method, options);
    };
    return TaskRow(make, task_, metrics_[m], state_.options.activations, name);
  }

  // Runs the variant unless the ledger has all its rows.
  Status Answer(const Variant& variant) {
    std::vector<std::vector<bool>>& flags = right_[variant.name];
    for (size_t m = 0; m < metrics_.size(); ++m) {
      CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> known,
                             state_.Known(Row(variant, metric::kTaskAccuracy, m)));
      if (!known.has_value()) break;
      CRUMB_ASSIGN_OR_RETURN(std::vector<bool> right, FlagsOf(*known, task_.items.items.size()));
      flags.push_back(std::move(right));
    }
    const double seconds = ExpectedTasksSeconds(state_, variant) /
                           static_cast<double>(std::max<size_t>(1, state_.options.tasks.size()));
    if (flags.size() == metrics_.size()) {
      clock_.Done(seconds);
      return OkStatus();
    }
    flags.clear();
    TaskRunOptions options;
    options.activations = state_.options.activations;
    int64_t told = 0;
    const auto between = [&](int64_t done, int64_t total) {
      clock_.Done(seconds * static_cast<double>(done - told) / static_cast<double>(total));
      told = done;
      return clock_.Begin(
          fmt::format("{}, {}, {} of {}", task_.task.name, variant.name, done, total));
    };
    Result<TaskAnswers> answers =
        RunTask(*variant.model, *state_.pool, options, task_.task, task_.items, between);
    if (!answers.ok()) return answers.status().WithContext(variant.name);
    for (size_t m = 0; m < metrics_.size(); ++m) {
      CRUMB_ASSIGN_OR_RETURN(std::vector<bool> right,
                             RightItems(task_.task, task_.items, *answers, metrics_[m]));
      CRUMB_RETURN_IF_ERROR(AddScore(variant, m, right, answers->cut));
      flags.push_back(std::move(right));
    }
    return OkStatus();
  }

  Status AddScore(const Variant& variant, size_t m, const std::vector<bool>& right, int64_t cut) {
    Evidence row = Row(variant, metric::kTaskAccuracy, m);
    FillTaskScore(task_, ScoreItems(task_.items, right), right, cut, row);
    return state_.Add(std::move(row));
  }

  Status Compare(size_t m) {
    const std::vector<bool>& reference = right_[state_.variants.front().name][m];
    std::vector<TaskComparison> comparisons;
    for (size_t v = 1; v < state_.variants.size(); ++v) {
      comparisons.push_back(
          CompareItems(task_.items, reference, right_[state_.variants[v].name][m]));
    }
    std::vector<TaskComparison*> together;
    for (TaskComparison& comparison : comparisons) together.push_back(&comparison);
    AdjustTogether(together);
    for (size_t v = 1; v < state_.variants.size(); ++v) {
      CRUMB_RETURN_IF_ERROR(
          AddChange(state_.variants[v], m, comparisons[v - 1], std::ssize(comparisons)));
    }
    return OkStatus();
  }

  Status AddChange(const Variant& variant, size_t m, const TaskComparison& comparison,
                   int64_t together) {
    Evidence row = Row(variant, metric::kTaskChange, m);
    FillTaskChange(comparison, together, row);
    return state_.Add(std::move(row));
  }

  Study::State& state_;
  const StudyTask& task_;
  WorkClock& clock_;
  const std::vector<MetricName> metrics_;
  std::map<std::string, std::vector<std::vector<bool>>> right_;  // variant -> of each metric
};

}  // namespace

double ExpectedTasksSeconds(const Study::State& state, const Variant& variant) {
  double tokens = 0;
  for (const StudyTask& task : state.options.tasks) {
    tokens += static_cast<double>(task.items.items.size()) *
              (kTokensOfItem + kTokensOfExample * static_cast<double>(task.task.fewshot) / 2);
    if (task.task.kind == TaskKind::kGenerate) {
      // A token of its own costs about ten of a prompt.
      tokens += 10 * static_cast<double>(task.items.items.size() * task.task.max_new_tokens) / 4;
    }
  }
  return tokens / 512 * ExpectedWindowSeconds(state, variant, state.options.activations);
}

Status RunTasksStep(Study::State& state, WorkClock& clock) {
  for (const StudyTask& task : state.options.tasks) {
    const Status fits = CheckTaskFits(task.task, state.reference());
    if (!fits.ok()) {
      CRUMB_RETURN_IF_ERROR(
          state.AddNote("task-" + task.task.name, fmt::format("Not measured: {}.", fits.message()),
                        fmt::format("未测量：任务{}不适用于这类模型。", task.task.name)));
      continue;
    }
    if (task.task.kind == TaskKind::kSimilarity) continue;  // encoder_step.cc has it, on all pairs
    CRUMB_RETURN_IF_ERROR(TaskStep(state, task, clock).Run());
  }
  return OkStatus();
}

}  // namespace crumb
