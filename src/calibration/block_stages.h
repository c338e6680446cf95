// The stages of a block (model/forward.h) one by one, as calibration and quantization go through
// them: by what the matrices of each stage read.
#ifndef CRUMB_CALIBRATION_BLOCK_STAGES_H_
#define CRUMB_CALIBRATION_BLOCK_STAGES_H_

#include <array>
#include <cstdint>

#include "model/forward.h"

namespace crumb {

// In the order in which a block goes through them.
inline constexpr std::array kBlockSlots = {InputSlot::kAttention, InputSlot::kOutput,
                                           InputSlot::kMlp, InputSlot::kDown};

// Columns of the matrices that read `slot`.
int64_t InputWidth(const ModelConfig& config, InputSlot slot);

// Numbers a row of StageBuffers::inner.
int64_t InnerWidth(const ModelConfig& config);

// Whether what the matrix of `slot` makes is added to the residual stream: output and down.
bool AddsToStream(InputSlot slot);
// Whether a norm of its own stands between the two (Gemma 3). It divides by the size of what the
// matrix makes, so that nothing can be put in front of it to make up for what the stream lacks.
bool GoesThroughNorm(const ModelConfig& config, InputSlot slot);

// Of one window. `stream` and `inner` belong to it for as long as it is in the block; `input` may
// be used for other windows in between.
struct StageBuffers {
  float* stream;  // rows x hidden_size: residual stream, changed by the stages
  float* inner;   // rows x InnerWidth: input of the output projection, then of down
  float* input;   // rows x hidden_size
};

// A stage of window rows 0 .. rows - 1 in two parts, which are to be gone through in turn for the
// slots of a block in order; the weights of a slot may change between its two parts.
// StageInput: what the matrices of `slot` read, in `inner` or `input`. The cache has one layer.
// REQUIRES: not kHead.
const float* StageInput(Forward& forward, const LayerWeights& w, int64_t layer, InputSlot slot,
                        int64_t rows, KvCache& cache, const StageBuffers& buffers);
// Adds what they make of it to the stream, where they do.
void FinishStage(Forward& forward, const LayerWeights& w, InputSlot slot, int64_t rows,
                 const StageBuffers& buffers);

// FinishStage in two steps, for slots that AddsToStream: StageOutput gives what the matrix makes,
// with its bias, in `input`, AddOutput adds it to the stream.
const float* StageOutput(Forward& forward, const LayerWeights& w, InputSlot slot, int64_t rows,
                         const StageBuffers& buffers);
void AddOutput(Forward& forward, const LayerWeights& w, InputSlot slot, int64_t rows,
               const StageBuffers& buffers);

}  // namespace crumb

#endif  // CRUMB_CALIBRATION_BLOCK_STAGES_H_
