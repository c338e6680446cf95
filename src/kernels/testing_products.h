// For tests and benchmarks: what a product has to be, in float64, from the scalar definition of the
// codec (Codec::DecodeRow), and how far a kernel may be off.
#ifndef CRUMB_KERNELS_TESTING_PRODUCTS_H_
#define CRUMB_KERNELS_TESTING_PRODUCTS_H_

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/float16.h"
#include "codecs/codec.h"
#include "codecs/group_int.h"
#include "codecs/trellis.h"
#include "kernels/matmul.h"
#include "kernels/testing_matrices.h"

namespace crumb {

// The product in float64, and the sum of the magnitudes that a kernel adds up on its way.
struct Expected {
  double value = 0;
  double magnitude = 0;
};

inline Expected FloatProduct(const std::vector<float>& weights, const Activations& x, int64_t b) {
  Expected e;
  for (int64_t c = 0; c < x.cols(); ++c) {
    const double term = double{weights[Index(c)]} * double{x.floats(b)[c]};
    e.value += term;
    e.magnitude += std::abs(term);
  }
  return e;
}

// Weights against dequantized activations. A kernel may add the part of the levels and the part of
// the offset apart: |levels| + |offset| bounds both. Padding has activation code 0.
inline Expected Int8Product(const PackedMatrix& w, int64_t row, const Activations& x, int64_t b) {
  Expected e;
  if (AsGroupInt(w.codec) == nullptr) {  // a scale for each row: weights are exact in float32
    std::vector<float> weights(Index(w.cols));
    w.codec->DecodeRow(w, row, weights);
    for (int64_t c = 0; c < w.cols; ++c) {
      const double term = double{weights[Index(c)]} * x.codes(b)[c] * double{x.scales(b)[c / 64]};
      e.value += term;
      e.magnitude += std::abs(term);
    }
    return e;
  }
  const GroupIntCodec& codec = *AsGroupInt(w.codec);
  for (int64_t g = 0; g < x.groups(); ++g) {
    const int64_t group = row * x.groups() + g;
    uint8_t levels[64];
    codec.UnpackGroup(
        w.codes.subspan(Index(group * codec.group_bytes()), Index(codec.group_bytes())),
        std::span<uint8_t, 64>(levels));
    uint16_t half;
    std::memcpy(&half, w.scales.data() + 2 * group, 2);
    const double scale = double{HalfToFloat(half)} * double{x.scales(b)[g]};
    const uint8_t zero =
        codec.has_zero_point() ? std::to_integer<uint8_t>(w.zeros[Index(group)]) : uint8_t{0};
    const double offset = -double{codec.Value(0, 1.0f, zero)};
    const double step = double{codec.Value(1, 1.0f, zero)} + offset;
    for (int64_t i = 0; i < 64; ++i) {
      const double code = x.codes(b)[g * 64 + i];
      e.value += scale * code * (step * levels[i] - offset);
      e.magnitude += std::abs(scale * code) * (step * levels[i] + std::abs(offset));
    }
  }
  return e;
}

// Standard bound for a sum of n products with a few roundings more for scale and offset, any order
// (Higham 2002, section 3.1).
inline double Bound(double magnitude, int64_t n) {
  return static_cast<double>(n + 8) * double{FLT_EPSILON} * magnitude + 1e-30;
}

// Row `row` of the matrix times row b of the activations, as MatMul should give it.
inline Expected ExpectedProduct(const PackedMatrix& w, int64_t row, const Activations& x,
                                int64_t b) {
  if (x.int8() && HasInt8Kernel(w.codec)) return Int8Product(w, row, x, b);
  std::vector<float> decoded(Index(w.cols));
  w.codec->DecodeRow(w, row, decoded);
  return FloatProduct(decoded, x, b);
}

// All outputs, rows of w.rows + 3 of them; the last three are not written and hold -77.
inline std::vector<float> Products(const PackedMatrix& w, const Activations& x, ThreadPool& pool) {
  const int64_t stride = w.rows + 3;
  std::vector<float> y(Index(x.batch() * stride), -77.0f);
  MatMul(w, x, y.data(), stride, pool);
  return y;
}

}  // namespace crumb

#endif  // CRUMB_KERNELS_TESTING_PRODUCTS_H_
