#include "calibration/block_stages.h"

#include <algorithm>

#include "base/check.h"

namespace crumb {

int64_t InputWidth(const ModelConfig& config, InputSlot slot) {
  if (slot == InputSlot::kOutput) return config.query_size();
  return slot == InputSlot::kDown ? config.intermediate_size : config.hidden_size;
}

int64_t InnerWidth(const ModelConfig& config) {
  return std::max(config.query_size(), config.intermediate_size);
}

const float* StageInput(Forward& forward, const LayerWeights& w, int64_t layer, InputSlot slot,
                        int64_t rows, KvCache& cache, const StageBuffers& buffers) {
  forward.Begin(0, rows);
  switch (slot) {
    case InputSlot::kAttention:
      forward.AttentionInput(w, buffers.stream, buffers.input);
      return buffers.input;
    case InputSlot::kOutput:
      // Again: `input` may have held another window since, and the norm may have changed.
      forward.AttentionInput(w, buffers.stream, buffers.input);
      forward.Attend(w, layer, buffers.input, cache, 0, buffers.inner);
      return buffers.inner;
    case InputSlot::kMlp:
      forward.MlpInput(w, buffers.stream, buffers.input);
      return buffers.input;
    case InputSlot::kDown:
      forward.MlpInput(w, buffers.stream, buffers.input);
      forward.MlpInner(w, buffers.input, buffers.inner);
      return buffers.inner;
    case InputSlot::kHead:
      break;
  }
  CRUMB_CHECK(false);
  return nullptr;
}

bool AddsToStream(InputSlot slot) { return slot == InputSlot::kOutput || slot == InputSlot::kDown; }

bool GoesThroughNorm(const ModelConfig& config, InputSlot slot) {
  return AddsToStream(slot) && config.post_norms;
}

const float* StageOutput(Forward& forward, const LayerWeights& w, InputSlot slot, int64_t rows,
                         const StageBuffers& buffers) {
  CRUMB_CHECK(AddsToStream(slot));
  forward.Begin(0, rows);
  if (slot == InputSlot::kOutput) {
    forward.AttentionOutput(w, buffers.inner, buffers.input);
  } else {
    forward.MlpOutput(w, buffers.inner, buffers.input);
  }
  return buffers.input;
}

void AddOutput(Forward& forward, const LayerWeights& w, InputSlot slot, int64_t rows,
               const StageBuffers& buffers) {
  CRUMB_CHECK(AddsToStream(slot));
  forward.Begin(0, rows);
  if (slot == InputSlot::kOutput) {
    forward.AddAttention(w, buffers.input, buffers.stream);
  } else {
    forward.AddMlp(w, buffers.input, buffers.stream);
  }
}

void FinishStage(Forward& forward, const LayerWeights& w, InputSlot slot, int64_t rows,
                 const StageBuffers& buffers) {
  if (!AddsToStream(slot)) return;
  StageOutput(forward, w, slot, rows, buffers);
  AddOutput(forward, w, slot, rows, buffers);
}

}  // namespace crumb
