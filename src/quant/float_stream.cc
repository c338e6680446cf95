#include "quant/float_stream.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "calibration/block_stages.h"

namespace crumb {
namespace {

constexpr int64_t kHeadWindows = 8;

// Adds the time that it lives.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  ~Stopwatch() {
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& seconds_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

size_t StageOf(InputSlot slot) { return slot == InputSlot::kHead ? 0 : static_cast<size_t>(slot); }

}  // namespace

Result<std::unique_ptr<FloatStream>> FloatStream::Create(const Model& model,
                                                         const CalibrationTokens& tokens,
                                                         const std::string& folder,
                                                         ThreadPool& pool) {
  std::unique_ptr<FloatStream> result(new FloatStream(model, tokens, folder, pool));
  CRUMB_ASSIGN_OR_RETURN(
      result->stream_,
      WindowStream::Create(model, tokens, WindowStream::Order::kBlocks, folder, pool));
  int64_t rows = 0;
  for (const auto& window : tokens.windows) rows = std::max(rows, std::ssize(window));
  for (size_t i = 0; i < kBlockSlots.size(); ++i) {
    CRUMB_ASSIGN_OR_RETURN(
        WindowStore store,
        WindowStore::Create(folder, std::ssize(tokens.windows), rows, model.config().hidden_size));
    result->stages_.push_back(std::move(store));
  }
  return result;
}

int64_t FloatStream::BytesFor(const Model& model, const CalibrationTokens& tokens) {
  const ModelConfig& c = model.config();
  int64_t rows = 0;
  for (const auto& window : tokens.windows) rows += std::ssize(window);
  const auto stages = static_cast<int64_t>(kBlockSlots.size());
  const int64_t width = (2 + stages) * c.hidden_size + InnerWidth(c);
  return std::min(rows * width * static_cast<int64_t>(sizeof(float)), WindowStore::kAnonymousBytes);
}

void FloatStream::GoTo(int layer) {
  const Stopwatch stopwatch(seconds_);
  CRUMB_CHECK(layer >= 0 && layer >= at_ && layer <= model_.config().layers);
  if (at_ < 0) stream_->Embed(tokens_);
  while (at_ < layer) RunBlock(++at_);
}

void FloatStream::RunBlock(int layer) {
  const int64_t hidden = model_.config().hidden_size;
  for (size_t w = 0; w < tokens_.windows.size(); ++w) {
    const auto i = static_cast<int64_t>(w);
    const int64_t rows = std::ssize(tokens_.windows[w]);
    if (layer == model_.config().layers) {
      const float* in = stream_->Input(layer, InputSlot::kHead, i, rows);
      std::copy_n(in, rows * hidden, stages_.front().Window(i));
      continue;
    }
    for (const InputSlot slot : kBlockSlots) {
      float* stage = stages_[StageOf(slot)].Window(i);
      const float* in = stream_->Input(layer, slot, i, rows);
      if (AddsToStream(slot)) {
        stream_->Finish(layer, slot, i, rows, stage);
      } else {
        std::copy_n(in, rows * hidden, stage);
      }
    }
  }
}

const float* FloatStream::At(InputSlot slot, int64_t i) const {
  return stages_[StageOf(slot)].Window(i);
}

Result<const SecondMoments*> FloatStream::HeadMoments() {
  if (head_moments_.has_value()) return &*head_moments_;
  const Stopwatch stopwatch(seconds_);
  const ModelConfig& c = model_.config();
  CalibrationTokens some;
  const int64_t all = std::ssize(tokens_.windows);
  const int64_t count = std::min(kHeadWindows, all);
  for (int64_t i = 0; i < count; ++i) {
    some.windows.push_back(tokens_.windows[static_cast<size_t>(i * all / count)]);
  }
  CRUMB_ASSIGN_OR_RETURN(
      const auto stream,
      WindowStream::Create(model_, some, WindowStream::Order::kBlocks, folder_, pool_));
  stream->Embed(some);
  MomentsAccumulator moments(c.hidden_size);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t rows = std::ssize(some.windows[static_cast<size_t>(i)]);
    for (int layer = 0; layer < c.layers; ++layer) {
      for (const InputSlot slot : kBlockSlots) {
        stream->Input(layer, slot, i, rows);
        stream->Finish(layer, slot, i, rows);
      }
    }
    moments.Add(stream->Input(0, InputSlot::kHead, i, rows), rows, c.hidden_size, pool_);
  }
  CRUMB_ASSIGN_OR_RETURN(head_moments_, moments.Finish());
  return &*head_moments_;
}

}  // namespace crumb
