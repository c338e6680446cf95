#include "base/float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/rng.h"

namespace crumb {
namespace {

TEST(Float16, EveryHalfSurvivesTheWayThroughFloat) {
  for (uint32_t h = 0; h < 0x10000; ++h) {
    const auto half = static_cast<uint16_t>(h);
    const float f = HalfToFloat(half);
    if (std::isnan(f)) {
      EXPECT_TRUE(std::isnan(HalfToFloat(FloatToHalf(f)))) << h;
    } else {
      ASSERT_EQ(FloatToHalf(f), half) << h;
    }
  }
}

// IEEE 754-2019, 3.6: ends of the ranges of binary16.
TEST(Float16, KnownValues) {
  EXPECT_EQ(HalfToFloat(0x3c00), 1.0f);
  EXPECT_EQ(HalfToFloat(0xc000), -2.0f);
  EXPECT_EQ(HalfToFloat(0x7bff), 65504.0f);
  EXPECT_EQ(HalfToFloat(0x0400), 0x1p-14f);
  EXPECT_EQ(HalfToFloat(0x0001), 0x1p-24f);
  EXPECT_TRUE(std::signbit(HalfToFloat(0x8000)));
  EXPECT_TRUE(std::isinf(HalfToFloat(0x7c00)));
  EXPECT_TRUE(std::isnan(HalfToFloat(0x7e00)));
}

TEST(Float16, RoundsToTheNearestAndTiesToEven) {
  EXPECT_EQ(FloatToHalf(1.0f + 0x1p-11f), 0x3c00);             // tie, down to even
  EXPECT_EQ(FloatToHalf(1.0f + 3 * 0x1p-11f), 0x3c02);         // tie, up to even
  EXPECT_EQ(FloatToHalf(1.0f + 0x1p-11f + 0x1p-20f), 0x3c01);  // above the tie
  EXPECT_EQ(FloatToHalf(65519.0f), 0x7bff);
  EXPECT_EQ(FloatToHalf(65520.0f), 0x7c00);
  EXPECT_EQ(FloatToHalf(0x1p-25f), 0x0000);             // tie between 0 and the least denormal
  EXPECT_EQ(FloatToHalf(0x1p-25f + 0x1p-40f), 0x0001);  // above it
}

TEST(Float16, IsNeverFartherThanHalfAStep) {
  Rng rng(1);
  for (int i = 0; i < 100000; ++i) {
    const auto value = static_cast<float>(std::exp2(30 * rng.Uniform() - 15));
    const double error = std::abs(double{HalfToFloat(FloatToHalf(value))} - double{value});
    const double step = std::exp2(std::max(-14, std::ilogb(value)) - 10);
    ASSERT_LE(error, step / 2) << value;
  }
}

TEST(Bfloat16, EveryPatternSurvivesTheWayThroughFloat) {
  for (uint32_t b = 0; b < 0x10000; ++b) {
    const auto pattern = static_cast<uint16_t>(b);
    const float f = Bfloat16ToFloat(pattern);
    if (std::isnan(f)) {
      EXPECT_TRUE(std::isnan(Bfloat16ToFloat(FloatToBfloat16(f)))) << b;
    } else {
      ASSERT_EQ(FloatToBfloat16(f), pattern) << b;
    }
  }
}

TEST(Bfloat16, RoundsToTheNearestAndTiesToEven) {
  EXPECT_EQ(FloatToBfloat16(1.0f + 0x1p-8f), 0x3f80);
  EXPECT_EQ(FloatToBfloat16(1.0f + 3 * 0x1p-8f), 0x3f82);
  EXPECT_EQ(FloatToBfloat16(1.0f + 0x1p-8f + 0x1p-20f), 0x3f81);
  EXPECT_EQ(FloatToBfloat16(std::numeric_limits<float>::max()), 0x7f80);
}

}  // namespace
}  // namespace crumb
