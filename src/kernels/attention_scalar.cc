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

float Load(const void* data, bool half, int64_t index) {
  return half ? HalfToFloat(static_cast<const uint16_t*>(data)[index])
              : static_cast<const float*>(data)[index];
}

// One query of one head over keys [from, to): Milakov and Gimelshein 2018, algorithm 3, with the
// values summed along the way.
void AttendOne(const AttentionShape& shape, const float* q, const KvView& kv, int64_t from,
               int64_t to, int64_t kv_head, float* sums, float* running) {
  const int64_t dim = shape.head_dim;
  std::fill_n(sums, dim, 0.0f);
  float largest = std::numeric_limits<float>::lowest();
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
      sums[d] = sums[d] * keep + weight * Load(kv.values, kv.half, at + d);
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

}  // namespace

const AttentionKernels& ScalarAttention() {
  static constexpr AttentionKernels kernels = {Attend, ToHalfRun};
  return kernels;
}

}  // namespace crumb
