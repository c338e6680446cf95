// The working state of Backward (model/backward.h), in three parts: the order of a run
// (backward.cc), one block forward and backward (backward_block.cc), the head and the losses
// (backward_head.cc).
#ifndef CRUMB_MODEL_BACKWARD_STATE_H_
#define CRUMB_MODEL_BACKWARD_STATE_H_

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/mapped_allocator.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "kernels/attention.h"
#include "kernels/layers.h"
#include "kernels/matmul.h"
#include "model/backward.h"
#include "model/backward_layers.h"
#include "model/layer_weights.h"
#include "model/rope_table.h"

namespace crumb {

// Kept activations of all blocks are given back at the end, however large each is.
using Buffer = std::vector<float, MappedAllocator<float>>;

// Tokens whose logits are held at once.
inline constexpr int64_t kHeadTokens = 256;

// What one block computed for the window, as far as its derivative needs it. [tokens, width].
struct BlockActivations {
  Buffer attention_input;     // hidden
  Buffer q_plain, k_plain;    // before the norms of heads; only with qk_norm
  Buffer q, k, v, attention;  // q, k: with positions
  Buffer attention_output;    // of the output projection, before the post norm
  Buffer middle;              // residual stream between attention and MLP
  Buffer mlp_input;           // hidden
  Buffer gate, up, inner;     // intermediate; gate only with kGated
  Buffer mlp_output;          // of down, before the post norm
};

struct Backward::State {
  State(const Model& m, ThreadPool& p) : model(m), c(m.config()), pool(p), weights(FindWeights(m)) {
    if (c.learned_positions()) return;
    rope = RopeTable(c.head_dim, c.rope_theta, c.rope_scale, c.rope_factors);
    if (c.rope_theta_local > 0) local_rope = RopeTable(c.head_dim, c.rope_theta_local, 1, {});
  }

  Status Check(std::span<const int32_t> window) const;
  void Reserve();
  void Embed(std::span<const int32_t> window);

  // Forward: block `layer` from its residual stream x; `next` is the residual stream behind it.
  void ForwardBlock(int64_t layer, const float* x, float* next);
  void ForwardAttention(int64_t layer, const float* x);
  void ForwardMlp(int64_t layer, float* next);
  void AddPositions(int64_t layer);

  // Backward: gradient_ of the residual stream behind a block becomes the one before it.
  void BackwardBlock(int64_t layer, const float* x);
  void BackwardAttention(int64_t layer, const float* x);
  void BackwardMlp(int64_t layer);
  void RemovePositions(int64_t layer);

  // The head and the loss: returns sums of losses and makes gradient, of the stream.
  double Head(std::span<const int32_t> window, LossKind kind, uint64_t seed);
  double LossOfRow(int32_t target, double uniform, LossKind kind, float* logits) const;
  DistillationLoss DistillHead(std::span<const int32_t> window, const Distillation& distillation,
                               bool with_gradients);
  // The logits become gradients, the other model's become what the logits were.
  DistillationLoss DistillRow(int32_t target, double text_share, float* logits, float* other) const;
  void HeadLogits(int64_t first, int64_t count);
  // Logits holds gradients of tokens `first` on; `outputs` is what it held before, or null.
  void HeadBackward(int64_t first, int64_t count, const float* outputs);

  void ForwardBlocks(std::span<const int32_t> window);
  void BackwardBlocks();
  // Bytes of the activations of one block.
  int64_t BlockBytes() const;

  void Apply(const NormWeights& norm, const float* in, int64_t count, float* out);
  // Visits the norm's tensors and gives the gradient of its inputs.
  void ApplyBackward(const NormWeights& norm, const float* in, int64_t count, const float* dy,
                     float* dx);
  // The same for a norm of each head, in place.
  void HeadNormBackward(const NormWeights& norm, const float* in, int64_t heads, float* dy);
  void Multiply(const float* in, int64_t cols, std::span<const std::pair<Linear, float*>> outputs);
  void Visit(const PackedMatrix* weights_of, bool lookup, const float* values, const float* outputs,
             int64_t first, int64_t count);
  void VisitTensor(const float* tensor, const float* values);
  // Visits a matrix and its bias and gives the gradient of its inputs. `outputs`: with the bias,
  // which is taken from it.
  void LinearBackward(const Linear& linear, const float* dy, float* outputs, float* dx);

  int64_t Width(int64_t numbers) const { return tokens * numbers; }
  AttentionShape Shape(int64_t layer) const {
    return {.heads = c.heads,
            .kv_heads = c.kv_heads,
            .head_dim = c.head_dim,
            .scale = c.attention_scale,
            .window = c.has_window(layer) ? c.window : 0,
            .causal = true};
  }
  const RopeTable& RopeOf(int64_t layer) const {
    return c.has_window(layer) && !local_rope.empty() ? local_rope : rope;
  }
  float* Residual(int64_t layer) { return residuals.data() + layer * tokens * c.hidden_size; }

  const Model& model;
  const ModelConfig& c;
  ThreadPool& pool;
  const ModelWeights weights;
  RopeTable rope;
  RopeTable local_rope;  // of layers with a window; empty: as `rope`
  VisitGradient visit;
  VisitTensorGradient visit_tensor;

  int64_t keep_bytes = 0;
  int64_t tokens = 0;
  Buffer residuals;                    // before each block and behind the last
  BlockActivations a;                  // of the block at hand
  std::vector<BlockActivations> kept;  // of all, or empty
  Buffer gradient;                     // of the residual stream
  Buffer d_hidden, d_input, d_sum;     // hidden
  Buffer d_inner, d_gate, d_up;        // intermediate
  Buffer d_attention, d_q, d_k, d_v, negated_sines;
  Buffer logits, other_logits, tensor_gradient;
  Activations activations;
  TransposedProduct transposed;
  AttentionBackward attention_backward;
};

}  // namespace crumb

#endif  // CRUMB_MODEL_BACKWARD_STATE_H_
