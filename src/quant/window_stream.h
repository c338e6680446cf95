// One model's activations of all calibration windows on their way through the blocks, stage by
// stage (calibration/block_stages.h), with weights that may change between the stages.
#ifndef CRUMB_QUANT_WINDOW_STREAM_H_
#define CRUMB_QUANT_WINDOW_STREAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "calibration/block_stages.h"
#include "calibration/calibration.h"
#include "calibration/window_store.h"
#include "model/forward.h"
#include "model/model.h"

namespace crumb {

class WindowStream {
 public:
  enum class Order {
    kStages,  // all windows through a stage, then through the next one
    kBlocks,  // a window through all stages of a block, then the next window: needs less memory
  };
  // `folder`: for temporary files. `model` and `pool` must outlive the result.
  static Result<std::unique_ptr<WindowStream>> Create(const Model& model,
                                                      const CalibrationTokens& tokens, Order order,
                                                      const std::string& folder, ThreadPool& pool);
  WindowStream(const Model& model, ThreadPool& pool, KvCache cache, WindowStore stream,
               WindowStore inner, Order order);

  void Embed(const CalibrationTokens& tokens);

  // What the matrices of `slot` read in window i of `rows` rows. For the slots of a block in order,
  // each followed by Finish for the same window; kHead behind all blocks. The result is valid until
  // the next call.
  const float* Input(int layer, InputSlot slot, int64_t i, int64_t rows);
  // Behind Input, with the slot's weights as they are by then.
  void Finish(int layer, InputSlot slot, int64_t i, int64_t rows);
  // The same for a slot that adds to the stream. `sums` (rows x hidden_size): what the matrix
  // makes, without its bias, and the stream as it was, this unless it GoesThroughNorm.
  void Finish(int layer, InputSlot slot, int64_t i, int64_t rows, float* sums);

  // The residual stream of window i, rows x hidden_size.
  float* Residual(int64_t i) const { return stream_.Window(i); }
  ModelWeights& weights() { return weights_; }

 private:
  const LayerWeights& Layer(int layer) const { return weights_.layers[static_cast<size_t>(layer)]; }
  StageBuffers BuffersOf(int64_t i) {
    return {stream_.Window(i), inner_.Window(order_ == Order::kStages ? i : 0), input_.data()};
  }

  const ModelConfig& c_;
  int64_t hidden_;
  ThreadPool& pool_;
  ModelWeights weights_;
  Forward forward_;
  KvCache cache_;
  WindowStore stream_;
  WindowStore inner_;  // input of the output projection, then of down
  Order order_;
  std::vector<float> input_;
};

}  // namespace crumb

#endif  // CRUMB_QUANT_WINDOW_STREAM_H_
