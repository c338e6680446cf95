#include "quant/window_stream.h"

#include <algorithm>

namespace crumb {

WindowStream::WindowStream(const Model& model, ThreadPool& pool, KvCache cache, WindowStore stream,
                           WindowStore inner, Order order)
    : c_(model.config()),
      hidden_(c_.hidden_size),
      pool_(pool),
      weights_(FindWeights(model)),
      forward_(model.config(), pool, ActivationType::kFloat32),
      cache_(std::move(cache)),
      stream_(std::move(stream)),
      inner_(std::move(inner)),
      order_(order),
      input_(static_cast<size_t>(cache_.capacity() * hidden_)) {}

Result<std::unique_ptr<WindowStream>> WindowStream::Create(const Model& model,
                                                           const CalibrationTokens& tokens,
                                                           Order order, const std::string& folder,
                                                           ThreadPool& pool) {
  const ModelConfig& c = model.config();
  int64_t rows = 0;
  for (const auto& window : tokens.windows) rows = std::max(rows, std::ssize(window));
  const int64_t windows = std::ssize(tokens.windows);
  CRUMB_ASSIGN_OR_RETURN(KvCache cache, KvCache::Create(KvShape::Exact(c, 1, rows)));
  CRUMB_ASSIGN_OR_RETURN(WindowStore stream,
                         WindowStore::Create(folder, windows, rows, c.hidden_size));
  CRUMB_ASSIGN_OR_RETURN(
      WindowStore inner,
      WindowStore::Create(folder, order == Order::kStages ? windows : 1, rows, InnerWidth(c)));
  return std::make_unique<WindowStream>(model, pool, std::move(cache), std::move(stream),
                                        std::move(inner), order);
}

void WindowStream::Embed(const CalibrationTokens& tokens) {
  for (size_t i = 0; i < tokens.windows.size(); ++i) {
    forward_.Begin(0, std::ssize(tokens.windows[i]));
    forward_.Embed(weights_, tokens.windows[i], stream_.Window(static_cast<int64_t>(i)));
  }
}

const float* WindowStream::Input(int layer, InputSlot slot, int64_t i, int64_t rows) {
  if (slot != InputSlot::kHead) {
    return StageInput(forward_, Layer(layer), layer, slot, rows, cache_, BuffersOf(i));
  }
  forward_.Begin(0, rows);
  forward_.HeadInput(weights_, stream_.Window(i), rows, input_.data());
  return input_.data();
}

void WindowStream::Finish(int layer, InputSlot slot, int64_t i, int64_t rows) {
  FinishStage(forward_, Layer(layer), slot, rows, BuffersOf(i));
}

void WindowStream::Finish(int layer, InputSlot slot, int64_t i, int64_t rows, float* sums) {
  const LayerWeights& w = Layer(layer);
  const StageBuffers buffers = BuffersOf(i);
  const float* output = StageOutput(forward_, w, slot, rows, buffers);
  const float* bias = slot == InputSlot::kOutput ? w.o.bias : w.down.bias;
  const bool with_stream = !GoesThroughNorm(c_, slot);
  pool_.ParallelFor(rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t at = begin * hidden_; at < end * hidden_; ++at) {
      sums[at] = (with_stream ? buffers.stream[at] : 0.0f) + output[at];
    }
    for (int64_t r = begin; bias != nullptr && r < end; ++r) {
      for (int64_t c = 0; c < hidden_; ++c) sums[r * hidden_ + c] -= bias[c];
    }
  });
  AddOutput(forward_, w, slot, rows, buffers);
}

}  // namespace crumb
