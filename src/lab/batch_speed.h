// Speed of several sequences that are continued together behind a context, and where the time goes:
// what a server gets out of one reading of the weights. Every sequence has keys and values of its
// own.
#ifndef CRUMB_LAB_BATCH_SPEED_H_
#define CRUMB_LAB_BATCH_SPEED_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/profile.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "measure/repeat.h"
#include "model/session.h"

namespace crumb {

struct BatchOptions {
  std::vector<int64_t> batches = {1, 2, 4, 8, 16, 32};
  std::vector<int64_t> contexts = {128, 2048};
  int64_t tokens = 64;  // of one run; at least four passes
  int repetitions = 5;
  ActivationType activations = ActivationType::kInt8;
  KvType kv = KvType::kFloat16;
};

struct BatchSpeed {
  size_t model = 0;     // index
  int64_t context = 0;  // tokens before
  int64_t batch = 0;    // sequences; 0: the context itself as one prompt
  RepeatedSamples tokens_per_second;
  // Shares of the calling thread's time, by WorkKind; their sum is 1.
  std::array<double, kWorkKinds> shares = {};
};

struct BatchResult {
  std::vector<BatchSpeed> of;      // by context, model, batch; the prompt first
  std::vector<std::string> notes;  // measure/repeat.h
  std::vector<std::string> reasons;
};

// One round to warm up, then rounds over all models and batches in turns, context by context.
// kInvalidArgument: a context that a model has no room for.
Result<BatchResult> MeasureBatches(const std::vector<const Model*>& models, ThreadPool& pool,
                                   const BatchOptions& options,
                                   const std::function<Status(int done, int total)>& between);

}  // namespace crumb

#endif  // CRUMB_LAB_BATCH_SPEED_H_
