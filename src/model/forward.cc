#include "model/forward.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "codecs/float_codecs.h"
#include "codecs/tiled_codec.h"
#include "kernels/gated_matmul.h"

namespace crumb {
namespace {

void Grow(int64_t rows, int64_t width, std::vector<float>& buffer) {
  const auto size = static_cast<size_t>(rows * width);
  if (buffer.size() < size) buffer.resize(size);
}

// Whether the matrices take their input alike.
bool Alike(const PackedMatrix& a, const PackedMatrix& b) {
  return IsFloat(OriginalOf(a.codec)) == IsFloat(OriginalOf(b.codec)) && a.input == b.input;
}

}  // namespace

InputSlot SlotOf(MatrixRole role) {
  switch (role) {
    case MatrixRole::kQuery:
    case MatrixRole::kKey:
    case MatrixRole::kValue:
      return InputSlot::kAttention;
    case MatrixRole::kOutput:
      return InputSlot::kOutput;
    case MatrixRole::kGate:
    case MatrixRole::kUp:
      return InputSlot::kMlp;
    case MatrixRole::kDown:
      return InputSlot::kDown;
    default:
      CRUMB_CHECK(role == MatrixRole::kHead);
      return InputSlot::kHead;
  }
}

Forward::Forward(const ModelConfig& config, ThreadPool& pool, ActivationType activations)
    : c_(config), pool_(pool), activations_type_(activations) {
  if (c_.learned_positions()) return;
  rope_ = RopeTable(c_.head_dim, c_.rope_theta, c_.rope_scale, c_.rope_factors);
  if (c_.rope_theta_local > 0) local_rope_ = RopeTable(c_.head_dim, c_.rope_theta_local, 1, {});
}

void Forward::Begin(std::span<const TokenRun> runs) {
  runs_.assign(runs.begin(), runs.end());
  rows_ = 0;
  for (const TokenRun& run : runs) {
    if (!rope_.empty()) rope_.Fill(rows_, run.first, run.rows);
    if (!local_rope_.empty()) local_rope_.Fill(rows_, run.first, run.rows);
    rows_ += run.rows;
  }
}

void Forward::Embed(const ModelWeights& weights, std::span<const int32_t> tokens, float* x) {
  GatherRows(*weights.embedding, tokens, x);
  const int64_t hidden = c_.hidden_size;
  if (c_.embedding_scale != 1) {
    for (int64_t i = 0; i < rows_ * hidden; ++i) x[i] *= c_.embedding_scale;
  }
  if (weights.positions != nullptr) {
    float* rows = x;
    for (const TokenRun& run : runs_) {
      AddInPlace(weights.positions + run.first * hidden, run.rows * hidden, rows, pool_);
      rows += run.rows * hidden;
    }
  }
  if (weights.types != nullptr) AddBias(weights.types, rows_, hidden, x, pool_);
  if (weights.embedding_norm.weight != nullptr) Apply(weights.embedding_norm, x, rows_, x);
}

void Forward::AttentionInput(const LayerWeights& w, const float* x, float* out) {
  if (c_.norm_before) {
    Apply(w.attention_norm, x, rows_, out);
  } else {
    std::copy_n(x, rows_ * c_.hidden_size, out);
  }
}

void Forward::Attend(const LayerWeights& w, int64_t layer, const float* in, KvCache& cache,
                     int64_t cache_layer, float* out) {
  Grow(rows_, c_.query_size(), q_);
  Grow(rows_, c_.kv_size(), k_);
  Grow(rows_, c_.kv_size(), v_);
  Multiply(in, c_.hidden_size, rows_,
           std::array{std::pair{&w.q, q_.data()}, std::pair{&w.k, k_.data()},
                      std::pair{&w.v, v_.data()}});
  if (c_.qk_norm) {
    RmsNorm(q_.data(), w.q_norm.weight, c_.norm_eps, rows_ * c_.heads, c_.head_dim, q_.data(),
            pool_);
    RmsNorm(k_.data(), w.k_norm.weight, c_.norm_eps, rows_ * c_.kv_heads, c_.head_dim, k_.data(),
            pool_);
  }
  const RopeTable& table = c_.has_window(layer) && !local_rope_.empty() ? local_rope_ : rope_;
  if (!table.empty()) {
    Rope(table.cosines(), table.sines(), rows_, c_.heads, c_.head_dim, q_.data(), pool_);
    Rope(table.cosines(), table.sines(), rows_, c_.kv_heads, c_.head_dim, k_.data(), pool_);
  }
  cache.Store(cache_layer, runs_, k_.data(), v_.data(), pool_);
  const AttentionShape shape = {.heads = c_.heads,
                                .kv_heads = c_.kv_heads,
                                .head_dim = c_.head_dim,
                                .scale = c_.attention_scale,
                                .window = c_.has_window(layer) ? c_.window : 0,
                                .causal = !c_.encoder};
  queries_.clear();
  for (const TokenRun& run : runs_) {
    queries_.push_back(
        {cache.View(cache_layer, run.sequence), run.first, run.rows, run.first + run.rows});
  }
  Attention(shape, q_.data(), queries_, out, pool_);
}

void Forward::FinishAttention(const LayerWeights& w, const float* in, float* x) {
  Grow(rows_, c_.hidden_size, sum_);
  AttentionOutput(w, in, sum_.data());
  AddAttention(w, sum_.data(), x);
}

void Forward::AttentionOutput(const LayerWeights& w, const float* in, float* out) {
  Multiply(in, c_.query_size(), rows_, std::array{std::pair{&w.o, out}});
}

void Forward::AddAttention(const LayerWeights& w, float* out, float* x) {
  if (c_.post_norms) Apply(w.attention_post_norm, out, rows_, out);
  AddInPlace(out, rows_ * c_.hidden_size, x, pool_);
  if (!c_.norm_before) Apply(w.attention_post_norm, x, rows_, x);
}

void Forward::MlpInput(const LayerWeights& w, const float* x, float* out) {
  if (c_.norm_before) {
    Apply(w.mlp_norm, x, rows_, out);
  } else {
    std::copy_n(x, rows_ * c_.hidden_size, out);
  }
}

void Forward::MlpInner(const LayerWeights& w, const float* in, float* out) {
  const int64_t inner = rows_ * c_.intermediate_size;
  if (c_.mlp == MlpKind::kGated) Grow(rows_, c_.intermediate_size, gate_);
  if (c_.mlp == MlpKind::kGated && OnePass(w)) {
    const Product gate = {w.gate.weights, gate_.data(), c_.intermediate_size};
    const Product up = {w.up.weights, out, c_.intermediate_size};
    Prepare(in, c_.hidden_size, rows_, *w.up.weights);
    GatedMatMul(c_.activation, gate, up, activations_, pool_);
  } else if (c_.mlp == MlpKind::kGated) {
    Multiply(in, c_.hidden_size, rows_,
             std::array{std::pair{&w.gate, gate_.data()}, std::pair{&w.up, out}});
    GatedActivation(c_.activation, gate_.data(), out, inner, out, pool_);
  } else {
    Multiply(in, c_.hidden_size, rows_, std::array{std::pair{&w.up, out}});
    ApplyActivation(c_.activation, out, inner, pool_);
  }
}

void Forward::FinishMlp(const LayerWeights& w, const float* in, float* x) {
  Grow(rows_, c_.hidden_size, sum_);
  MlpOutput(w, in, sum_.data());
  AddMlp(w, sum_.data(), x);
}

void Forward::MlpOutput(const LayerWeights& w, const float* in, float* out) {
  Multiply(in, c_.intermediate_size, rows_, std::array{std::pair{&w.down, out}});
}

void Forward::AddMlp(const LayerWeights& w, float* out, float* x) {
  if (c_.post_norms) Apply(w.mlp_post_norm, out, rows_, out);
  AddInPlace(out, rows_ * c_.hidden_size, x, pool_);
  if (!c_.norm_before) Apply(w.mlp_post_norm, x, rows_, x);
}

void Forward::HeadInput(const ModelWeights& weights, const float* x, int64_t rows, float* out) {
  if (weights.final_norm.weight != nullptr) {
    Apply(weights.final_norm, x, rows, out);
  } else {
    std::copy_n(x, rows * c_.hidden_size, out);
  }
}

void Forward::Logits(const ModelWeights& weights, const float* in, int64_t rows, float* out) {
  const Linear head = {weights.head, nullptr};
  Multiply(in, c_.hidden_size, rows, std::array{std::pair{&head, out}});
  if (c_.logit_softcap == 0) return;
  for (int64_t i = 0; i < rows * c_.vocabulary_size; ++i) {
    out[i] = c_.logit_softcap * std::tanh(out[i] / c_.logit_softcap);
  }
}

void Forward::Apply(const NormWeights& norm, const float* in, int64_t rows, float* out) {
  if (c_.norm == NormKind::kRms) {
    RmsNorm(in, norm.weight, c_.norm_eps, rows, c_.hidden_size, out, pool_);
  } else {
    LayerNorm(in, norm.weight, norm.bias, c_.norm_eps, rows, c_.hidden_size, out, pool_);
  }
}

void Forward::Multiply(const float* in, int64_t cols, int64_t rows,
                       std::span<const std::pair<const Linear*, float*>> outputs) {
  std::array<Product, 3> products;
  CRUMB_CHECK(outputs.size() <= products.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const PackedMatrix* matrix = outputs[i].first->weights;
    products[i] = {matrix, outputs[i].second, matrix->rows};
  }
  // Runs of matrices that take their input alike, in one pass over the threads.
  size_t first = 0;
  while (first < outputs.size()) {
    size_t end = first + 1;
    while (end < outputs.size() && Alike(*products[first].weights, *products[end].weights)) ++end;
    Prepare(in, cols, rows, *products[first].weights);
    MatMul(std::span<const Product>(products.data() + first, end - first), activations_, pool_);
    first = end;
  }
  for (const auto& [linear, out] : outputs) {
    if (linear->bias != nullptr) AddBias(linear->bias, rows, linear->weights->rows, out, pool_);
  }
}

bool Forward::OnePass(const LayerWeights& w) const {
  return w.gate.bias == nullptr && w.up.bias == nullptr && Alike(*w.gate.weights, *w.up.weights);
}

void Forward::Prepare(const float* in, int64_t cols, int64_t rows, const PackedMatrix& matrix) {
  const bool floats = IsFloat(OriginalOf(matrix.codec));
  const ActivationType type = floats ? ActivationType::kFloat32 : activations_type_;
  activations_.Borrow(in, rows, cols, type, pool_, matrix.input);
}

int64_t Forward::buffer_bytes() const {
  size_t numbers = 0;
  for (const auto* buffer : {&q_, &k_, &v_, &gate_, &sum_}) numbers += buffer->size();
  return static_cast<int64_t>(numbers * sizeof(float)) + activations_.bytes() + rope_.bytes() +
         local_rope_.bytes();
}

}  // namespace crumb
