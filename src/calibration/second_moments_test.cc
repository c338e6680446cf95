#include "calibration/second_moments.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"

namespace crumb {
namespace {

std::vector<float> RandomRows(int64_t rows, int64_t cols, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> x(static_cast<size_t>(rows * cols));
  for (float& value : x) value = static_cast<float>(rng.Gaussian());
  return x;
}

SecondMoments MomentsOf(const std::vector<float>& x, int64_t rows, int64_t cols, int threads) {
  ThreadPool pool(threads);
  MomentsAccumulator sums(cols);
  sums.Add(x.data(), rows, cols, pool);
  Result<SecondMoments> moments = sums.Finish();
  EXPECT_TRUE(moments.ok()) << moments.status().message();
  return std::move(moments).value();
}

TEST(SecondMoments, AreTheMeansOfTheProducts) {
  // Two blocks and two strips, neither whole.
  constexpr int64_t kRows = 700;
  constexpr int64_t kCols = 150;
  const std::vector<float> x = RandomRows(kRows, kCols, 1);
  const SecondMoments moments = MomentsOf(x, kRows, kCols, 2);
  EXPECT_EQ(moments.count, kRows);
  for (int64_t i = 0; i < kCols; ++i) {
    double mean = 0;
    double mean_abs = 0;
    for (int64_t r = 0; r < kRows; ++r) {
      mean += x[static_cast<size_t>(r * kCols + i)] / double{kRows};
      mean_abs += std::abs(x[static_cast<size_t>(r * kCols + i)]) / double{kRows};
    }
    // Float64 sums, rounded once to float32.
    EXPECT_NEAR(moments.mean[static_cast<size_t>(i)], mean, 1e-7);
    EXPECT_NEAR(moments.mean_abs[static_cast<size_t>(i)], mean_abs, 1e-7);
    for (int64_t j = 0; j < kCols; ++j) {
      double product = 0;
      double size = 0;
      for (int64_t r = 0; r < kRows; ++r) {
        const double term = double{x[static_cast<size_t>(r * kCols + i)]} *
                            double{x[static_cast<size_t>(r * kCols + j)]} / kRows;
        product += term;
        size += std::abs(term);
      }
      // A float32 sum of 512 products is off by at most 512 roundings of the sum of their sizes.
      EXPECT_NEAR(moments.hessian[static_cast<size_t>(i * kCols + j)], product,
                  513 * std::ldexp(size, -24));
    }
  }
}

TEST(SecondMoments, AreExactlySymmetric) {
  constexpr int64_t kCols = 131;
  const SecondMoments moments = MomentsOf(RandomRows(100, kCols, 2), 100, kCols, 1);
  for (int64_t i = 0; i < kCols; ++i) {
    for (int64_t j = 0; j < i; ++j) {
      EXPECT_EQ(moments.hessian[static_cast<size_t>(i * kCols + j)],
                moments.hessian[static_cast<size_t>(j * kCols + i)]);
    }
  }
}

TEST(SecondMoments, AreTheSameForAnyNumberOfThreads) {
  const std::vector<float> x = RandomRows(600, 200, 3);
  const SecondMoments one = MomentsOf(x, 600, 200, 1);
  for (const int threads : {2, 3, 7}) {
    const SecondMoments many = MomentsOf(x, 600, 200, threads);
    EXPECT_EQ(one.hessian, many.hessian) << threads;
    EXPECT_EQ(one.mean, many.mean) << threads;
    EXPECT_EQ(one.mean_abs, many.mean_abs) << threads;
  }
}

TEST(SecondMoments, AreTheSameForAnySplitIntoCalls) {
  constexpr int64_t kCols = 40;
  const std::vector<float> x = RandomRows(1100, kCols, 6);
  ThreadPool pool(2);
  MomentsAccumulator pieces(kCols);
  int64_t row = 0;
  for (const int64_t rows : {1, 0, 299, 700, 100}) {
    pieces.Add(x.data() + row * kCols, rows, kCols, pool);
    row += rows;
  }
  EXPECT_EQ(pieces.Finish()->hessian, MomentsOf(x, 1100, kCols, 1).hessian);
}

TEST(SecondMoments, RowsThatAreNotFiniteCountButDoNotMatter) {
  constexpr int64_t kCols = 70;
  std::vector<float> good = RandomRows(520, kCols, 4);
  std::vector<float> mixed;
  int64_t rows = 0;
  const auto add = [&](const float* row) {
    mixed.insert(mixed.end(), row, row + kCols);
    ++rows;
  };
  for (int64_t r = 0; r < 520; ++r) {
    add(good.data() + r * kCols);
    std::vector<float> bad(static_cast<size_t>(kCols), 1.0f);
    if (r == 0) bad[3] = std::numeric_limits<float>::quiet_NaN();
    if (r == 17) bad[69] = std::numeric_limits<float>::infinity();
    if (r == 519) bad[0] = -1e30f;  // its square is not finite
    if (r == 0 || r == 17 || r == 519) add(bad.data());
  }
  const SecondMoments expected = MomentsOf(good, 520, kCols, 2);
  const SecondMoments moments = MomentsOf(mixed, rows, kCols, 2);
  EXPECT_EQ(moments.not_finite, 3);
  EXPECT_EQ(moments.count, 520);
  EXPECT_EQ(moments.hessian, expected.hessian);
  EXPECT_EQ(moments.mean, expected.mean);
}

TEST(SecondMoments, LargestNumbersTakenDoNotOverflow) {
  const std::vector<float> x(size_t{1024} * 3, 1e17f);
  const SecondMoments moments = MomentsOf(x, 1024, 3, 1);
  EXPECT_EQ(moments.not_finite, 0);
  for (const float h : moments.hessian) EXPECT_TRUE(std::isfinite(h));
}

TEST(SecondMoments, WithoutAUsableRowAreAnError) {
  ThreadPool pool(1);
  MomentsAccumulator sums(4);
  EXPECT_EQ(sums.Finish().status().code(), StatusCode::kNumerics);
  const std::vector<float> bad(4, std::numeric_limits<float>::quiet_NaN());
  sums.Add(bad.data(), 1, 4, pool);
  EXPECT_EQ(sums.Finish().status().code(), StatusCode::kNumerics);
  EXPECT_NE(sums.Finish().status().message().find("1 rows"), std::string::npos);
}

TEST(SecondMoments, StrideSkipsWhatLiesBetween) {
  const std::vector<float> wide = {1, 2, 99, 3, 4, 99};
  const std::vector<float> narrow = {1, 2, 3, 4};
  ThreadPool pool(1);
  MomentsAccumulator sums(2);
  sums.Add(wide.data(), 2, 3, pool);
  EXPECT_EQ(sums.Finish()->hessian, MomentsOf(narrow, 2, 2, 1).hessian);
}

TEST(SecondMoments, NeverHoldMoreThanTheySay) {
  ThreadPool pool(2);
  for (const int64_t cols : {1, 130, 300}) {
    MomentsAccumulator sums(cols);
    EXPECT_LE(sums.bytes(), MomentsAccumulator::BytesFor(cols));
    const std::vector<float> x = RandomRows(1000, cols, 5);
    sums.Add(x.data(), 1000, cols, pool);
    EXPECT_LE(sums.bytes(), MomentsAccumulator::BytesFor(cols));
  }
}

}  // namespace
}  // namespace crumb
