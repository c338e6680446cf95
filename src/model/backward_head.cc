// The head of a model and its losses.
#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "model/backward_state.h"

namespace crumb {
namespace {

// Outputs of the head that are transposed at once.
constexpr int64_t kHeadOutputs = 8192;

}  // namespace

void Backward::State::HeadLogits(int64_t first, int64_t count) {
  Apply(weights.final_norm, Residual(c.layers) + first * c.hidden_size, count, d_hidden.data());
  activations.Set(d_hidden.data(), count, c.hidden_size, c.hidden_size, ActivationType::kFloat32,
                  pool, weights.head->input);
  MatMul(*weights.head, activations, logits.data(), c.vocabulary_size, pool);
}

void Backward::State::HeadBackward(int64_t first, int64_t count, const float* outputs) {
  const int64_t at = first * c.hidden_size;
  Visit(weights.head, false, logits.data(), outputs, first, count);
  std::fill_n(d_hidden.data(), count * c.hidden_size, 0.0f);
  for (int64_t output = 0; output < c.vocabulary_size; output += kHeadOutputs) {
    transposed.AddRows(*weights.head, output, std::min(kHeadOutputs, c.vocabulary_size - output),
                       logits.data(), count, c.vocabulary_size, d_hidden.data(), pool);
  }
  ApplyBackward(weights.final_norm, Residual(c.layers) + at, count, d_hidden.data(),
                gradient.data() + at);
}

double Backward::State::Head(std::span<const int32_t> window, LossKind kind, uint64_t seed) {
  Rng rng(seed);
  double sum = 0;
  std::fill_n(gradient.data(), Width(c.hidden_size), 0.0f);
  for (int64_t first = 0; first < tokens - 1; first += kHeadTokens) {
    const int64_t count = std::min(kHeadTokens, tokens - 1 - first);
    HeadLogits(first, count);
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
    HeadBackward(first, count, nullptr);
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

DistillationLoss Backward::State::DistillHead(std::span<const int32_t> window,
                                              const Distillation& distillation,
                                              bool with_gradients) {
  DistillationLoss mean;
  other_logits.resize(logits.size());
  std::fill_n(gradient.data(), Width(c.hidden_size), 0.0f);
  for (int64_t first = 0; first < tokens - 1; first += kHeadTokens) {
    const int64_t count = std::min(kHeadTokens, tokens - 1 - first);
    distillation.logits(first, count, other_logits.data());
    HeadLogits(first, count);
    std::vector<DistillationLoss> losses(static_cast<size_t>(count));
    pool.ParallelFor(count, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        losses[static_cast<size_t>(i)] = DistillRow(
            window[static_cast<size_t>(first + i + 1)], distillation.text_share,
            logits.data() + i * c.vocabulary_size, other_logits.data() + i * c.vocabulary_size);
      }
    });
    for (const DistillationLoss& loss : losses) {
      mean.divergence += loss.divergence / static_cast<double>(tokens - 1);
      mean.text += loss.text / static_cast<double>(tokens - 1);
    }
    if (with_gradients) HeadBackward(first, count, other_logits.data());
  }
  return mean;
}

// With p of the other model and q of this one, d/dz of the loss is
// q - (1 - text_share) p - text_share (1 at the target).
DistillationLoss Backward::State::DistillRow(int32_t target, double text_share, float* row,
                                             float* other) const {
  const int64_t n = c.vocabulary_size;
  const float cap = c.logit_softcap;
  const auto capped = [cap](float z) { return cap != 0 ? cap * std::tanh(z / cap) : z; };
  float largest = capped(row[0]);
  for (int64_t i = 1; i < n; ++i) largest = std::max(largest, capped(row[i]));
  const float other_largest = *std::max_element(other, other + n);
  double total = 0;
  double other_total = 0;
  for (int64_t i = 0; i < n; ++i) {
    total += std::exp(capped(row[i]) - largest);
    other_total += std::exp(other[i] - other_largest);
  }
  const double log_total = std::log(total) + largest;
  const double other_log_total = std::log(other_total) + other_largest;
  const float factor = static_cast<float>(1 / total);
  const float other_factor = static_cast<float>(1 / other_total);
  const float share = static_cast<float>(text_share);
  DistillationLoss loss;
  loss.text = log_total - capped(row[target]);
  for (int64_t i = 0; i < n; ++i) {
    const float z = row[i];
    const float y = capped(z);
    const float slope = cap != 0 ? 1 - (y / cap) * (y / cap) : 1;
    const float q = std::exp(y - largest) * factor;
    const float p = std::exp(other[i] - other_largest) * other_factor;
    loss.divergence += p * ((other[i] - other_log_total) - (y - log_total));
    row[i] = slope * (q - (1 - share) * p - (i == target ? share : 0.0f));
    other[i] = z;
  }
  return loss;
}

}  // namespace crumb
