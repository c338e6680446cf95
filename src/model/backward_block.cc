// One block forward, keeping what its derivative needs, and backward.
#include <algorithm>
#include <array>
#include <initializer_list>

#include "model/backward_state.h"

namespace crumb {

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
  const KvView kv = {a.k.data(), a.v.data(), c.kv_size(), c.head_dim};
  Attention(Shape(layer), a.q.data(), kv, 0, tokens, tokens, a.attention.data(), pool);
  Multiply(a.attention.data(), c.query_size(),
           std::array{std::pair{w.o, a.attention_output.data()}});
  if (c.post_norms) {
    Apply(w.attention_post_norm, a.attention_output.data(), tokens, a.middle.data());
  } else {
    std::copy_n(a.attention_output.data(), Width(c.hidden_size), a.middle.data());
  }
  AddInPlace(x, Width(c.hidden_size), a.middle.data(), pool);
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
  AddInPlace(a.middle.data(), Width(c.hidden_size), next, pool);
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
  LinearBackward(w.down, dy, a.mlp_output.data(), d_inner.data());
  if (c.mlp == MlpKind::kGated) {
    GatedActivationBackward(c.activation, a.gate.data(), a.up.data(), inner, d_inner.data(),
                            d_gate.data(), d_up.data(), pool);
    LinearBackward(w.gate, d_gate.data(), a.gate.data(), d_input.data());
    LinearBackward(w.up, d_up.data(), a.up.data(), d_sum.data());
    AddInPlace(d_sum.data(), Width(c.hidden_size), d_input.data(), pool);
  } else {
    ActivationBackward(c.activation, a.up.data(), inner, d_inner.data(), d_up.data(), pool);
    LinearBackward(w.up, d_up.data(), a.up.data(), d_input.data());
  }
  ApplyBackward(w.mlp_norm, a.middle.data(), tokens, d_input.data(), d_input.data());
  AddInPlace(d_input.data(), Width(c.hidden_size), gradient.data(), pool);
}

void Backward::State::BackwardAttention(int64_t layer, const float* x) {
  const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
  const float* dy = gradient.data();
  if (c.post_norms) {
    ApplyBackward(w.attention_post_norm, a.attention_output.data(), tokens, dy, d_hidden.data());
    dy = d_hidden.data();
  }
  LinearBackward(w.o, dy, a.attention_output.data(), d_attention.data());
  attention_backward.Run(Shape(layer), tokens, a.q.data(), a.k.data(), a.v.data(),
                         d_attention.data(), d_q.data(), d_k.data(), d_v.data(), pool);
  RemovePositions(layer);
  LinearBackward(w.q, d_q.data(), c.qk_norm ? a.q_plain.data() : a.q.data(), d_input.data());
  LinearBackward(w.k, d_k.data(), c.qk_norm ? a.k_plain.data() : a.k.data(), d_sum.data());
  AddInPlace(d_sum.data(), Width(c.hidden_size), d_input.data(), pool);
  LinearBackward(w.v, d_v.data(), a.v.data(), d_sum.data());
  AddInPlace(d_sum.data(), Width(c.hidden_size), d_input.data(), pool);
  ApplyBackward(w.attention_norm, x, tokens, d_input.data(), d_input.data());
  AddInPlace(d_input.data(), Width(c.hidden_size), gradient.data(), pool);
}

// A rotation's transpose turns the other way. The queries and keys themselves are turned back too:
// they are then what their matrices made.
void Backward::State::RemovePositions(int64_t layer) {
  const RopeTable& table = RopeOf(layer);
  if (!table.empty()) {
    negated_sines.assign(table.sines(), table.sines() + tokens * c.head_dim / 2);
    for (float& sine : negated_sines) sine = -sine;
    Rope(table.cosines(), negated_sines.data(), tokens, c.heads, c.head_dim, d_q.data(), pool);
    Rope(table.cosines(), negated_sines.data(), tokens, c.kv_heads, c.head_dim, d_k.data(), pool);
    Rope(table.cosines(), negated_sines.data(), tokens, c.heads, c.head_dim, a.q.data(), pool);
    Rope(table.cosines(), negated_sines.data(), tokens, c.kv_heads, c.head_dim, a.k.data(), pool);
  }
  if (c.qk_norm) {
    const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
    HeadNormBackward(w.q_norm, a.q_plain.data(), c.heads, d_q.data());
    HeadNormBackward(w.k_norm, a.k_plain.data(), c.kv_heads, d_k.data());
  }
}

void Backward::State::HeadNormBackward(const NormWeights& norm, const float* in, int64_t heads,
                                       float* dy) {
  const int64_t rows = tokens * heads;
  if (visit_tensor) {
    tensor_gradient.resize(static_cast<size_t>(c.head_dim));
    RmsNormWeightGradient(in, c.norm_eps, rows, c.head_dim, dy, tensor_gradient.data(), pool);
    VisitTensor(norm.weight, tensor_gradient.data());
  }
  RmsNormBackward(in, norm.weight, c.norm_eps, rows, c.head_dim, dy, dy, pool);
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
  if (visit_tensor && norm.weight != nullptr) {
    tensor_gradient.resize(static_cast<size_t>(c.hidden_size));
    if (c.norm == NormKind::kRms) {
      RmsNormWeightGradient(in, c.norm_eps, count, c.hidden_size, dy, tensor_gradient.data(), pool);
    } else {
      LayerNormWeightGradient(in, c.norm_eps, count, c.hidden_size, dy, tensor_gradient.data(),
                              pool);
    }
    VisitTensor(norm.weight, tensor_gradient.data());
    if (norm.bias != nullptr) {
      SumOfRows(dy, count, c.hidden_size, tensor_gradient.data(), pool);
      VisitTensor(norm.bias, tensor_gradient.data());
    }
  }
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
  // Runs of matrices that take their input alike, in one pass over the threads.
  size_t first = 0;
  while (first < outputs.size()) {
    const InputTransform& input = outputs[first].first.weights->input;
    std::vector<Product> products;
    while (first < outputs.size() && outputs[first].first.weights->input == input) {
      const auto& [linear, out] = outputs[first++];
      products.push_back({linear.weights, out, linear.weights->rows});
    }
    activations.Set(in, tokens, cols, cols, ActivationType::kFloat32, pool, input);
    MatMul(products, activations, pool);
  }
  for (const auto& [linear, out] : outputs) {
    if (linear.bias != nullptr) AddBias(linear.bias, tokens, linear.weights->rows, out, pool);
  }
}

void Backward::State::LinearBackward(const Linear& linear, const float* dy, float* outputs,
                                     float* dx) {
  const int64_t rows = linear.weights->rows;
  if (linear.bias != nullptr && visit_tensor) {
    tensor_gradient.resize(static_cast<size_t>(rows));
    SumOfRows(dy, tokens, rows, tensor_gradient.data(), pool);
    VisitTensor(linear.bias, tensor_gradient.data());
  }
  if (linear.bias != nullptr && visit) {
    for (int64_t t = 0; t < tokens; ++t) {
      for (int64_t r = 0; r < rows; ++r) outputs[t * rows + r] -= linear.bias[r];
    }
  }
  Visit(linear.weights, false, dy, outputs, 0, tokens);
  transposed.Multiply(*linear.weights, dy, tokens, dx, pool);
}

void Backward::State::Visit(const PackedMatrix* matrix, bool lookup, const float* values,
                            const float* outputs, int64_t first, int64_t count) {
  if (!visit) return;
  for (const NamedMatrix& named : model.matrices()) {
    if (&named.matrix == matrix) visit({&named, lookup, values, outputs, first, count});
  }
}

void Backward::State::VisitTensor(const float* tensor, const float* values) {
  for (const NamedTensor& named : model.tensors()) {
    if (named.values.data() == tensor) visit_tensor({&named, values});
  }
}

}  // namespace crumb
