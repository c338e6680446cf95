// The reference for attention: the formulas of kernels/attention.h, one key after the other.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/float16.h"
#include "kernels/attention.h"
#include "kernels/kernel_table.h"
#include "kernels/key_range.h"

namespace crumb {
namespace {

// Number `index` of keys or values, and the scale of position p for int8.
float Load(const void* data, KvType type, int64_t index, const float* scales, int64_t p) {
  switch (type) {
    case KvType::kFloat32:
      return static_cast<const float*>(data)[index];
    case KvType::kFloat16:
      return HalfToFloat(static_cast<const uint16_t*>(data)[index]);
    case KvType::kInt8:
      return static_cast<float>(static_cast<const int8_t*>(data)[index]) * scales[p];
  }
  return 0;
}

// One query of one head over keys [from, to): Milakov and Gimelshein 2018, algorithm 3, with the
// values summed along the way.
void AttendOne(const AttentionShape& shape, const float* q, const KvView& kv, int64_t from,
               int64_t to, int64_t kv_head, float* sums, float* running) {
  const int64_t dim = shape.head_dim;
  const float* key_scales = kv.key_scales + kv_head * kv.scale_stride;
  const float* value_scales = kv.value_scales + kv_head * kv.scale_stride;
  std::fill_n(sums, dim, 0.0f);
  float largest = std::numeric_limits<float>::lowest();
  float total = 0;
  for (int64_t p = from; p < to; ++p) {
    const int64_t at = p * kv.position_stride + kv_head * kv.head_stride;
    float score = 0;
    for (int64_t d = 0; d < dim; ++d) score += q[d] * Load(kv.keys, kv.type, at + d, key_scales, p);
    score *= shape.scale;
    const float new_largest = std::max(largest, score);
    const float keep = std::exp(largest - new_largest);
    const float weight = std::exp(score - new_largest);
    total = total * keep + weight;
    for (int64_t d = 0; d < dim; ++d) {
      const float value = Load(kv.values, kv.type, at + d, value_scales, p);
      sums[d] = sums[d] * keep + weight * value;
    }
    largest = new_largest;
  }
  running[0] = largest;
  running[1] = total;
}

void Attend(const AttentionShape& shape, const float* q, const KvView& kv,
            const AttentionPiece& piece, float* state, float* /*scratch*/) {
  const int64_t group = shape.heads / shape.kv_heads;
  const int64_t width = AttentionWidth(shape.head_dim);
  float* running = state + (piece.end - piece.begin) * group * width;
  for (int64_t row = piece.begin; row < piece.end; ++row) {
    const KeyRange keys = KeysOf(shape, piece.first + row, piece.total);
    const int64_t from = std::max(keys.begin, piece.key_begin);
    const int64_t to = std::min(keys.end, piece.key_end);
    for (int64_t h = 0; h < group; ++h, state += width, running += 2) {
      const int64_t at = (row * shape.heads + piece.kv_head * group + h) * shape.head_dim;
      AttendOne(shape, q + at, kv, from, to, piece.kv_head, state, running);
    }
  }
}

void ToHalfRun(const float* x, int64_t n, uint16_t* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = FloatToHalf(x[i]);
}

float ToInt8Run(const float* x, int64_t n, int8_t* codes) {
  float largest = 0;
  float poison = 0;  // NaN when an x is NaN or Inf
  for (int64_t i = 0; i < n; ++i) {
    largest = std::max(largest, std::abs(x[i]));
    poison += x[i] * 0;
  }
  const float scale = poison == 0 ? largest / 127 : poison;
  for (int64_t i = 0; i < n; ++i) {
    // Of a subnormal scale the quotient may be above 127.
    const float code = scale > 0 ? std::clamp(std::nearbyint(x[i] / scale), -127.0f, 127.0f) : 0;
    codes[i] = static_cast<int8_t>(code);
  }
  return scale;
}

}  // namespace

const AttentionKernels& ScalarAttention() {
  static constexpr AttentionKernels kernels = {Attend, ToHalfRun, ToInt8Run};
  return kernels;
}

}  // namespace crumb
