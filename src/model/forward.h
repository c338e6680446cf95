// Forward: the stages of a transformer block as functions of rows. Session strings them together
// for running a model; calibration and quantization run them one by one, for many windows, with
// weights that change between the stages.
#ifndef CRUMB_MODEL_FORWARD_H_
#define CRUMB_MODEL_FORWARD_H_

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/matmul.h"
#include "model/config.h"
#include "model/kv_cache.h"
#include "model/layer_weights.h"
#include "model/rope_table.h"

namespace crumb {

// What the matrices of a model read. All matrices of a slot share their input.
enum class InputSlot {
  kAttention,  // query, key, value
  kOutput,     // output projection
  kMlp,        // gate, up
  kDown,       // down
  kHead,       // head
};
InputSlot SlotOf(MatrixRole role);  // REQUIRES: not kEmbedding

// Rows are tokens of one sequence or of several, run after run; matrices of activations are
// [rows, width], row after row; what a stage reads and what it writes lie apart. Not for two
// threads at once.
class Forward {
 public:
  Forward(const ModelConfig& config, ThreadPool& pool, ActivationType activations);

  // The rows of a pass; call before its stages.
  void Begin(std::span<const TokenRun> runs);
  // Rows of one sequence, row i at position `position` + i.
  void Begin(int64_t position, int64_t rows) {
    const TokenRun run = {.first = position, .rows = rows};
    Begin(std::span<const TokenRun>(&run, 1));
  }

  // Token and position embeddings into x (hidden_size).
  void Embed(const ModelWeights& weights, std::span<const int32_t> tokens, float* x);

  // The stages of block `layer`, in order. x: residual stream, hidden_size wide.
  // 1. out: input of query, key, value, hidden_size.
  void AttentionInput(const LayerWeights& w, const float* x, float* out);
  // 2. out: input of the output projection, query_size. Keys and values go to row `cache_layer` of
  //    `cache` at the positions of the runs.
  void Attend(const LayerWeights& w, int64_t layer, const float* in, KvCache& cache,
              int64_t cache_layer, float* out);
  // 3. adds what the output projection makes of `in` to x. In two steps for those who want to see
  //    it: AttentionOutput gives it (hidden_size), AddAttention adds it, and may change it.
  void FinishAttention(const LayerWeights& w, const float* in, float* x);
  void AttentionOutput(const LayerWeights& w, const float* in, float* out);
  void AddAttention(const LayerWeights& w, float* out, float* x);
  // 4. out: input of gate and up, hidden_size.
  void MlpInput(const LayerWeights& w, const float* x, float* out);
  // 5. out: input of down, intermediate_size.
  void MlpInner(const LayerWeights& w, const float* in, float* out);
  // 6. adds what down makes of `in` to x. In two steps as for 3.
  void FinishMlp(const LayerWeights& w, const float* in, float* x);
  void MlpOutput(const LayerWeights& w, const float* in, float* out);
  void AddMlp(const LayerWeights& w, float* out, float* x);

  // Input of the head from x: final norm. out: rows x hidden_size.
  void HeadInput(const ModelWeights& weights, const float* x, int64_t rows, float* out);
  // Logits of `rows` rows of head input.
  void Logits(const ModelWeights& weights, const float* in, int64_t rows, float* out);

  int64_t buffer_bytes() const;

 private:
  void Apply(const NormWeights& norm, const float* in, int64_t rows, float* out);
  // All outputs of the same input; matrices with the same input transform share the preparation.
  void Multiply(const float* in, int64_t cols, int64_t rows,
                std::span<const std::pair<const Linear*, float*>> outputs);
  // Whether gate and up can go through GatedMatMul.
  bool OnePass(const LayerWeights& w) const;
  // Activations of `in` as the matrix takes them.
  void Prepare(const float* in, int64_t cols, int64_t rows, const PackedMatrix& matrix);

  const ModelConfig& c_;
  ThreadPool& pool_;
  const ActivationType activations_type_;
  RopeTable rope_;
  RopeTable local_rope_;  // of layers with a window; empty: as rope_
  std::vector<TokenRun> runs_;
  std::vector<QueryRun> queries_;  // the same for attention
  int64_t rows_ = 0;               // of all runs
  std::vector<float> q_, k_, v_, gate_, sum_;
  Activations activations_;
};

}  // namespace crumb

#endif  // CRUMB_MODEL_FORWARD_H_
