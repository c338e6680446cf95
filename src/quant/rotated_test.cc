#include "quant/rotated.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/rotation.h"
#include "quant/methods_for_test.h"

namespace crumb {
namespace {

TEST(Rotated, WeightsAndActivationsTurnTogether) {
  for (const int64_t cols : {64, 96, 576, 7}) {
    const auto n = static_cast<size_t>(cols);
    ThreadPool pool(2);
    const std::vector<std::byte> signs = RandomSigns(cols, 5);
    const std::vector<float> w = GaussianValues(cols, 1, 1.0);
    const std::vector<float> x = GaussianValues(cols, 2, 1.0);
    double before = 0;
    for (size_t c = 0; c < n; ++c) before += static_cast<double>(w[c]) * x[c];
    std::vector<float> turned_w = w;
    std::vector<float> turned_x = x;
    std::vector<float> scratch(n);
    RotateRows(signs, cols, turned_w, pool);
    ApplyInputTransform({.signs = signs}, turned_x, scratch);
    double after = 0;
    for (size_t c = 0; c < n; ++c) after += static_cast<double>(turned_w[c]) * turned_x[c];
    // |w| |x| is about n; each number has a relative error of some 2^-24 log2(n).
    EXPECT_NEAR(before, after, 1e-5 * static_cast<double>(cols)) << cols;
  }
}

TEST(Rotated, MomentsAreThoseOfRotatedActivations) {
  const int64_t n = 96;
  const SecondMoments moments = CorrelatedMoments(n, 200, 3);
  ThreadPool pool(2);
  const std::vector<std::byte> signs = RandomSigns(n, 4);
  const SecondMoments rotated = RotateMoments(moments, signs, pool);
  // v' H' v'^T = v H v^T for v' = v turned.
  const std::vector<float> v = GaussianValues(n, 6, 1.0);
  std::vector<float> turned = v;
  RotateRows(signs, n, turned, pool);
  double before = 0;
  double after = 0;
  for (size_t i = 0; i < 96; ++i) {
    for (size_t j = 0; j < 96; ++j) {
      before += static_cast<double>(v[i]) * moments.hessian[i * 96 + j] * v[j];
      after += static_cast<double>(turned[i]) * rotated.hessian[i * 96 + j] * turned[j];
      EXPECT_EQ(rotated.hessian[i * 96 + j], rotated.hessian[j * 96 + i]);
    }
  }
  EXPECT_NEAR(after, before, 1e-4 * before);
}

TEST(Rotated, SignsComeFromTheSeedAndPadWithZeros) {
  EXPECT_EQ(RandomSigns(100, 1), RandomSigns(100, 1));
  EXPECT_NE(RandomSigns(100, 1), RandomSigns(100, 2));
  const std::vector<std::byte> signs = RandomSigns(100, 3);
  EXPECT_EQ(signs.size(), 13u);
  EXPECT_EQ(std::to_integer<int>(signs.back()) & 0xf0, 0);
}

TEST(Rotated, OutliersInTheWeightsCostLessThanWithoutRotation) {
  std::vector<float> values = GaussianValues(32 * 256, 8);
  Rng rng(9);
  for (int i = 0; i < 80; ++i) values[rng.Below(values.size())] *= 20;
  const PackedMatrix weights = PackFloats(Float32Codec(), 32, 256, values);
  const SecondMoments moments = CorrelatedMoments(256, 600, 10);
  const double plain =
      LossOf(weights, QuantizeOrDie("ldlq", weights, &moments, "int2-g64"), moments);
  const PackedMatrix packed = QuantizeOrDie("rotated", weights, &moments, "int2-g64");
  EXPECT_FALSE(packed.input.signs.empty());
  EXPECT_LT(LossOf(weights, packed, moments), plain);
}

}  // namespace
}  // namespace crumb
