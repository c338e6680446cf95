#include "model/backward.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "model/backward_state.h"

namespace crumb {

namespace {

Status CheckModel(const Model& model) {
  const ModelConfig& c = model.config();
  if (!c.encoder && c.norm_before) return OkStatus();
  return InvalidArgument(
      fmt::format("{}: gradients are there for decoders, this is an encoder", model.path()));
}

}  // namespace

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

int64_t Backward::State::BlockBytes() const {
  const int64_t norms = c.qk_norm ? c.query_size() + c.kv_size() : 0;
  const int64_t inner = (c.mlp == MlpKind::kGated ? 3 : 2) * c.intermediate_size;
  const int64_t width = 5 * c.hidden_size + 2 * (c.query_size() + c.kv_size()) + norms + inner;
  return Width(width) * static_cast<int64_t>(sizeof(float));
}

void Backward::State::Reserve() {
  const auto grow = [this](int64_t width, std::initializer_list<Buffer*> buffers) {
    for (Buffer* buffer : buffers) {
      if (std::ssize(*buffer) < Width(width)) buffer->resize(static_cast<size_t>(Width(width)));
    }
  };
  const auto grow_block = [&](BlockActivations& block) {
    grow(c.hidden_size, {&block.attention_input, &block.attention_output, &block.middle,
                         &block.mlp_input, &block.mlp_output});
    grow(c.query_size(), {&block.q, &block.attention});
    grow(c.kv_size(), {&block.k, &block.v});
    if (c.qk_norm) {
      grow(c.query_size(), {&block.q_plain});
      grow(c.kv_size(), {&block.k_plain});
    }
    grow(c.intermediate_size, {&block.up, &block.inner});
    if (c.mlp == MlpKind::kGated) grow(c.intermediate_size, {&block.gate});
  };
  const bool keep = c.layers * BlockBytes() <= keep_bytes;
  kept.resize(keep ? static_cast<size_t>(c.layers) : 0);
  for (BlockActivations& block : kept) grow_block(block);
  grow_block(a);
  grow((c.layers + 1) * c.hidden_size, {&residuals});
  grow(c.hidden_size, {&gradient, &d_hidden, &d_input, &d_sum});
  grow(c.query_size(), {&d_q, &d_attention});
  grow(c.kv_size(), {&d_k, &d_v});
  grow(c.intermediate_size, {&d_inner, &d_up});
  if (c.mlp == MlpKind::kGated) grow(c.intermediate_size, {&d_gate});
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
  if (weights.positions != nullptr) AddInPlace(weights.positions, Width(c.hidden_size), x, pool);
}

Backward::Backward() = default;
Backward::~Backward() = default;

Result<std::unique_ptr<Backward>> Backward::Create(const Model& model, ThreadPool& pool,
                                                   int64_t keep_bytes) {
  CRUMB_RETURN_IF_ERROR(CheckModel(model));
  std::unique_ptr<Backward> backward(new Backward());
  backward->state_ = std::make_unique<State>(model, pool);
  backward->state_->keep_bytes = keep_bytes;
  return backward;
}

void Backward::State::ForwardBlocks(std::span<const int32_t> window) {
  tokens = std::ssize(window);
  Reserve();
  if (!rope.empty()) rope.Fill(0, 0, tokens);
  if (!local_rope.empty()) local_rope.Fill(0, 0, tokens);
  Embed(window);
  for (int64_t layer = 0; layer < c.layers; ++layer) {
    ForwardBlock(layer, Residual(layer), Residual(layer + 1));
    if (!kept.empty()) std::swap(a, kept[static_cast<size_t>(layer)]);
  }
}

void Backward::State::BackwardBlocks() {
  for (int64_t layer = c.layers - 1; layer >= 0; --layer) {
    // Where nothing was kept, the activations of the last block are still there.
    if (!kept.empty()) {
      std::swap(a, kept[static_cast<size_t>(layer)]);
    } else if (layer + 1 < c.layers) {
      ForwardBlock(layer, Residual(layer), d_sum.data());
    }
    BackwardBlock(layer, Residual(layer));
  }
  for (int64_t i = 0; i < Width(c.hidden_size); ++i) {
    gradient[static_cast<size_t>(i)] *= c.embedding_scale;
  }
  Visit(weights.embedding, true, gradient.data(), nullptr, 0, tokens);
}

Result<double> Backward::Run(std::span<const int32_t> window, LossKind kind, uint64_t seed,
                             const VisitGradient& visit) {
  State& s = *state_;
  CRUMB_RETURN_IF_ERROR(s.Check(window));
  s.visit = visit;
  s.visit_tensor = nullptr;
  s.ForwardBlocks(window);
  const double loss = s.Head(window, kind, seed);
  s.BackwardBlocks();
  return loss / static_cast<double>(s.tokens - 1);
}

Result<DistillationLoss> Backward::Distill(std::span<const int32_t> window,
                                           const Distillation& distillation,
                                           const VisitGradient& visit,
                                           const VisitTensorGradient& visit_tensor) {
  State& s = *state_;
  CRUMB_RETURN_IF_ERROR(s.Check(window));
  s.visit = visit;
  s.visit_tensor = visit_tensor;
  s.ForwardBlocks(window);
  const DistillationLoss loss = s.DistillHead(window, distillation, true);
  s.BackwardBlocks();
  return loss;
}

Result<DistillationLoss> Backward::Measure(std::span<const int32_t> window,
                                           const Distillation& distillation) {
  State& s = *state_;
  CRUMB_RETURN_IF_ERROR(s.Check(window));
  s.ForwardBlocks(window);
  return s.DistillHead(window, distillation, false);
}

}  // namespace crumb
