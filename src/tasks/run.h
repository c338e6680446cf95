// One model on one task.
#ifndef CRUMB_TASKS_RUN_H_
#define CRUMB_TASKS_RUN_H_

#include <cstdint>
#include <functional>

#include "base/status.h"
#include "base/thread_pool.h"
#include "model/session.h"
#include "tasks/items.h"
#include "tasks/multiple_choice.h"
#include "tasks/task.h"

namespace crumb {

struct TaskRunOptions {
  ActivationType activations = ActivationType::kInt8;
  KvType kv = KvType::kFloat16;
  int64_t max_tokens = 8192;  // of context; the model's own where that is less
  int64_t sequences = 8;      // generated answers made side by side
};

// kUnsupported when the task is not for this kind of model (decoder or encoder); the message says
// which is.
Status CheckTaskFits(const Task& task, const Model& model);

// Answers all items. `between` as in RunLikelihoods.
Result<TaskAnswers> RunTask(const Model& model, ThreadPool& pool, const TaskRunOptions& options,
                            const Task& task, const TaskItems& items,
                            const std::function<Status(int64_t, int64_t)>& between);

}  // namespace crumb

#endif  // CRUMB_TASKS_RUN_H_
