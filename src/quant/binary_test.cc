#include "quant/binary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "codecs/binary_row.h"
#include "quant/methods_for_test.h"

namespace crumb {
namespace {

TEST(Binary, RowAndColumnScalesOfAProductAreFound) {
  // |w_rc| = s_r t_c exactly.
  const std::vector<float> s = {1, 2, 0.5f};
  const std::vector<float> t = {0.5f, 1, 2, 0.1f};
  std::vector<float> weights;
  Rng rng(1);
  for (const float sr : s) {
    for (const float tc : t) weights.push_back((rng.Next() & 1) != 0 ? sr * tc : -sr * tc);
  }
  const RowColumnScales fit = FitRowColumnScales(weights, 3, 4, std::vector<float>{1, 5, 0.1f, 2});
  for (size_t r = 0; r < 3; ++r) {
    for (size_t c = 0; c < 4; ++c) {
      EXPECT_NEAR(fit.rows[r] * fit.columns[c], s[r] * t[c], 1e-4 * s[r] * t[c]);
    }
  }
}

TEST(Binary, ColumnsOfDifferentSizeGainByScalesOfTheirOwn) {
  std::vector<float> values = GaussianValues(64 * 128, 2);
  for (size_t i = 0; i < values.size(); ++i) values[i] *= i % 128 % 5 == 0 ? 6.0f : 1.0f;
  const PackedMatrix weights = PackFloats(Float32Codec(), 64, 128, values);
  const SecondMoments moments = CorrelatedMoments(128, 400, 3);
  const PackedMatrix rows = QuantizeOrDie("ldlq", weights, &moments, "binary-row");
  const PackedMatrix both = QuantizeOrDie("binary", weights, &moments, "binary-row");
  EXPECT_TRUE(rows.input.empty());
  EXPECT_EQ(both.input.scales.size(), 256u);
  EXPECT_LT(LossOf(weights, both, moments), 0.8 * LossOf(weights, rows, moments));
}

TEST(Binary, BitsCountTheScales) {
  const PackedMatrix weights = FloatMatrix(128, 128, 4);
  const SecondMoments moments = CorrelatedMoments(128, 400, 5);
  const PackedMatrix packed = QuantizeOrDie("binary", weights, &moments, "binary-row");
  EXPECT_DOUBLE_EQ(BitsPerWeight(packed), 1 + 16.0 / 128 + 16.0 / 128);
}

TEST(Binary, AColumnOfZerosStaysZero) {
  std::vector<float> values = GaussianValues(16 * 64, 6);
  for (size_t r = 0; r < 16; ++r) values[r * 64 + 9] = 0;
  const PackedMatrix weights = PackFloats(Float32Codec(), 16, 64, values);
  SecondMoments moments = CorrelatedMoments(64, 200, 7);
  const PackedMatrix packed = QuantizeOrDie("binary", weights, &moments, "binary-row");
  EXPECT_LT(LossOf(weights, packed, moments),
            LossOf(weights, QuantizeOrDie("rtn", weights, nullptr, "int1-g64"), moments));
}

TEST(Ternary, MakesNothingElseAndBeatsRounding) {
  const PackedMatrix weights = FloatMatrix(32, 192, 4);
  const SecondMoments moments = CorrelatedMoments(192, 400, 5);
  const Quantizer& ternary = *FindQuantizer("ternary");
  for (const Codec* codec : AllCodecs()) {
    EXPECT_EQ(ternary.Supports(*codec), codec->name() == "ternary-g64") << codec->name();
  }
  EXPECT_EQ(ternary.CodecForWidth("1.58"), FindCodec("ternary-g64"));
  EXPECT_EQ(ternary.CodecForWidth("2"), nullptr);
  const double rounded =
      LossOf(weights, QuantizeOrDie("rtn", weights, nullptr, "ternary-g64"), moments);
  EXPECT_LT(LossOf(weights, QuantizeOrDie("ternary", weights, &moments, "ternary-g64"), moments),
            0.5 * rounded);
}

}  // namespace
}  // namespace crumb
