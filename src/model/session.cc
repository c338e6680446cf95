#include "model/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "codecs/float_codecs.h"
#include "model/kv_cache.h"
#include "model/layer_weights.h"
#include "model/rope_table.h"

namespace crumb {
namespace {

// Tokens that run through all layers together. More would not make prompts faster, only buffers
// larger.
constexpr int64_t kChunk = 512;

bool IsFloat(const Codec* codec) {
  return codec == Float32Codec() || codec == Float16Codec() || codec == Bfloat16Codec();
}

}  // namespace

// The forward pass. Rows are tokens; all buffers are [rows, width] and keep the largest size they
// had.
struct Session::State {
  State(const Model& m, ThreadPool& p, const SessionOptions& o, KvCache kv)
      : model(m),
        c(m.config()),
        pool(p),
        options(o),
        weights(FindWeights(m)),
        cache(std::move(kv)) {
    if (c.learned_positions()) return;
    rope = RopeTable(c.head_dim, c.rope_theta, c.rope_scale, c.rope_factors);
    if (c.rope_theta_local > 0) local_rope = RopeTable(c.head_dim, c.rope_theta_local, 1, {});
  }

  Status Check(std::span<const int32_t> tokens, int64_t first) const;
  void Run(std::span<const int32_t> tokens);
  void Logits(int64_t first_row, int64_t count, float* out);
  std::vector<float> MeanOfRows(int64_t count) const;
  int64_t BufferBytes() const;

  void Reserve(int64_t count);
  void EmbedTokens(std::span<const int32_t> tokens);
  void AttentionBlock(int64_t layer);
  void AddPositionsToHeads(int64_t layer);
  void MlpBlock(int64_t layer);
  void Apply(const NormWeights& norm, const float* in, float* out);
  void Multiply(const float* in, int64_t cols,
                std::span<const std::pair<const Linear*, float*>> outputs);

  const Model& model;
  const ModelConfig& c;
  ThreadPool& pool;
  const SessionOptions options;
  const ModelWeights weights;
  KvCache cache;
  RopeTable rope;
  RopeTable local_rope;  // of layers with a window; empty: as `rope`
  int64_t position = 0;  // where the rows of this run start

  int64_t rows = 0;                 // of this run
  std::vector<float> x;             // the residual stream, hidden_size wide
  std::vector<float> normed;        // input and output of a block, hidden_size
  std::vector<float> q, attention;  // query_size
  std::vector<float> k, v;          // kv_size
  std::vector<float> gate, up;      // intermediate_size
  Activations activations;
};

Status Session::State::Check(std::span<const int32_t> tokens, int64_t first) const {
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] < 0 || tokens[i] >= c.vocabulary_size) {
      return InvalidArgument(fmt::format("token {} at place {} is outside the vocabulary of {}",
                                         tokens[i], i, c.vocabulary_size));
    }
  }
  if (first + std::ssize(tokens) > cache.capacity()) {
    return InvalidArgument(
        fmt::format("{} tokens do not fit behind {} in a context of {}; choose a larger context or "
                    "a shorter text",
                    tokens.size(), first, cache.capacity()));
  }
  return OkStatus();
}

void Session::State::Reserve(int64_t count) {
  const auto grow = [count](std::vector<float>& buffer, int64_t width) {
    const auto size = static_cast<size_t>(count * width);
    if (buffer.size() < size) buffer.resize(size);
  };
  grow(x, c.hidden_size);
  grow(normed, c.hidden_size);
  grow(q, c.query_size());
  grow(attention, c.query_size());
  grow(k, c.kv_size());
  grow(v, c.kv_size());
  if (c.mlp == MlpKind::kGated) grow(gate, c.intermediate_size);
  grow(up, c.intermediate_size);
}

void Session::State::Run(std::span<const int32_t> tokens) {
  rows = std::ssize(tokens);
  Reserve(rows);
  if (!rope.empty()) rope.Fill(position, rows);
  if (!local_rope.empty()) local_rope.Fill(position, rows);
  EmbedTokens(tokens);
  for (int64_t layer = 0; layer < c.layers; ++layer) {
    AttentionBlock(layer);
    MlpBlock(layer);
  }
  position += rows;
}

void Session::State::EmbedTokens(std::span<const int32_t> tokens) {
  GatherRows(*weights.embedding, tokens, x.data());
  const int64_t hidden = c.hidden_size;
  if (c.embedding_scale != 1) {
    for (int64_t i = 0; i < rows * hidden; ++i) x[static_cast<size_t>(i)] *= c.embedding_scale;
  }
  if (weights.positions != nullptr) {
    AddInPlace(weights.positions + position * hidden, rows * hidden, x.data());
  }
  if (weights.types != nullptr) AddBias(weights.types, rows, hidden, x.data());
  if (weights.embedding_norm.weight != nullptr) Apply(weights.embedding_norm, x.data(), x.data());
}

void Session::State::AttentionBlock(int64_t layer) {
  const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
  const float* input = x.data();
  if (c.norm_before) {
    Apply(w.attention_norm, x.data(), normed.data());
    input = normed.data();
  }
  Multiply(
      input, c.hidden_size,
      std::array{std::pair{&w.q, q.data()}, std::pair{&w.k, k.data()}, std::pair{&w.v, v.data()}});
  AddPositionsToHeads(layer);
  cache.Store(layer, position, rows, k.data(), v.data(), pool);
  const AttentionShape shape = {.heads = c.heads,
                                .kv_heads = c.kv_heads,
                                .head_dim = c.head_dim,
                                .scale = c.attention_scale,
                                .window = c.has_window(layer) ? c.window : 0,
                                .causal = !c.encoder};
  Attention(shape, q.data(), cache.View(layer), position, rows, position + rows, attention.data(),
            pool);
  Multiply(attention.data(), c.query_size(), std::array{std::pair{&w.o, normed.data()}});
  if (c.post_norms) Apply(w.attention_post_norm, normed.data(), normed.data());
  AddInPlace(normed.data(), rows * c.hidden_size, x.data());
  if (!c.norm_before) Apply(w.attention_post_norm, x.data(), x.data());
}

void Session::State::AddPositionsToHeads(int64_t layer) {
  if (c.qk_norm) {
    const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
    RmsNorm(q.data(), w.q_norm.weight, c.norm_eps, rows * c.heads, c.head_dim, q.data(), pool);
    RmsNorm(k.data(), w.k_norm.weight, c.norm_eps, rows * c.kv_heads, c.head_dim, k.data(), pool);
  }
  const RopeTable& table = c.has_window(layer) && !local_rope.empty() ? local_rope : rope;
  if (table.empty()) return;
  Rope(table.cosines(), table.sines(), rows, c.heads, c.head_dim, q.data(), pool);
  Rope(table.cosines(), table.sines(), rows, c.kv_heads, c.head_dim, k.data(), pool);
}

void Session::State::MlpBlock(int64_t layer) {
  const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
  const float* input = x.data();
  if (c.norm_before) {
    Apply(w.mlp_norm, x.data(), normed.data());
    input = normed.data();
  }
  const int64_t inner = rows * c.intermediate_size;
  if (c.mlp == MlpKind::kGated) {
    Multiply(input, c.hidden_size,
             std::array{std::pair{&w.gate, gate.data()}, std::pair{&w.up, up.data()}});
    GatedActivation(c.activation, gate.data(), up.data(), inner, up.data(), pool);
  } else {
    Multiply(input, c.hidden_size, std::array{std::pair{&w.up, up.data()}});
    ApplyActivation(c.activation, up.data(), inner, pool);
  }
  Multiply(up.data(), c.intermediate_size, std::array{std::pair{&w.down, normed.data()}});
  if (c.post_norms) Apply(w.mlp_post_norm, normed.data(), normed.data());
  AddInPlace(normed.data(), rows * c.hidden_size, x.data());
  if (!c.norm_before) Apply(w.mlp_post_norm, x.data(), x.data());
}

void Session::State::Apply(const NormWeights& norm, const float* in, float* out) {
  if (c.norm == NormKind::kRms) {
    RmsNorm(in, norm.weight, c.norm_eps, rows, c.hidden_size, out, pool);
  } else {
    LayerNorm(in, norm.weight, norm.bias, c.norm_eps, rows, c.hidden_size, out, pool);
  }
}

// All outputs of the same input in one pass over the threads.
void Session::State::Multiply(const float* in, int64_t cols,
                              std::span<const std::pair<const Linear*, float*>> outputs) {
  std::array<Product, 3> products;
  CRUMB_CHECK(outputs.size() <= products.size());
  bool floats = true;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const PackedMatrix* matrix = outputs[i].first->weights;
    products[i] = {matrix, outputs[i].second, matrix->rows};
    floats = floats && IsFloat(matrix->codec);
  }
  activations.Set(in, rows, cols, cols, floats ? ActivationType::kFloat32 : options.activations,
                  pool);
  MatMul(std::span<const Product>(products.data(), outputs.size()), activations, pool);
  for (const auto& [linear, out] : outputs) {
    if (linear->bias != nullptr) AddBias(linear->bias, rows, linear->weights->rows, out);
  }
}

void Session::State::Logits(int64_t first_row, int64_t count, float* out) {
  const float* hidden = x.data() + first_row * c.hidden_size;
  rows = count;
  if (weights.final_norm.weight != nullptr) {
    Apply(weights.final_norm, hidden, normed.data());
    hidden = normed.data();
  }
  const Linear head = {weights.head, nullptr};
  Multiply(hidden, c.hidden_size, std::array{std::pair{&head, out}});
  if (c.logit_softcap == 0) return;
  for (int64_t i = 0; i < count * c.vocabulary_size; ++i) {
    out[i] = c.logit_softcap * std::tanh(out[i] / c.logit_softcap);
  }
}

std::vector<float> Session::State::MeanOfRows(int64_t count) const {
  const auto hidden = static_cast<size_t>(c.hidden_size);
  std::vector<double> sums(hidden, 0.0);
  for (size_t r = 0; r < static_cast<size_t>(count); ++r) {
    for (size_t i = 0; i < hidden; ++i) sums[i] += x[r * hidden + i];
  }
  double squares = 0;
  for (const double sum : sums) squares += sum * sum;
  // The scale of a mean does not change its direction; a zero vector stays zero.
  const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
  std::vector<float> mean(hidden);
  for (size_t i = 0; i < hidden; ++i) mean[i] = static_cast<float>(sums[i] * scale);
  return mean;
}

int64_t Session::State::BufferBytes() const {
  size_t numbers = 0;
  for (const auto* buffer : {&x, &normed, &q, &attention, &k, &v, &gate, &up}) {
    numbers += buffer->size();
  }
  return static_cast<int64_t>(numbers * sizeof(float)) + activations.bytes() + rope.bytes() +
         local_rope.bytes();
}

Session::Session() = default;
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::Create(const Model& model, ThreadPool& pool,
                                                 const SessionOptions& options) {
  const ModelConfig& c = model.config();
  const int64_t capacity = options.max_tokens == 0 ? c.max_positions : options.max_tokens;
  if (capacity < 1 || capacity > INT32_MAX) {
    return InvalidArgument(
        fmt::format("a context of {} tokens is not possible; choose 1 to 2^31", capacity));
  }
  if (c.learned_positions() && capacity > c.max_positions) {
    return InvalidArgument(fmt::format("{}: the model has positions for {} tokens, not {}",
                                       model.path(), c.max_positions, capacity));
  }
  CRUMB_ASSIGN_OR_RETURN(KvCache cache,
                         KvCache::Create(c.layers, capacity, c.kv_size(), options.kv_half));
  std::unique_ptr<Session> session(new Session());
  session->state_ = std::make_unique<State>(model, pool, options, std::move(cache));
  return session;
}

Status Session::Forward(std::span<const int32_t> tokens, int64_t logit_rows,
                        std::vector<float>* logits) {
  State& s = *state_;
  if (s.c.encoder) {
    return InvalidArgument(
        fmt::format("{}: an encoder has no logits; it gives embeddings", s.model.path()));
  }
  const int64_t count = std::ssize(tokens);
  if (logit_rows < 0 || logit_rows > count) {
    return InvalidArgument(fmt::format("logits of {} rows from {} tokens", logit_rows, count));
  }
  CRUMB_RETURN_IF_ERROR(s.Check(tokens, s.position));
  if (logit_rows > 0) logits->resize(static_cast<size_t>(logit_rows * s.c.vocabulary_size));
  const int64_t first_wanted = count - logit_rows;
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    const int64_t end = std::min(begin + kChunk, count);
    s.Run(tokens.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
    const int64_t wanted = std::max(begin, first_wanted);
    if (wanted < end) {
      s.Logits(wanted - begin, end - wanted,
               logits->data() + (wanted - first_wanted) * s.c.vocabulary_size);
    }
  }
  return OkStatus();
}

Result<std::vector<float>> Session::Embed(std::span<const int32_t> tokens) {
  State& s = *state_;
  if (!s.c.encoder) {
    return InvalidArgument(
        fmt::format("{}: only encoders give sentence embeddings", s.model.path()));
  }
  if (tokens.empty()) return InvalidArgument("an embedding needs at least one token");
  CRUMB_RETURN_IF_ERROR(s.Check(tokens, 0));
  s.position = 0;
  s.Run(tokens);
  return s.MeanOfRows(std::ssize(tokens));
}

const Model& Session::model() const { return state_->model; }
ThreadPool& Session::pool() const { return state_->pool; }
int64_t Session::max_tokens() const { return state_->cache.capacity(); }
int64_t Session::position() const { return state_->position; }

void Session::Truncate(int64_t position) {
  CRUMB_CHECK(position >= 0 && position <= state_->position);
  state_->position = position;
}

int64_t Session::kv_bytes() const { return state_->cache.bytes(); }
int64_t Session::activation_bytes() const { return state_->BufferBytes(); }

}  // namespace crumb
