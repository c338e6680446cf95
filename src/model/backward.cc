#include "model/backward.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "codecs/codec.h"
#include "codecs/float_codecs.h"
#include "kernels/layers.h"
#include "kernels/matmul.h"
#include "model/backward_layers.h"
#include "model/layer_weights.h"
#include "model/rope_table.h"

namespace crumb {
namespace {

// Tokens whose logits are held at once, and outputs of the head that are transposed at once.
constexpr int64_t kHeadTokens = 256;
constexpr int64_t kHeadOutputs = 8192;

using Buffer = std::vector<float>;

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

Status CheckModel(const Model& model) {
  const ModelConfig& c = model.config();
  if (c.encoder || !c.norm_before) {
    return InvalidArgument(
        fmt::format("{}: gradients are there for decoders, this is an encoder", model.path()));
  }
  for (const NamedMatrix& m : model.matrices()) {
    const Codec* codec = m.matrix.codec;
    const bool is_float =
        codec == Float32Codec() || codec == Float16Codec() || codec == Bfloat16Codec();
    if (is_float && m.matrix.input.empty()) continue;
    return InvalidArgument(
        fmt::format("{}: gradients need float weights and {} is {}; give the model that it was "
                    "made from",
                    model.path(), m.name, codec->name()));
  }
  return OkStatus();
}

}  // namespace

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

  // The head and the loss: returns the sum of losses and makes gradient_.
  double Head(std::span<const int32_t> window, LossKind kind, uint64_t seed);
  double LossOfRow(int32_t target, double uniform, LossKind kind, float* logits) const;

  void Apply(const NormWeights& norm, const float* in, int64_t count, float* out);
  void ApplyBackward(const NormWeights& norm, const float* in, int64_t count, const float* dy,
                     float* dx);
  void Multiply(const float* in, int64_t cols, std::span<const std::pair<Linear, float*>> outputs);
  void Visit(const PackedMatrix* weights_of, bool lookup, const float* values, int64_t first,
             int64_t count);
  // Visits a matrix and gives the gradient of its inputs.
  void LinearBackward(const Linear& linear, const float* dy, float* dx);

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
  const VisitGradient* visit = nullptr;

  int64_t tokens = 0;
  Buffer residuals;  // before each block and behind the last
  BlockActivations a;
  Buffer gradient;                  // of the residual stream
  Buffer d_hidden, d_input, d_sum;  // hidden
  Buffer d_inner, d_gate, d_up;     // intermediate
  Buffer d_attention, d_q, d_k, d_v, negated_sines;
  Buffer logits;
  Activations activations;
  TransposedProduct transposed;
  AttentionBackward attention_backward;
};

Status Backward::State::Check(std::span<const int32_t> window) const {
  if (window.size() < 2) {
    return InvalidArgument("a window needs at least two tokens to have a loss");
  }
  if (c.learned_positions() && std::ssize(window) > c.max_positions) {
    return InvalidArgument(fmt::format("{}: the model has positions for {} tokens, not {}",
                                       model.path(), c.max_positions, window.size()));
  }
  for (size_t i = 0; i < window.size(); ++i) {
    if (window[i] < 0 || window[i] >= c.vocabulary_size) {
      return InvalidArgument(fmt::format("token {} at place {} is outside the vocabulary of {}",
                                         window[i], i, c.vocabulary_size));
    }
  }
  return OkStatus();
}

void Backward::State::Reserve() {
  const auto grow = [this](int64_t width, std::initializer_list<Buffer*> buffers) {
    for (Buffer* buffer : buffers) {
      if (std::ssize(*buffer) < Width(width)) buffer->resize(static_cast<size_t>(Width(width)));
    }
  };
  grow((c.layers + 1) * c.hidden_size, {&residuals});
  grow(c.hidden_size, {&a.attention_input, &a.attention_output, &a.middle, &a.mlp_input,
                       &a.mlp_output, &gradient, &d_hidden, &d_input, &d_sum});
  grow(c.query_size(), {&a.q, &a.attention, &d_q, &d_attention});
  grow(c.kv_size(), {&a.k, &a.v, &d_k, &d_v});
  if (c.qk_norm) {
    grow(c.query_size(), {&a.q_plain});
    grow(c.kv_size(), {&a.k_plain});
  }
  grow(c.intermediate_size, {&a.up, &a.inner, &d_inner, &d_up});
  if (c.mlp == MlpKind::kGated) grow(c.intermediate_size, {&a.gate, &d_gate});
  const int64_t head_tokens = std::min(kHeadTokens, tokens - 1);
  if (std::ssize(logits) < head_tokens * c.vocabulary_size) {
    logits.resize(static_cast<size_t>(head_tokens * c.vocabulary_size));
  }
}

void Backward::State::Embed(std::span<const int32_t> window) {
  float* x = Residual(0);
  GatherRows(*weights.embedding, window, x);
  if (c.embedding_scale != 1) {
    for (int64_t i = 0; i < Width(c.hidden_size); ++i) x[i] *= c.embedding_scale;
  }
  if (weights.positions != nullptr) AddInPlace(weights.positions, Width(c.hidden_size), x);
}

// ---- Forward ----

void Backward::State::ForwardBlock(int64_t layer, const float* x, float* next) {
  ForwardAttention(layer, x);
  ForwardMlp(layer, next);
}

void Backward::State::ForwardAttention(int64_t layer, const float* x) {
  const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
  Apply(w.attention_norm, x, tokens, a.attention_input.data());
  Multiply(a.attention_input.data(), c.hidden_size,
           std::array{std::pair{w.q, c.qk_norm ? a.q_plain.data() : a.q.data()},
                      std::pair{w.k, c.qk_norm ? a.k_plain.data() : a.k.data()},
                      std::pair{w.v, a.v.data()}});
  AddPositions(layer);
  const KvView kv = {a.k.data(), a.v.data(), false};
  Attention(Shape(layer), a.q.data(), kv, 0, tokens, tokens, a.attention.data(), pool);
  Multiply(a.attention.data(), c.query_size(),
           std::array{std::pair{w.o, a.attention_output.data()}});
  if (c.post_norms) {
    Apply(w.attention_post_norm, a.attention_output.data(), tokens, a.middle.data());
  } else {
    std::copy_n(a.attention_output.data(), Width(c.hidden_size), a.middle.data());
  }
  AddInPlace(x, Width(c.hidden_size), a.middle.data());
}

void Backward::State::AddPositions(int64_t layer) {
  if (c.qk_norm) {
    const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
    RmsNorm(a.q_plain.data(), w.q_norm.weight, c.norm_eps, tokens * c.heads, c.head_dim, a.q.data(),
            pool);
    RmsNorm(a.k_plain.data(), w.k_norm.weight, c.norm_eps, tokens * c.kv_heads, c.head_dim,
            a.k.data(), pool);
  }
  const RopeTable& table = RopeOf(layer);
  if (table.empty()) return;
  Rope(table.cosines(), table.sines(), tokens, c.heads, c.head_dim, a.q.data(), pool);
  Rope(table.cosines(), table.sines(), tokens, c.kv_heads, c.head_dim, a.k.data(), pool);
}

void Backward::State::ForwardMlp(int64_t layer, float* next) {
  const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
  const int64_t inner = Width(c.intermediate_size);
  Apply(w.mlp_norm, a.middle.data(), tokens, a.mlp_input.data());
  if (c.mlp == MlpKind::kGated) {
    Multiply(a.mlp_input.data(), c.hidden_size,
             std::array{std::pair{w.gate, a.gate.data()}, std::pair{w.up, a.up.data()}});
    GatedActivation(c.activation, a.gate.data(), a.up.data(), inner, a.inner.data(), pool);
  } else {
    Multiply(a.mlp_input.data(), c.hidden_size, std::array{std::pair{w.up, a.up.data()}});
    std::copy_n(a.up.data(), inner, a.inner.data());
    ApplyActivation(c.activation, a.inner.data(), inner, pool);
  }
  Multiply(a.inner.data(), c.intermediate_size, std::array{std::pair{w.down, a.mlp_output.data()}});
  if (c.post_norms) {
    Apply(w.mlp_post_norm, a.mlp_output.data(), tokens, next);
  } else {
    std::copy_n(a.mlp_output.data(), Width(c.hidden_size), next);
  }
  AddInPlace(a.middle.data(), Width(c.hidden_size), next);
}

// ---- Loss ----

double Backward::State::Head(std::span<const int32_t> window, LossKind kind, uint64_t seed) {
  const float* x = Residual(c.layers);
  Rng rng(seed);
  double sum = 0;
  std::fill_n(gradient.data(), Width(c.hidden_size), 0.0f);
  for (int64_t first = 0; first < tokens - 1; first += kHeadTokens) {
    const int64_t count = std::min(kHeadTokens, tokens - 1 - first);
    const int64_t at = first * c.hidden_size;
    Apply(weights.final_norm, x + at, count, d_hidden.data());
    activations.Set(d_hidden.data(), count, c.hidden_size, c.hidden_size, ActivationType::kFloat32,
                    pool);
    MatMul(*weights.head, activations, logits.data(), c.vocabulary_size, pool);
    std::vector<double> uniforms(static_cast<size_t>(count));
    std::vector<double> losses(uniforms.size());
    for (double& uniform : uniforms) uniform = rng.Uniform();
    pool.ParallelFor(count, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const auto row = static_cast<size_t>(i);
        losses[row] = LossOfRow(window[static_cast<size_t>(first + i + 1)], uniforms[row], kind,
                                logits.data() + i * c.vocabulary_size);
      }
    });
    for (const double loss : losses) sum += loss;
    Visit(weights.head, false, logits.data(), first, count);
    std::fill_n(d_hidden.data(), count * c.hidden_size, 0.0f);
    for (int64_t output = 0; output < c.vocabulary_size; output += kHeadOutputs) {
      transposed.AddRows(*weights.head, output, std::min(kHeadOutputs, c.vocabulary_size - output),
                         logits.data(), count, c.vocabulary_size, d_hidden.data(), pool);
    }
    ApplyBackward(weights.final_norm, x + at, count, d_hidden.data(), gradient.data() + at);
  }
  return sum;
}

// The loss of one position; its logits become their gradients: softmax - (1 at the target).
double Backward::State::LossOfRow(int32_t target, double uniform, LossKind kind, float* row) const {
  const int64_t n = c.vocabulary_size;
  const float cap = c.logit_softcap;
  if (cap != 0) {
    for (int64_t i = 0; i < n; ++i) row[i] = cap * std::tanh(row[i] / cap);
  }
  const float largest = *std::max_element(row, row + n);
  double total = 0;
  for (int64_t i = 0; i < n; ++i) total += std::exp(row[i] - largest);
  if (kind == LossKind::kSampled) {
    double left = uniform * total;
    int64_t drawn = 0;
    for (; drawn < n - 1; ++drawn) {
      left -= std::exp(row[drawn] - largest);
      if (left < 0) break;
    }
    target = static_cast<int32_t>(drawn);
  }
  const double loss = std::log(total) - static_cast<double>(row[target] - largest);
  const float factor = static_cast<float>(1 / total);
  for (int64_t i = 0; i < n; ++i) {
    const float slope = cap != 0 ? 1 - (row[i] / cap) * (row[i] / cap) : 1;
    const float probability = std::exp(row[i] - largest) * factor;
    row[i] = slope * (probability - (i == target ? 1.0f : 0.0f));
  }
  return loss;
}

// ---- Backward ----

void Backward::State::BackwardBlock(int64_t layer, const float* x) {
  BackwardMlp(layer);
  BackwardAttention(layer, x);
}

void Backward::State::BackwardMlp(int64_t layer) {
  const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
  const int64_t inner = Width(c.intermediate_size);
  const float* dy = gradient.data();
  if (c.post_norms) {
    ApplyBackward(w.mlp_post_norm, a.mlp_output.data(), tokens, dy, d_hidden.data());
    dy = d_hidden.data();
  }
  LinearBackward(w.down, dy, d_inner.data());
  if (c.mlp == MlpKind::kGated) {
    GatedActivationBackward(c.activation, a.gate.data(), a.up.data(), inner, d_inner.data(),
                            d_gate.data(), d_up.data(), pool);
    LinearBackward(w.gate, d_gate.data(), d_input.data());
    LinearBackward(w.up, d_up.data(), d_sum.data());
    AddInPlace(d_sum.data(), Width(c.hidden_size), d_input.data());
  } else {
    ActivationBackward(c.activation, a.up.data(), inner, d_inner.data(), d_up.data(), pool);
    LinearBackward(w.up, d_up.data(), d_input.data());
  }
  ApplyBackward(w.mlp_norm, a.middle.data(), tokens, d_input.data(), d_input.data());
  AddInPlace(d_input.data(), Width(c.hidden_size), gradient.data());
}

void Backward::State::BackwardAttention(int64_t layer, const float* x) {
  const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
  const float* dy = gradient.data();
  if (c.post_norms) {
    ApplyBackward(w.attention_post_norm, a.attention_output.data(), tokens, dy, d_hidden.data());
    dy = d_hidden.data();
  }
  LinearBackward(w.o, dy, d_attention.data());
  attention_backward.Run(Shape(layer), tokens, a.q.data(), a.k.data(), a.v.data(),
                         d_attention.data(), d_q.data(), d_k.data(), d_v.data(), pool);
  RemovePositions(layer);
  LinearBackward(w.q, d_q.data(), d_input.data());
  LinearBackward(w.k, d_k.data(), d_sum.data());
  AddInPlace(d_sum.data(), Width(c.hidden_size), d_input.data());
  LinearBackward(w.v, d_v.data(), d_sum.data());
  AddInPlace(d_sum.data(), Width(c.hidden_size), d_input.data());
  ApplyBackward(w.attention_norm, x, tokens, d_input.data(), d_input.data());
  AddInPlace(d_input.data(), Width(c.hidden_size), gradient.data());
}

// A rotation's transpose turns the other way.
void Backward::State::RemovePositions(int64_t layer) {
  const RopeTable& table = RopeOf(layer);
  if (!table.empty()) {
    negated_sines.assign(table.sines(), table.sines() + tokens * c.head_dim / 2);
    for (float& sine : negated_sines) sine = -sine;
    Rope(table.cosines(), negated_sines.data(), tokens, c.heads, c.head_dim, d_q.data(), pool);
    Rope(table.cosines(), negated_sines.data(), tokens, c.kv_heads, c.head_dim, d_k.data(), pool);
  }
  if (c.qk_norm) {
    const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
    RmsNormBackward(a.q_plain.data(), w.q_norm.weight, c.norm_eps, tokens * c.heads, c.head_dim,
                    d_q.data(), d_q.data(), pool);
    RmsNormBackward(a.k_plain.data(), w.k_norm.weight, c.norm_eps, tokens * c.kv_heads, c.head_dim,
                    d_k.data(), d_k.data(), pool);
  }
}

// ---- Parts ----

void Backward::State::Apply(const NormWeights& norm, const float* in, int64_t count, float* out) {
  if (norm.weight == nullptr) {
    std::copy_n(in, count * c.hidden_size, out);
  } else if (c.norm == NormKind::kRms) {
    RmsNorm(in, norm.weight, c.norm_eps, count, c.hidden_size, out, pool);
  } else {
    LayerNorm(in, norm.weight, norm.bias, c.norm_eps, count, c.hidden_size, out, pool);
  }
}

void Backward::State::ApplyBackward(const NormWeights& norm, const float* in, int64_t count,
                                    const float* dy, float* dx) {
  if (norm.weight == nullptr) {
    if (dx != dy) std::copy_n(dy, count * c.hidden_size, dx);
  } else if (c.norm == NormKind::kRms) {
    RmsNormBackward(in, norm.weight, c.norm_eps, count, c.hidden_size, dy, dx, pool);
  } else {
    LayerNormBackward(in, norm.weight, c.norm_eps, count, c.hidden_size, dy, dx, pool);
  }
}

void Backward::State::Multiply(const float* in, int64_t cols,
                               std::span<const std::pair<Linear, float*>> outputs) {
  std::vector<Product> products;
  for (const auto& [linear, out] : outputs) {
    products.push_back({linear.weights, out, linear.weights->rows});
  }
  activations.Set(in, tokens, cols, cols, ActivationType::kFloat32, pool);
  MatMul(products, activations, pool);
  for (const auto& [linear, out] : outputs) {
    if (linear.bias != nullptr) AddBias(linear.bias, tokens, linear.weights->rows, out);
  }
}

void Backward::State::LinearBackward(const Linear& linear, const float* dy, float* dx) {
  Visit(linear.weights, false, dy, 0, tokens);
  transposed.Multiply(*linear.weights, dy, tokens, dx, pool);
}

void Backward::State::Visit(const PackedMatrix* matrix, bool lookup, const float* values,
                            int64_t first, int64_t count) {
  if (!*visit) return;
  for (const NamedMatrix& named : model.matrices()) {
    if (&named.matrix == matrix) (*visit)({&named, lookup, values, first, count});
  }
}

Backward::Backward() = default;
Backward::~Backward() = default;

Result<std::unique_ptr<Backward>> Backward::Create(const Model& model, ThreadPool& pool) {
  CRUMB_RETURN_IF_ERROR(CheckModel(model));
  std::unique_ptr<Backward> backward(new Backward());
  backward->state_ = std::make_unique<State>(model, pool);
  return backward;
}

Result<double> Backward::Run(std::span<const int32_t> window, LossKind kind, uint64_t seed,
                             const VisitGradient& visit) {
  State& s = *state_;
  CRUMB_RETURN_IF_ERROR(s.Check(window));
  s.tokens = std::ssize(window);
  s.visit = &visit;
  s.Reserve();
  if (!s.rope.empty()) s.rope.Fill(0, s.tokens);
  if (!s.local_rope.empty()) s.local_rope.Fill(0, s.tokens);
  s.Embed(window);
  for (int64_t layer = 0; layer < s.c.layers; ++layer) {
    s.ForwardBlock(layer, s.Residual(layer), s.Residual(layer + 1));
  }
  const double loss = s.Head(window, kind, seed);
  for (int64_t layer = s.c.layers - 1; layer >= 0; --layer) {
    // The activations of the last block are still there.
    if (layer + 1 < s.c.layers) s.ForwardBlock(layer, s.Residual(layer), s.d_sum.data());
    s.BackwardBlock(layer, s.Residual(layer));
  }
  for (int64_t i = 0; i < s.Width(s.c.hidden_size); ++i) {
    s.gradient[static_cast<size_t>(i)] *= s.c.embedding_scale;
  }
  s.Visit(s.weights.embedding, true, s.gradient.data(), 0, s.tokens);
  return loss / static_cast<double>(s.tokens - 1);
}

}  // namespace crumb
