// Teacher: what a float model predicts for some windows, for other models to be compared with.
#ifndef CRUMB_QUANT_TEACHER_H_
#define CRUMB_QUANT_TEACHER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "calibration/window_store.h"
#include "model/backward.h"
#include "model/forward.h"

namespace crumb {

// Runs the blocks of the model once; kept are the inputs of the head (tokens x hidden_size floats a
// window, in a mapped file where they are many), and logits are made of them when they are asked
// for. Not for two threads at once.
class Teacher {
 public:
  // Decoders only. `folder`: for a temporary file. `model` and `pool` must outlive the result;
  // `windows` must not change. `progress` after each window; false stops with kInterrupted.
  static Result<std::unique_ptr<Teacher>> Create(const Model& model,
                                                 std::span<const std::vector<int32_t>> windows,
                                                 const std::string& folder, ThreadPool& pool,
                                                 const std::function<bool()>& progress);

  // The logits of window i, to be used before the next call.
  Distillation ForWindow(int64_t i, double text_share);

 private:
  Teacher(const Model& model, WindowStore inputs, ThreadPool& pool);

  const ModelWeights weights_;
  const int64_t hidden_size_;
  const int64_t vocabulary_;
  Forward forward_;
  WindowStore inputs_;
};

}  // namespace crumb

#endif  // CRUMB_QUANT_TEACHER_H_
