#include "tasks/run.h"

#include <fmt/format.h>

#include <algorithm>

#include "tasks/generated.h"
#include "tasks/probe.h"
#include "tasks/similarity.h"

namespace crumb {

Status CheckTaskFits(const Task& task, const Model& model) {
  const bool embeds = task.kind == TaskKind::kProbe || task.kind == TaskKind::kSimilarity;
  if (embeds == model.config().encoder) return OkStatus();
  return Unsupported(
      model.config().encoder
          ? fmt::format("task {}: needs a model that predicts text, {} is an encoder; for it there "
                        "are the tasks sst2_probe and stsb",
                        task.name, model.path())
          : fmt::format(
                "task {}: needs an encoder, {} predicts text; for it there is the task sst2",
                task.name, model.path()));
}

Result<TaskAnswers> RunTask(const Model& model, ThreadPool& pool, const TaskRunOptions& options,
                            const Task& task, const TaskItems& items,
                            const std::function<Status(int64_t, int64_t)>& between) {
  CRUMB_RETURN_IF_ERROR(CheckTaskFits(task, model));
  SessionOptions session_options;
  session_options.max_tokens = std::min(options.max_tokens, model.config().max_positions);
  session_options.activations = options.activations;
  session_options.kv = options.kv;
  if (task.kind == TaskKind::kGenerate) session_options.sequences = options.sequences;
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                         Session::Create(model, pool, session_options));
  const auto answer = [&]() -> Result<TaskAnswers> {
    switch (task.kind) {
      case TaskKind::kGenerate:
        return AnswerByGeneration(*session, task, items, between);
      case TaskKind::kProbe:
        return AnswerByProbe(*session, items, between);
      case TaskKind::kSimilarity:
        return AnswerBySimilarity(*session, items, between);
      case TaskKind::kMultipleChoice:
        break;
    }
    return AnswerMultipleChoice(*session, items, between);
  };
  Result<TaskAnswers> answers = answer();
  if (answers.ok()) return answers;
  return answers.status().WithContext(fmt::format("task {}", task.name));
}

}  // namespace crumb
