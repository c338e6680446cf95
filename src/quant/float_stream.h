// The float model's side of quantizing block by block: what a quantized model is compared with at
// each stage. It knows nothing of widths, so one serves all that are made together, and every block
// is run once.
#ifndef CRUMB_QUANT_FLOAT_STREAM_H_
#define CRUMB_QUANT_FLOAT_STREAM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "calibration/calibration.h"
#include "calibration/second_moments.h"
#include "calibration/window_store.h"
#include "model/model.h"
#include "quant/window_stream.h"

namespace crumb {

// Not for two threads at once. Memory: the residual stream of all windows and four times as much
// for the stages of one block (calibration/window_store.h).
class FloatStream {
 public:
  // `folder`: for temporary files. The arguments must outlive the result.
  static Result<std::unique_ptr<FloatStream>> Create(const Model& model,
                                                     const CalibrationTokens& tokens,
                                                     const std::string& folder, ThreadPool& pool);

  // Runs all windows up to and through block `layer`, or up to the head (`layer` = number of
  // layers). Nothing is done for the block at hand; blocks behind it are not gone back to.
  void GoTo(int layer);
  // Of window i in the block gone to, rows x hidden_size: the input x of the slot's matrices, or
  // for output and down what they make, with the residual stream s that it is added to, s + W x;
  // W x alone where that GoesThroughNorm first.
  const float* At(InputSlot slot, int64_t i) const;

  // Second moments of what the head reads, of a few windows spread over the text: its width is that
  // of the stream, so a few thousand rows say enough.
  Result<const SecondMoments*> HeadMoments();

  // What the streams of the float and of one quantized model will hold in memory.
  static int64_t BytesFor(const Model& model, const CalibrationTokens& tokens);

  double seconds() const { return seconds_; }  // spent in the calls above

 private:
  FloatStream(const Model& model, const CalibrationTokens& tokens, std::string folder,
              ThreadPool& pool)
      : model_(model), tokens_(tokens), folder_(std::move(folder)), pool_(pool) {}
  void RunBlock(int layer);

  const Model& model_;
  const CalibrationTokens& tokens_;
  std::string folder_;
  ThreadPool& pool_;
  std::unique_ptr<WindowStream> stream_;
  std::vector<WindowStore> stages_;  // by slot; of the head in the first
  int at_ = -1;                      // block that the stages are of; -1: nothing was run
  std::optional<SecondMoments> head_moments_;
  double seconds_ = 0;
};

}  // namespace crumb

#endif  // CRUMB_QUANT_FLOAT_STREAM_H_
