// The reference for the operations between the matrix products: the formulas of kernels/layers.h.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/float16.h"
#include "kernels/kernel_table.h"
#include "kernels/key_range.h"
#include "kernels/layers.h"

namespace crumb {
namespace {

void RmsNormRow(const float* x, const float* weight, float eps, int64_t cols, float* y) {
  float squares = 0;
  for (int64_t c = 0; c < cols; ++c) squares += x[c] * x[c];
  const float factor = 1.0f / std::sqrt(squares / static_cast<float>(cols) + eps);
  for (int64_t c = 0; c < cols; ++c) y[c] = x[c] * factor * weight[c];
}

void LayerNormRow(const float* x, const float* weight, const float* bias, float eps, int64_t cols,
                  float* y) {
  float sum = 0;
  for (int64_t c = 0; c < cols; ++c) sum += x[c];
  const float mean = sum / static_cast<float>(cols);
  float squares = 0;
  for (int64_t c = 0; c < cols; ++c) squares += (x[c] - mean) * (x[c] - mean);
  const float factor = 1.0f / std::sqrt(squares / static_cast<float>(cols) + eps);
  for (int64_t c = 0; c < cols; ++c) y[c] = (x[c] - mean) * factor * weight[c] + bias[c];
}

void RopeRow(const float* cosines, const float* sines, int64_t heads, int64_t dim, float* x) {
  const int64_t half = dim / 2;
  for (int64_t h = 0; h < heads; ++h, x += dim) {
    for (int64_t i = 0; i < half; ++i) {
      const float a = x[i];
      const float b = x[i + half];
      x[i] = a * cosines[i] - b * sines[i];
      x[i + half] = b * cosines[i] + a * sines[i];
    }
  }
}

float Apply(Activation f, float x) {
  switch (f) {
    case Activation::kSilu:  // Elfwing et al. 2018
      return x / (1.0f + std::exp(-x));
    case Activation::kGeluTanh: {  // Hendrycks and Gimpel 2016, section 2
      constexpr float kSqrt2OverPi = 0.7978845608f;
      return 0.5f * x * (1.0f + std::tanh(kSqrt2OverPi * (x + 0.044715f * x * x * x)));
    }
    case Activation::kGeluErf:
      break;
  }
  constexpr float kSqrtHalf = 0.7071067812f;
  return 0.5f * x * (1.0f + std::erf(x * kSqrtHalf));
}

void GatedActivationRun(Activation f, const float* gate, const float* up, int64_t n, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = Apply(f, gate[i]) * up[i];
}

void ActivationRun(Activation f, float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] = Apply(f, x[i]);
}

float Load(const void* data, bool half, int64_t index) {
  return half ? HalfToFloat(static_cast<const uint16_t*>(data)[index])
              : static_cast<const float*>(data)[index];
}

// One query of one head over keys [from, to): Milakov and Gimelshein 2018, algorithm 3, with the
// values summed along the way.
void AttendOne(const AttentionShape& shape, const float* q, const KvView& kv, int64_t from,
               int64_t to, int64_t kv_head, float* out) {
  const int64_t dim = shape.head_dim;
  std::fill_n(out, dim, 0.0f);
  float largest = -std::numeric_limits<float>::infinity();
  float total = 0;
  for (int64_t p = from; p < to; ++p) {
    const int64_t at = (p * shape.kv_heads + kv_head) * dim;
    float score = 0;
    for (int64_t d = 0; d < dim; ++d) score += q[d] * Load(kv.keys, kv.half, at + d);
    score *= shape.scale;
    const float new_largest = std::max(largest, score);
    const float keep = std::exp(largest - new_largest);
    const float weight = std::exp(score - new_largest);
    total = total * keep + weight;
    for (int64_t d = 0; d < dim; ++d) {
      out[d] = out[d] * keep + weight * Load(kv.values, kv.half, at + d);
    }
    largest = new_largest;
  }
  for (int64_t d = 0; d < dim; ++d) out[d] /= total;
}

void AttentionRows(const AttentionShape& shape, const float* q, const KvView& kv, int64_t first,
                   int64_t begin, int64_t end, int64_t total, int64_t kv_head, float* out,
                   float* /*scratch*/) {
  const int64_t group = shape.heads / shape.kv_heads;
  for (int64_t row = begin; row < end; ++row) {
    const KeyRange keys = KeysOf(shape, first + row, total);
    for (int64_t h = kv_head * group; h < (kv_head + 1) * group; ++h) {
      const int64_t at = (row * shape.heads + h) * shape.head_dim;
      AttendOne(shape, q + at, kv, keys.begin, keys.end, kv_head, out + at);
    }
  }
}

}  // namespace

const LayerKernels& ScalarLayers() {
  static constexpr LayerKernels kernels = {RmsNormRow,         LayerNormRow,  RopeRow,
                                           GatedActivationRun, ActivationRun, AttentionRows};
  return kernels;
}

}  // namespace crumb
