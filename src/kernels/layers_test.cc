#include "kernels/layers.h"

#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/float16.h"
#include "base/rng.h"
#include "kernels/testing_sets.h"

namespace crumb {
namespace {

size_t Index(int64_t i) { return static_cast<size_t>(i); }

std::vector<float> Random(int64_t n, uint64_t seed, double spread = 1) {
  Rng rng(seed);
  std::vector<float> x(Index(n));
  for (float& v : x) v = static_cast<float>(spread * rng.Gaussian());
  return x;
}

constexpr double kEps = FLT_EPSILON;
constexpr int64_t kWidths[] = {1, 7, 16, 33, 64, 100, 576};

// The mean of n squares has a relative error below (n + 2) eps / 2, its root half of that; three
// more roundings follow.
TEST(RmsNorm, IsWithinRoundingOfFloat64) {
  ForEachKernelSet([] {
    ThreadPool pool(2);
    for (const int64_t cols : kWidths) {
      constexpr int64_t kRows = 3;
      const std::vector<float> x = Random(kRows * cols, 1), weight = Random(cols, 2);
      std::vector<float> y(x.size());
      RmsNorm(x.data(), weight.data(), 1e-5f, kRows, cols, y.data(), pool);
      for (int64_t r = 0; r < kRows; ++r) {
        double squares = 0;
        for (int64_t c = 0; c < cols; ++c) squares += std::pow(x[Index(r * cols + c)], 2);
        const double factor = 1 / std::sqrt(squares / static_cast<double>(cols) + 1e-5f);
        for (int64_t c = 0; c < cols; ++c) {
          const double expected = x[Index(r * cols + c)] * factor * weight[Index(c)];
          ASSERT_NEAR(y[Index(r * cols + c)], expected,
                      static_cast<double>(cols + 8) / 2 * kEps * std::abs(expected));
        }
      }
      std::vector<float> in_place = x;
      RmsNorm(in_place.data(), weight.data(), 1e-5f, kRows, cols, in_place.data(), pool);
      ASSERT_EQ(in_place, y);
    }
  });
}

TEST(LayerNorm, IsWithinRoundingOfFloat64) {
  ForEachKernelSet([] {
    ThreadPool pool(2);
    for (const int64_t cols : kWidths) {
      if (cols == 1) continue;  // the variance is 0: the result is the bias and rounding noise
      constexpr int64_t kRows = 3;
      std::vector<float> x = Random(kRows * cols, 1);
      for (float& v : x) v += 3;
      const std::vector<float> weight = Random(cols, 2), bias = Random(cols, 3);
      std::vector<float> y(x.size());
      LayerNorm(x.data(), weight.data(), bias.data(), 1e-5f, kRows, cols, y.data(), pool);
      for (int64_t r = 0; r < kRows; ++r) {
        double sum = 0, squares = 0;
        for (int64_t c = 0; c < cols; ++c) sum += x[Index(r * cols + c)];
        const double mean = sum / static_cast<double>(cols);
        for (int64_t c = 0; c < cols; ++c) squares += std::pow(x[Index(r * cols + c)] - mean, 2);
        const double factor = 1 / std::sqrt(squares / static_cast<double>(cols) + 1e-5f);
        // The mean, near 3, is off by at most n eps * 4; that error is scaled by factor * weight.
        const double n = static_cast<double>(cols + 8);
        for (int64_t c = 0; c < cols; ++c) {
          const double scaled = (x[Index(r * cols + c)] - mean) * factor * weight[Index(c)];
          const double bound = n * kEps *
                               (4 * factor * std::abs(weight[Index(c)]) + std::abs(scaled) +
                                std::abs(bias[Index(c)]));
          ASSERT_NEAR(y[Index(r * cols + c)], scaled + bias[Index(c)], bound);
        }
      }
    }
  });
}

double ExactActivation(Activation f, double x) {
  if (f == Activation::kSilu) return x / (1 + std::exp(-x));
  if (f == Activation::kGeluErf) return x * std::erfc(-x * std::sqrt(0.5)) / 2;
  const double u = std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x);
  return x / (1 + std::exp(-2 * u));
}

// erf by a polynomial has an absolute error of 1.5e-7 (half of it counts); the rest are some
// roundings of a factor that is at most 1, and of an exponent of up to about 90.
TEST(Activation, IsWithinTheStatedErrorOfFloat64) {
  ForEachKernelSet([] {
    ThreadPool pool(2);
    std::vector<float> x;
    for (int i = -1200; i <= 1200; ++i) x.push_back(static_cast<float>(i) * 0.01f);
    for (const float far : {-1000.0f, -90.0f, -20.0f, 20.0f, 90.0f, 1000.0f}) x.push_back(far);
    const std::vector<float> up = Random(static_cast<int64_t>(x.size()), 5);
    for (const Activation f : {Activation::kSilu, Activation::kGeluTanh, Activation::kGeluErf}) {
      std::vector<float> y = x, gated(x.size());
      ApplyActivation(f, y.data(), static_cast<int64_t>(y.size()), pool);
      GatedActivation(f, x.data(), up.data(), static_cast<int64_t>(x.size()), gated.data(), pool);
      for (size_t i = 0; i < x.size(); ++i) {
        const double bound = std::abs(double{x[i]}) * 5e-7;
        ASSERT_NEAR(y[i], ExactActivation(f, x[i]), bound) << x[i];
        ASSERT_NEAR(gated[i], ExactActivation(f, x[i]) * up[i], bound * std::abs(up[i]) + 1e-12);
      }
    }
  });
}

TEST(Rope, RotatesEachPair) {
  ForEachKernelSet([] {
    ThreadPool pool(2);
    for (const int64_t dim : {2, 8, 64, 96}) {
      constexpr int64_t kRows = 5, kHeads = 3;
      std::vector<float> cosines(Index(kRows * dim / 2)), sines(cosines.size());
      for (size_t i = 0; i < cosines.size(); ++i) {
        cosines[i] = static_cast<float>(std::cos(0.1 * static_cast<double>(i)));
        sines[i] = static_cast<float>(std::sin(0.1 * static_cast<double>(i)));
      }
      const std::vector<float> x = Random(kRows * kHeads * dim, 4);
      std::vector<float> y = x;
      Rope(cosines.data(), sines.data(), kRows, kHeads, dim, y.data(), pool);
      for (int64_t r = 0; r < kRows; ++r) {
        for (int64_t h = 0; h < kHeads; ++h) {
          for (int64_t i = 0; i < dim / 2; ++i) {
            const size_t low = Index((r * kHeads + h) * dim + i), high = low + Index(dim / 2);
            const double c = cosines[Index(r * dim / 2 + i)], s = sines[Index(r * dim / 2 + i)];
            const double bound = 2 * kEps * (std::abs(x[low]) + std::abs(x[high]));
            ASSERT_NEAR(y[low], x[low] * c - x[high] * s, bound);
            ASSERT_NEAR(y[high], x[high] * c + x[low] * s, bound);
          }
        }
      }
    }
  });
}

TEST(AddBias, AddsToEveryRow) {
  ThreadPool pool(2);
  const std::vector<float> bias = {1, 2, 3};
  std::vector<float> y = {0, 0, 0, 10, 20, 30};
  AddBias(bias.data(), 2, 3, y.data(), pool);
  EXPECT_EQ(y, (std::vector<float>{1, 2, 3, 11, 22, 33}));
}

TEST(ArgMax, IsTheFirstOfTheLargestAndNeverANan) {
  ForEachKernelSet([] {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float none = -std::numeric_limits<float>::infinity();
    for (const int64_t n : {1, 3, 16, 63, 64, 65, 257, 1000}) {
      for (const int64_t at : {int64_t{0}, n / 3, n / 2, n - 1}) {
        std::vector<float> x = Random(n, static_cast<uint64_t>(n));
        x[Index(at)] = 9;
        EXPECT_EQ(ArgMax(x.data(), n), at);
        x.back() = 9;  // an equal one behind it
        EXPECT_EQ(ArgMax(x.data(), n), at);
        for (int64_t i = 0; i < n; i += 2) {
          if (i != at) x[Index(i)] = nan;
        }
        EXPECT_EQ(ArgMax(x.data(), n), at);
      }
      EXPECT_EQ(ArgMax(std::vector<float>(Index(n), nan).data(), n), 0);
      EXPECT_EQ(ArgMax(std::vector<float>(Index(n), none).data(), n), 0);
      std::vector<float> one(Index(n), none);
      one.back() = std::numeric_limits<float>::lowest();
      EXPECT_EQ(ArgMax(one.data(), n), n - 1);
    }
  });
}

TEST(Exponentials, AreWithinTwoUlpsAndSumToWhatIsReturned) {
  ForEachKernelSet([] {
    for (const int64_t n : {1, 7, 64, 1003}) {
      std::vector<float> x = Random(n, 4, 30);
      if (n > 7) {
        x[3] = NAN;
        x[5] = -INFINITY;
        x[6] = -3e38f;
      }
      float largest = x[0];
      for (const float v : x) largest = v > largest ? v : largest;
      std::vector<double> y(Index(n));
      const double sum = Exponentials(x.data(), n, double{largest}, 1.25, y.data());
      double expected_sum = 0;
      for (int64_t i = 0; i < n; ++i) {
        const float v = x[Index(i)];
        const double expected = std::isnan(v) ? 0 : std::exp((double{v} - largest) * 1.25);
        // Two units in the last place; results below the least normal number may be 0.
        ASSERT_NEAR(y[Index(i)], expected, 2 * DBL_EPSILON * expected + DBL_MIN) << v;
        expected_sum += y[Index(i)];
      }
      ASSERT_NEAR(sum, expected_sum, static_cast<double>(n) * DBL_EPSILON * expected_sum);
    }
  });
}

}  // namespace
}  // namespace crumb
