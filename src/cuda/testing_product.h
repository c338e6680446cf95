// For tests and the benchmark: what a product is in float64, and how far a kernel may be from it.
#ifndef CRUMB_CUDA_TESTING_PRODUCT_H_
#define CRUMB_CUDA_TESTING_PRODUCT_H_

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/float16.h"
#include "codecs/codec.h"
#include "codecs/group_int.h"
#include "cuda/lane_rows.h"
#include "kernels/matmul.h"

namespace crumb {

struct ExpectedProduct {
  double value = 0;
  double bound = 0;
};

// Products of rows of one matrix with the activations, as `numbers` of them say.
class ExpectedProducts {
 public:
  ExpectedProducts(const PackedMatrix& w, const Activations& x, bool use_codes, LaneFloats floats)
      : w_(w), x_(x), use_codes_(use_codes), floats_(floats) {}

  // The sum has n terms, each a level times a number minus an offset times it, with a few roundings
  // more for scale and offset: (n + 8) eps times the sum of magnitudes (Higham 2002, section 3.1).
  // The float16 instruction may cut its sums off instead of rounding them: eps counts twice there.
  // Besides, a float16 number is off by 2^-11 of itself or 2^-25 of its scale, split in two by
  // 2^-22 or 2^-36 (cuda/lane_rows.h); the scale is at most the largest magnitude.
  std::vector<ExpectedProduct> Row(int64_t row) const {
    std::vector<float> weights(static_cast<size_t>(w_.cols));
    w_.codec->DecodeRow(w_, row, weights);
    std::vector<ExpectedProduct> products(static_cast<size_t>(x_.batch()));
    for (int64_t b = 0; b < x_.batch(); ++b) {
      double value = 0, magnitude = 0, inputs = 0, steps = 0, amax = 0;
      for (int64_t c = 0; c < w_.cols; ++c) {
        const double weight = double{weights[static_cast<size_t>(c)]};
        const double number = Number(b, c);
        value += weight * number;
        magnitude += (std::abs(weight) + 2 * Offset(row, c)) * std::abs(number);
        inputs += std::abs(weight * number);
        steps += std::abs(weight);
        amax = std::max(amax, std::abs(number));
      }
      const double eps = (use_codes_ ? 1 : 2) * double{FLT_EPSILON};
      double bound = static_cast<double>(w_.cols + 8) * eps * magnitude + 1e-30;
      if (!use_codes_) {
        const bool split = floats_ == LaneFloats::kSplit;
        bound +=
            std::ldexp(inputs, split ? -22 : -11) + std::ldexp(steps * amax, split ? -36 : -25);
      }
      products[static_cast<size_t>(b)] = {value, bound};
    }
    return products;
  }

 private:
  double Number(int64_t b, int64_t c) const {
    return use_codes_ ? x_.codes(b)[c] * double{x_.scales(b)[c / 64]} : double{x_.floats(b)[c]};
  }
  // |scale * offset|: how far a weight may be from scale * level.
  double Offset(int64_t row, int64_t c) const {
    const GroupIntCodec* codec = AsGroupInt(w_.codec);
    if (codec == nullptr) return 0;
    const int64_t group = row * x_.groups() + c / 64;
    uint16_t half;
    std::memcpy(&half, w_.scales.data() + 2 * group, sizeof(half));
    const auto zero = codec->has_zero_point()
                          ? std::to_integer<uint8_t>(w_.zeros[static_cast<size_t>(group)])
                          : uint8_t{0};
    return std::abs(double{codec->Value(0, HalfToFloat(half), zero)});
  }

  const PackedMatrix& w_;
  const Activations& x_;
  bool use_codes_;
  LaneFloats floats_;
};

}  // namespace crumb

#endif  // CRUMB_CUDA_TESTING_PRODUCT_H_
