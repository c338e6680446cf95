#include "measure/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <string>

#include "base/rng.h"

namespace crumb {
namespace {

using Samples = std::vector<double>;

TEST(Mean, AndVarianceOfASmallSampleByHand) {
  const Samples x = {2, 4, 4, 4, 5, 5, 7, 9};  // mean 5, squares 9+1+1+1+0+0+4+16 = 32
  EXPECT_DOUBLE_EQ(Mean(x), 5);
  EXPECT_DOUBLE_EQ(Variance(x), 32.0 / 7);
  EXPECT_DOUBLE_EQ(StandardError(x), std::sqrt(32.0 / 7 / 8));
}

TEST(Variance, OfOneSampleIsZero) { EXPECT_EQ(Variance(Samples{3}), 0); }

TEST(Variance, KeepsItsDigitsFarFromZero) {
  EXPECT_DOUBLE_EQ(Variance(Samples{1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}), 30);
}

TEST(Quantile, InterpolatesLikeNumpy) {
  const Samples x = {4, 1, 3, 2};  // numpy.quantile(x, p)
  EXPECT_DOUBLE_EQ(Quantile(x, 0), 1);
  EXPECT_DOUBLE_EQ(Quantile(x, 0.25), 1.75);
  EXPECT_DOUBLE_EQ(Quantile(x, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(Quantile(x, 0.9), 3.7);
  EXPECT_DOUBLE_EQ(Quantile(x, 1), 4);
  EXPECT_DOUBLE_EQ(Quantile(Samples{7}, 0.3), 7);
  EXPECT_DOUBLE_EQ(Median(Samples{9, 1, 5}), 5);
}

TEST(StudentT, AgreesWithClosedForms) {
  // P(T < t) = 0.975: 1/2 + atan(t)/pi for one degree, t = a sqrt(2 / (1 - a^2)), a = 0.95, for
  // two.
  EXPECT_NEAR(StudentT975(1), std::tan(std::numbers::pi * 0.475), 1e-8);
  EXPECT_NEAR(StudentT975(2), 0.95 * std::sqrt(2 / (1 - 0.95 * 0.95)), 1e-9);
}

TEST(StudentT, AgreesWithTheTables) {
  const std::pair<int, double> table[] = {
      {3, 3.182446305284},  {4, 2.776445105198},  {5, 2.570581835636},   {9, 2.262157162799},
      {10, 2.228138851965}, {30, 2.042272456301}, {100, 1.983971518523}, {1000, 1.962339080793}};
  for (const auto& entry : table) {
    EXPECT_NEAR(StudentT975(entry.first), entry.second, 2e-10) << entry.first;
  }
}

TEST(StudentT, FallsTowardsTheNormalQuantileWithoutAJump) {
  for (const int64_t first : {1, 1950}) {
    for (int64_t degrees = first; degrees < first + 100; ++degrees) {
      ASSERT_GT(StudentT975(degrees), StudentT975(degrees + 1)) << degrees;
    }
  }
  // From one degree to the next it falls by (z^3 + z) / 4 / degrees^2 and terms of higher order,
  // also where the two ways to compute it meet.
  EXPECT_NEAR((StudentT975(2000) - StudentT975(2001)) * 2000 * 2001, 2.3723, 0.01);
  EXPECT_NEAR(StudentT975(int64_t{1} << 50), 1.959963984540054, 1e-12);
}

TEST(MeanInterval, OfFiveSamplesByHand) {
  // mean 3, variance 2.5, standard error sqrt(0.5), t = 2.776445
  const Interval interval = MeanInterval(Samples{1, 2, 3, 4, 5});
  EXPECT_NEAR(interval.low, 3 - 2.776445105198 * std::sqrt(0.5), 1e-9);
  EXPECT_NEAR(interval.high, 3 + 2.776445105198 * std::sqrt(0.5), 1e-9);
}

TEST(MedianInterval, TakesTheTabledOrderStatistics) {
  // Ranks of the 95 % interval (Conover 1999, table A3 by the binomial): n = 9: 2nd and 8th,
  // n = 20: 6th and 15th, n = 100: 40th and 61st.
  const auto of = [](int n) {
    Samples x;
    for (int i = n; i >= 1; --i) x.push_back(i);
    return MedianInterval(x);
  };
  for (int n = 1; n <= 8; ++n) {
    EXPECT_EQ(of(n).low, 1) << n;
    EXPECT_EQ(of(n).high, n) << n;
  }
  EXPECT_EQ(of(9).low, 2);
  EXPECT_EQ(of(9).high, 8);
  EXPECT_EQ(of(20).low, 6);
  EXPECT_EQ(of(20).high, 15);
  EXPECT_EQ(of(100).low, 40);
  EXPECT_EQ(of(100).high, 61);
}

TEST(MedianInterval, IsNarrowForManySamples) {
  // The rank is n/2 - 1.96 sqrt(n)/2 and a remainder of order 1; 2^-n itself is not a double.
  Samples x(5000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i + 1);
  const Interval interval = MedianInterval(x);
  EXPECT_NEAR(interval.low, 2500 - 0.98 * std::sqrt(5000), 1.5);
  EXPECT_DOUBLE_EQ(interval.low + interval.high, 5001);
}

TEST(ClusterMean, OfEqualClustersIsTheMeanOfTheirMeans) {
  const Samples sums = {10, 20, 60};
  const Samples counts = {10, 10, 10};
  const Estimate estimate = ClusterMean(sums, counts);
  const Samples means = {1, 2, 6};
  EXPECT_DOUBLE_EQ(estimate.value, 3);
  EXPECT_NEAR(estimate.standard_error, StandardError(means), 1e-15);
  EXPECT_NEAR(estimate.interval.low, MeanInterval(means).low, 1e-12);
  EXPECT_NEAR(estimate.interval.high, MeanInterval(means).high, 1e-12);
}

TEST(ClusterMean, OfUnequalClustersByHand) {
  // 12 / 6 = 2; residuals 3 - 2*1, 9 - 2*5 = 1, -1; 2/1 * 2 / 36
  const Estimate estimate = ClusterMean(Samples{3, 9}, Samples{1, 5});
  EXPECT_DOUBLE_EQ(estimate.value, 2);
  EXPECT_DOUBLE_EQ(estimate.standard_error, std::sqrt(4.0 / 36));
  EXPECT_NEAR(estimate.interval.high, 2 + StudentT975(1) / 3, 1e-12);
}

TEST(ClusterMean, OfOneClusterHasNoSpread) {
  const Estimate estimate = ClusterMean(Samples{6}, Samples{3});
  EXPECT_DOUBLE_EQ(estimate.value, 2);
  EXPECT_EQ(estimate.standard_error, 0);
  EXPECT_EQ(estimate.interval.low, estimate.interval.high);
}

TEST(Pearson, ByHandAndConstantSideIsZero) {
  // deviations (-1, 0, 1) and (-4/3, -1/3, 5/3): 3 / sqrt(2 * 42/9)
  EXPECT_NEAR(PearsonCorrelation(Samples{1, 2, 3}, Samples{1, 2, 4}), 3 / std::sqrt(2 * 42.0 / 9),
              1e-15);
  EXPECT_EQ(PearsonCorrelation(Samples{1, 2, 3}, Samples{5, 5, 5}), 0);
  EXPECT_NEAR(PearsonCorrelation(Samples{1, 2, 3}, Samples{30, 20, 10}), -1, 1e-15);
}

TEST(Spearman, WithoutTiesIsTheTextbookFormula) {
  // 1 - 6 sum d^2 / (n (n^2 - 1)); ranks of y: 1 3 2 5 4, sum d^2 = 4, n = 5
  EXPECT_NEAR(SpearmanCorrelation(Samples{1, 2, 3, 4, 5}, Samples{10, 30, 20, 1000, 40}),
              1 - 6 * 4.0 / (5 * 24), 1e-15);
}

TEST(Spearman, GivesTiesTheirMeanRank) {
  // ranks x: 1 2.5 2.5 4, y: 1 2 3 4; deviations (-1.5, 0, 0, 1.5) and (-1.5, -.5, .5, 1.5):
  // 4.5 / sqrt(4.5 * 5)
  EXPECT_NEAR(SpearmanCorrelation(Samples{1, 2, 2, 3}, Samples{1, 2, 3, 4}),
              4.5 / std::sqrt(4.5 * 5), 1e-15);
}

TEST(Spearman, SeesOnlyTheOrder) {
  Rng rng(5);
  Samples x;
  Samples y;
  Samples grown;
  for (int i = 0; i < 50; ++i) {
    x.push_back(rng.Gaussian());
    y.push_back(x.back() + rng.Gaussian());
    grown.push_back(std::exp(y.back()));
  }
  EXPECT_DOUBLE_EQ(SpearmanCorrelation(x, y), SpearmanCorrelation(x, grown));
}

TEST(SpearmanInterval, IsTheSameForTheSameSeed) {
  const Samples x = {1, 2, 3, 4, 5, 6, 7, 8};
  const Samples y = {2, 1, 4, 3, 6, 5, 8, 7};
  const Interval a = SpearmanInterval(x, y, 200, 1);
  const Interval b = SpearmanInterval(x, y, 200, 1);
  const Interval c = SpearmanInterval(x, y, 200, 2);
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  EXPECT_TRUE(a.low != c.low || a.high != c.high);
  EXPECT_LE(a.low, SpearmanCorrelation(x, y));
  EXPECT_GE(a.high, SpearmanCorrelation(x, y));
}

TEST(Wilson, AgreesWithPublishedValues) {
  const auto expect = [](int64_t successes, int64_t n, double low, double high) {
    const Interval interval = WilsonInterval(successes, n);
    EXPECT_NEAR(interval.low, low, 5e-6) << successes << "/" << n;
    EXPECT_NEAR(interval.high, high, 5e-6) << successes << "/" << n;
  };
  expect(81, 100, 0.72221, 0.87485);
  expect(0, 100, 0, 0.03699);  // 3.8415 / 103.8415 = 0.036994
  expect(577, 1319, 0.41090, 0.46437);
  expect(100, 100, 1 - 0.036994, 1);
}

// How often 95 % intervals hold the truth, over many samples with a fixed seed. 4000 trials put the
// observed share within 0.007 of the true one (two standard errors).
class Coverage : public testing::Test {
 protected:
  template <typename F>
  static double Share(int trials, F&& holds_truth) {
    Rng rng(20261122);
    int held = 0;
    for (int trial = 0; trial < trials; ++trial) held += holds_truth(rng) ? 1 : 0;
    return static_cast<double>(held) / trials;
  }
  static bool Holds(const Interval& interval, double truth) {
    return interval.low <= truth && truth <= interval.high;
  }
};

TEST_F(Coverage, OfTheMean) {
  for (const size_t n : {size_t{3}, size_t{9}, size_t{40}}) {
    const double share = Share(4000, [n](Rng& rng) {
      Samples x(n);
      for (double& value : x) value = 2 + 3 * rng.Gaussian();
      return Holds(MeanInterval(x), 2);
    });
    EXPECT_GT(share, 0.93) << n;
    EXPECT_LT(share, 0.97) << n;
  }
}

TEST_F(Coverage, OfTheMedianIsWhatTheBinomialSays) {
  // Of a skewed distribution (exponential, median ln 2), with the exact coverage for this n.
  const std::pair<size_t, double> exact[] = {{5, 0.9375}, {9, 0.9609}, {20, 0.9586}};
  for (const auto& entry : exact) {
    const double share = Share(4000, [&](Rng& rng) {
      Samples x(entry.first);
      for (double& value : x) value = -std::log(1 - rng.Uniform());
      return Holds(MedianInterval(x), std::numbers::ln2);
    });
    EXPECT_NEAR(share, entry.second, 0.01) << entry.first;
  }
}

TEST_F(Coverage, OfTheClusteredMean) {
  // Tokens of a window share an effect of the window: taken as independent they would cover far
  // less.
  const double share = Share(4000, [](Rng& rng) {
    Samples sums;
    Samples counts;
    for (int window = 0; window < 25; ++window) {
      const auto tokens = static_cast<double>(20 + rng.Below(20));
      const double effect = 0.5 * rng.Gaussian();
      sums.push_back(tokens * (3 + effect) + std::sqrt(tokens) * rng.Gaussian());
      counts.push_back(tokens);
    }
    return Holds(ClusterMean(sums, counts).interval, 3);
  });
  EXPECT_GT(share, 0.93);
  EXPECT_LT(share, 0.97);
}

TEST_F(Coverage, OfAShare) {
  const double share = Share(4000, [](Rng& rng) {
    int64_t successes = 0;
    for (int i = 0; i < 200; ++i) successes += rng.Uniform() < 0.85 ? 1 : 0;
    return Holds(WilsonInterval(successes, 200), 0.85);
  });
  EXPECT_GT(share, 0.93);
  EXPECT_LT(share, 0.97);
}

TEST_F(Coverage, OfTheRankCorrelation) {
  // Bivariate normal with correlation r: Spearman's is 6/pi asin(r/2). 300 trials: within 0.026.
  const double r = 0.8;
  const double truth = 6 / std::numbers::pi * std::asin(r / 2);
  const double share = Share(300, [&](Rng& rng) {
    Samples x;
    Samples y;
    for (int i = 0; i < 80; ++i) {
      x.push_back(rng.Gaussian());
      y.push_back(r * x.back() + std::sqrt(1 - r * r) * rng.Gaussian());
    }
    return Holds(SpearmanInterval(x, y, 200, rng.Next()), truth);
  });
  EXPECT_GT(share, 0.91);
  EXPECT_LT(share, 0.98);
}

}  // namespace
}  // namespace crumb
