#include "kernels/rotation.h"

#include <gtest/gtest.h>

#include <bit>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <numbers>
#include <vector>

#include "base/float16.h"
#include "base/rng.h"
#include "kernels/testing_sets.h"

namespace crumb {
namespace {

constexpr int64_t kWidths[] = {1, 2, 64, 77, 96, 192, 255, 510, 576, 640, 1536, 2048};

size_t Index(int64_t i) { return static_cast<size_t>(i); }

std::vector<float> RandomRow(int64_t n, Rng& rng) {
  std::vector<float> x(Index(n));
  for (float& v : x) v = static_cast<float>(rng.Gaussian());
  return x;
}

// Entry (row, column) of R as rotation.h defines it.
double Entry(int64_t n, int64_t row, int64_t col) {
  int64_t power = 1;
  while (n % (2 * power) == 0) power *= 2;
  const int64_t m = n / power, i = row / power, k = col / power;
  const bool negative = std::popcount(static_cast<uint64_t>((row & col) & (power - 1))) % 2 != 0;
  const double cosine = std::sqrt((i == 0 ? 1.0 : 2.0) / static_cast<double>(m)) *
                        std::cos(std::numbers::pi * static_cast<double>((2 * k + 1) * i) /
                                 (2 * static_cast<double>(m)));
  return (negative ? -cosine : cosine) / std::sqrt(static_cast<double>(power));
}

// A result is a sum of at most log2(2^a) + m rounded steps of numbers that are together no larger
// than the row's sum of magnitudes times the largest entry.
double Bound(const std::vector<float>& x) {
  double magnitude = 0;
  for (const float v : x) magnitude += std::abs(v);
  const auto n = static_cast<double>(x.size());
  return (std::log2(n) + 300) * double{FLT_EPSILON} * magnitude * std::sqrt(2 / n) + 1e-30;
}

struct Transform {
  std::vector<std::byte> signs, scales;
  InputTransform view() const { return {signs, scales}; }
};

Transform RandomTransform(int64_t n, bool with_signs, bool with_scales, Rng& rng) {
  Transform t;
  if (with_signs) t.signs.resize(Index((n + 7) / 8));
  for (std::byte& b : t.signs) b = static_cast<std::byte>(rng.Next() & 0xff);
  for (int64_t c = 0; with_scales && c < n; ++c) {
    const uint16_t half = FloatToHalf(static_cast<float>(std::exp2(4 * rng.Uniform() - 2)));
    t.scales.push_back(static_cast<std::byte>(half & 0xff));
    t.scales.push_back(static_cast<std::byte>(half >> 8));
  }
  return t;
}

TEST(Rotation, IsTheMatrixOfItsDefinition) {
  ForEachKernelSet([] {
    Rng rng(1);
    for (const int64_t n : kWidths) {
      const std::vector<float> x = RandomRow(n, rng);
      std::vector<float> y = x, scratch(x.size());
      Rotate(y, scratch);
      const int64_t step = n > 300 ? 37 : 1;  // every output of small widths, some of large ones
      for (int64_t row = 0; row < n; row += step) {
        double expected = 0;
        for (int64_t c = 0; c < n; ++c) expected += Entry(n, row, c) * double{x[Index(c)]};
        ASSERT_NEAR(y[Index(row)], expected, Bound(x)) << n << " row " << row;
      }
    }
  });
}

TEST(Rotation, IsOrthogonal) {
  ForEachKernelSet([] {
    Rng rng(2);
    for (const int64_t n : kWidths) {
      const std::vector<float> x = RandomRow(n, rng), z = RandomRow(n, rng);
      std::vector<float> rotated_x = x, rotated_z = z, scratch(x.size());
      Rotate(rotated_x, scratch);
      Rotate(rotated_z, scratch);
      double before = 0, after = 0, magnitude = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        before += double{x[i]} * double{z[i]};
        after += double{rotated_x[i]} * double{rotated_z[i]};
        magnitude += std::abs(rotated_x[i]) + std::abs(rotated_z[i]);
      }
      EXPECT_NEAR(after, before, magnitude * std::max(Bound(x), Bound(z)) + 1e-12) << n;
      RotateBack(rotated_x, scratch);
      for (size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(rotated_x[i], x[i], 2 * Bound(x)) << n;
    }
  });
}

// One outlier of size 1 becomes n numbers of at most sqrt(2 / n).
TEST(Rotation, SpreadsAnOutlierOverAllColumns) {
  ForEachKernelSet([] {
    for (const int64_t n : kWidths) {
      for (const int64_t place : {int64_t{0}, n / 3, n - 1}) {
        std::vector<float> x(Index(n)), scratch(Index(n));
        x[Index(place)] = 1;
        Rotate(x, scratch);
        for (const float v : x) {
          ASSERT_LE(std::abs(v), std::sqrt(2.0 / static_cast<double>(n)) * (1 + 1e-5)) << n;
        }
      }
    }
  });
}

TEST(InputTransform, MovesFromTheRowToTheActivationsWithoutChangingTheProduct) {
  ForEachKernelSet([] {
    Rng rng(3);
    for (const int64_t n : kWidths) {
      for (const bool with_signs : {false, true}) {
        for (const bool with_scales : {false, true}) {
          const Transform transform = RandomTransform(n, with_signs, with_scales, rng);
          const std::vector<float> stored = RandomRow(n, rng), x = RandomRow(n, rng);
          std::vector<float> row = stored, seen = x, scratch(Index(n));
          UndoInputTransformOfRow(transform.view(), row, scratch);
          ApplyInputTransform(transform.view(), seen, scratch);
          double plain = 0, transformed = 0, magnitude = 0;
          for (size_t i = 0; i < x.size(); ++i) {
            plain += double{row[i]} * double{x[i]};
            transformed += double{stored[i]} * double{seen[i]};
            magnitude += 4 * (std::abs(x[i]) + std::abs(stored[i]));
          }
          ASSERT_NEAR(plain, transformed, 4 * magnitude * std::max(Bound(x), Bound(stored)))
              << n << (with_signs ? " signs" : "") << (with_scales ? " scales" : "");
        }
      }
    }
  });
}

TEST(InputTransform, BitsNameTheColumnsThatAreNegated) {
  std::vector<std::byte> signs = {std::byte{0x04}, std::byte{0x01}};  // columns 2 and 8
  std::vector<float> x(10, 1.0f), scratch(10), expected(10, 1.0f);
  expected[2] = expected[8] = -1;
  ApplyInputTransform({signs, {}}, x, scratch);
  Rotate(expected, scratch);
  EXPECT_EQ(x, expected);
}

TEST(InputTransform, EmptyChangesNothing) {
  std::vector<float> x = {1, 2, 3}, scratch(3);
  ApplyInputTransform({}, x, scratch);
  EXPECT_EQ(x, (std::vector<float>{1, 2, 3}));
  UndoInputTransformOfRow({}, x, scratch);
  EXPECT_EQ(x, (std::vector<float>{1, 2, 3}));
}

TEST(Rotation, SupportsOddPartsUpTo255) {
  for (const int64_t n : kWidths) EXPECT_TRUE(RotationSupports(n)) << n;
  EXPECT_TRUE(RotationSupports(int64_t{255} << 20));
  for (const int64_t n : {int64_t{0}, int64_t{-4}, int64_t{257}, int64_t{50257}, int64_t{514}}) {
    EXPECT_FALSE(RotationSupports(n)) << n;
  }
}

}  // namespace
}  // namespace crumb
