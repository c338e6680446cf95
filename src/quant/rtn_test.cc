#include "quant/rtn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/float16.h"
#include "base/rng.h"
#include "codecs/float_codecs.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();
const std::vector<std::string> kWithZero = {"int8-g64", "int4-g64", "int3-g64", "int2-g64"};
const std::vector<std::string> kAllGroup = {"int8-g64", "int4-g64",    "int3-g64",
                                            "int2-g64", "ternary-g64", "int1-g64"};

std::vector<float> Gaussian(int64_t n, uint64_t seed, double scale) {
  Rng rng(seed);
  std::vector<float> values(static_cast<size_t>(n));
  for (float& v : values) v = static_cast<float>(rng.Gaussian() * scale);
  return values;
}

Result<PackedMatrix> Quantize(const std::vector<float>& values, int64_t rows, int64_t cols,
                              const std::string& codec, int threads = 1) {
  ThreadPool pool(threads);
  const PackedMatrix floats = PackFloats(Float32Codec(), rows, cols, values);
  return RtnQuantizer()->Quantize({&floats}, *FindCodec(codec), pool);
}

std::vector<float> Decode(const PackedMatrix& matrix) {
  EXPECT_TRUE(matrix.codec->Validate(matrix).ok()) << matrix.codec->Validate(matrix).message();
  std::vector<float> values(static_cast<size_t>(matrix.rows * matrix.cols));
  for (int64_t r = 0; r < matrix.rows; ++r) {
    matrix.codec->DecodeRow(matrix, r,
                            std::span(values).subspan(static_cast<size_t>(r * matrix.cols),
                                                      static_cast<size_t>(matrix.cols)));
  }
  return values;
}

float ScaleOf(const PackedMatrix& matrix, int64_t group) {
  uint16_t bits;
  std::memcpy(&bits, matrix.scales.data() + group * 2, 2);
  return HalfToFloat(bits);
}

std::string Bytes(const PackedMatrix& m) {
  std::string all;
  for (const auto& part : {m.codes, m.scales, m.zeros, m.table}) {
    all.append(reinterpret_cast<const char*>(part.data()), part.size());
  }
  return all;
}

// With N = levels - 1 and the stored scale s, a weight inside the range [-s z, s (N - z)] is at
// most s / 2 away from a level. Where the rounded zero point leaves it outside, it is clipped by at
// most the zero point's rounding, s N / 510, and the scale's, which moves the range by N times
// max(s 2^-11, 2^-25) (half a unit in the last place of a float16, normal or not). Float32
// arithmetic adds at most 4 roundings of numbers not above s N.
float StepBound(float s, int levels) {
  const float n = static_cast<float>(levels - 1);
  const float clipped = s * n / 510.0f + n * std::max(s * 0x1p-11f, 0x1p-25f);
  return std::max(s / 2, clipped) + s * n * 0x1p-22f;
}

TEST(Rtn, EveryLevelIsWithinHalfAStepOfTheWeight) {
  const int64_t rows = 16;
  const int64_t cols = 200;  // the last group is short
  const int64_t groups = 4;
  for (const std::string& name : kWithZero) {
    const int levels = AsGroupInt(FindCodec(name))->levels();
    for (const double magnitude : {1e-7, 1e-4, 0.05, 3.0, 2e4}) {
      std::vector<float> values = Gaussian(rows * cols, 7, magnitude);
      for (int64_t c = 0; c < cols; ++c) {  // groups on one side of zero
        values[static_cast<size_t>(c)] = std::fabs(values[static_cast<size_t>(c)]);
        values[static_cast<size_t>(cols + c)] = -std::fabs(values[static_cast<size_t>(cols + c)]);
      }
      const Result<PackedMatrix> packed = Quantize(values, rows, cols, name);
      ASSERT_TRUE(packed.ok()) << packed.status().message();
      const std::vector<float> decoded = Decode(*packed);
      for (int64_t i = 0; i < rows * cols; ++i) {
        const float s = ScaleOf(*packed, i / cols * groups + i % cols / kGroupSize);
        ASSERT_LE(std::fabs(decoded[static_cast<size_t>(i)] - values[static_cast<size_t>(i)]),
                  StepBound(s, levels))
            << name << " weight " << i << " magnitude " << magnitude;
      }
    }
  }
}

TEST(Rtn, BelowEightBitsNothingIsClippedByMoreThanHalfAStep) {
  for (const int levels : {4, 8, 16}) {
    EXPECT_LT(StepBound(1.0f, levels), 0.5f + 1e-5f) << levels;
  }
}

TEST(Rtn, MoreBitsGiveLessError) {
  const std::vector<float> values = Gaussian(64 * 256, 11, 0.02);
  double previous = 0;
  for (const std::string& name : kAllGroup) {
    const std::vector<float> decoded = Decode(Quantize(values, 64, 256, name).value());
    double error = 0;
    for (size_t i = 0; i < values.size(); ++i) error += std::pow(decoded[i] - values[i], 2);
    EXPECT_GT(error, previous) << name;
    previous = error;
  }
}

// The extremes of a group become its extreme levels, so the second time finds the same scale and
// zero point. At 8 bits an extreme may lose its level to the zero point's rounding, and a ternary
// scale shrinks with every zero, so there only the claims below hold.
TEST(Rtn, RoundingARoundedMatrixChangesNothing) {
  const std::vector<float> values = Gaussian(8 * 200, 3, 0.03);
  for (const char* name : {"int4-g64", "int3-g64", "int2-g64", "int1-g64"}) {
    const PackedMatrix once = Quantize(values, 8, 200, name).value();
    const std::vector<float> decoded = Decode(once);
    const PackedMatrix twice = Quantize(decoded, 8, 200, name).value();
    EXPECT_EQ(Decode(twice), decoded) << name;
    EXPECT_EQ(Bytes(twice), Bytes(once)) << name;
  }
}

TEST(Rtn, RoundingARoundedTernaryMatrixKeepsTheSigns) {
  const std::vector<float> values = Gaussian(8 * 128, 5, 0.03);
  const std::vector<float> once = Decode(Quantize(values, 8, 128, "ternary-g64").value());
  const std::vector<float> twice = Decode(Quantize(once, 8, 128, "ternary-g64").value());
  const auto sign = [](float w) { return w > 0 ? 1 : (w < 0 ? -1 : 0); };
  for (size_t i = 0; i < once.size(); ++i) EXPECT_EQ(sign(once[i]), sign(twice[i])) << i;
}

double SquaredError(std::span<const float> values, std::span<const float> codes, float scale) {
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) sum += std::pow(values[i] - scale * codes[i], 2);
  return sum;
}

TEST(Rtn, NoOtherOneBitScaleFitsBetter) {
  const std::vector<float> values = Gaussian(64, 21, 0.1);
  const PackedMatrix packed = Quantize(values, 1, 64, "int1-g64").value();
  const std::vector<float> decoded = Decode(packed);
  const float scale = ScaleOf(packed, 0);
  std::vector<float> signs(64);
  for (size_t i = 0; i < 64; ++i) signs[i] = decoded[i] > 0 ? 1.0f : -1.0f;
  const double best = SquaredError(values, signs, scale);
  for (const float factor : {0.9f, 0.99f, 0.999f, 1.001f, 1.01f, 1.1f}) {
    EXPECT_LT(best, SquaredError(values, signs, scale * factor)) << factor;
  }
  for (size_t i = 0; i < 64; ++i) EXPECT_EQ(signs[i] > 0, values[i] >= 0) << i;
}

TEST(Rtn, TernaryLevelsAreTheNearestForTheMeanMagnitude) {
  const std::vector<float> values = Gaussian(64 * 5, 22, 0.1);
  const PackedMatrix packed = Quantize(values, 5, 64, "ternary-g64").value();
  const std::vector<float> decoded = Decode(packed);
  for (int64_t r = 0; r < 5; ++r) {
    const float scale = ScaleOf(packed, r);
    double mean = 0;
    for (size_t c = 0; c < 64; ++c) mean += std::fabs(values[static_cast<size_t>(r) * 64 + c]) / 64;
    EXPECT_NEAR(scale, mean, mean * 0x1p-11);
    for (size_t i = static_cast<size_t>(r) * 64; i < static_cast<size_t>(r + 1) * 64; ++i) {
      for (const float level : {-scale, 0.0f, scale}) {
        EXPECT_LE(std::fabs(decoded[i] - values[i]), std::fabs(level - values[i]) + 1e-7f) << i;
      }
    }
  }
}

TEST(Rtn, ZerosStayZeros) {
  for (const char* name :
       {"int8-g64", "int4-g64", "int3-g64", "int2-g64", "ternary-g64", "int1-g64"}) {
    const std::vector<float> decoded =
        Decode(Quantize(std::vector<float>(130, 0.0f), 1, 130, name).value());
    for (const float w : decoded) EXPECT_EQ(w, 0.0f) << name;
  }
}

TEST(Rtn, ConstantGroupsKeepTheirValueUpToTheScalesRounding) {
  for (const std::string& name : kAllGroup) {
    for (const float value : {0.37f, -0.37f}) {
      const std::vector<float> decoded =
          Decode(Quantize(std::vector<float>(64, value), 1, 64, name).value());
      for (const float w : decoded) EXPECT_NEAR(w, value, 0.37f * 0x1p-10f) << name;
    }
  }
}

TEST(Rtn, WeightsBelowTheSmallestScaleBecomeZeroAndNeverNan) {
  for (const std::string& name : kAllGroup) {
    for (const float value : {1e-9f, 1e-30f, std::numeric_limits<float>::denorm_min()}) {
      std::vector<float> values(64, value);
      values[3] = -value;
      for (const float w : Decode(Quantize(values, 1, 64, name).value())) EXPECT_EQ(w, 0.0f);
    }
    for (const float w : Decode(Quantize(std::vector<float>(64, 6e-8f), 1, 64, name).value())) {
      EXPECT_TRUE(std::isfinite(w)) << name;
    }
  }
}

TEST(Rtn, WeightsBeyondFloat16AreAnErrorThatNamesThePlace) {
  std::vector<float> values(3 * 128, 0.5f);
  values[128 + 70] = 3e38f;
  values[128 + 71] = -3e38f;
  for (const char* name : {"int8-g64", "int4-g64", "int2-g64", "ternary-g64", "int1-g64"}) {
    const Result<PackedMatrix> packed = Quantize(values, 3, 128, name);
    ASSERT_FALSE(packed.ok()) << name;
    EXPECT_EQ(packed.status().code(), StatusCode::kNumerics);
    EXPECT_THAT(packed.status().message(), HasSubstr("1 of 3 rows"));
    EXPECT_THAT(packed.status().message(), HasSubstr("row 1, column 64"));
  }
  const Result<PackedMatrix> half = Quantize(values, 3, 128, "f16");
  ASSERT_FALSE(half.ok());
  EXPECT_THAT(half.status().message(), HasSubstr("row 1, column 70"));
}

TEST(Rtn, NanAndInfAreAnErrorWithTheirCount) {
  std::vector<float> values(4 * 64, 0.5f);
  values[70] = kNan;
  values[71] = kInf;
  values[200] = -kInf;
  for (const char* name :
       {"int8-g64", "int4-g64", "int1-g64", "ternary-g64", "f32", "f16", "bf16"}) {
    const Result<PackedMatrix> packed = Quantize(values, 4, 64, name);
    ASSERT_FALSE(packed.ok()) << name;
    EXPECT_EQ(packed.status().code(), StatusCode::kNumerics);
    EXPECT_THAT(packed.status().message(), HasSubstr("3 of 256 weights"));
    EXPECT_THAT(packed.status().message(), HasSubstr("first in row 1"));
  }
}

TEST(Rtn, BytesDoNotDependOnTheNumberOfThreads) {
  const std::vector<float> values = Gaussian(37 * 200, 99, 0.05);
  for (const Codec* codec : AllCodecs()) {
    if (!RtnQuantizer()->Supports(*codec)) continue;
    const std::string name(codec->name());
    const std::string one = Bytes(Quantize(values, 37, 200, name, 1).value());
    EXPECT_EQ(one, Bytes(Quantize(values, 37, 200, name, 2).value())) << name;
    EXPECT_EQ(one, Bytes(Quantize(values, 37, 200, name, 5).value())) << name;
  }
}

TEST(Rtn, FloatCodecsAreCasts) {
  const std::vector<float> values = Gaussian(3 * 70, 1, 1.0);
  EXPECT_EQ(Decode(Quantize(values, 3, 70, "f32").value()), values);
  const std::vector<float> half = Decode(Quantize(values, 3, 70, "f16").value());
  const std::vector<float> brain = Decode(Quantize(values, 3, 70, "bf16").value());
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(half[i], HalfToFloat(FloatToHalf(values[i])));
    EXPECT_EQ(brain[i], Bfloat16ToFloat(FloatToBfloat16(values[i])));
  }
}

TEST(Rtn, PaddingIsTheLevelNearestToZero) {
  const GroupIntCodec* codec = AsGroupInt(FindCodec("int4-g64"));
  const std::vector<float> weights = {-1.0f, 2.0f};
  const GroupScale chosen = ChooseGroupScale(*codec, weights);
  uint8_t levels[kGroupSize];
  RoundGroup(*codec, chosen, weights, levels);
  const float scale = HalfToFloat(chosen.scale);
  for (size_t i = weights.size(); i < kGroupSize; ++i) {
    for (int level = 0; level < codec->levels(); ++level) {
      EXPECT_LE(std::fabs(codec->Value(levels[i], scale, chosen.zero)),
                std::fabs(codec->Value(level, scale, chosen.zero)));
    }
  }
}

TEST(Rtn, UnknownTargetsAreRefused) {
  for (const Codec* codec : AllCodecs()) {
    if (!codec->name().starts_with("gguf-")) continue;
    const Result<PackedMatrix> packed =
        Quantize(std::vector<float>(256, 1.0f), 1, 256, std::string(codec->name()));
    ASSERT_FALSE(packed.ok());
    EXPECT_EQ(packed.status().code(), StatusCode::kUnsupported);
  }
}

}  // namespace
}  // namespace crumb
