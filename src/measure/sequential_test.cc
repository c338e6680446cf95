#include "measure/sequential.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/rng.h"
#include "measure/statistics.h"

namespace crumb {
namespace {

TEST(CheckSplit, TellsABrokenAssignmentFromChance) {
  const SplitCheck broken = CheckSplit(9400, 600, 0.05);
  EXPECT_NEAR(broken.chi_square, 21.05, 0.005);
  EXPECT_NEAR(broken.p, 4.47e-6, 5e-9);
  const SplitCheck fine = CheckSplit(9470, 530, 0.05);
  EXPECT_NEAR(fine.chi_square, 1.895, 5e-4);
  EXPECT_NEAR(fine.p, 0.169, 5e-4);
  EXPECT_DOUBLE_EQ(CheckSplit(50, 50, 0.5).p, 1);
}

TEST(ConfidenceSequence, HasThePublishedWidth) {
  EXPECT_NEAR(ConfidenceSequenceHalfWidth(0.25, 10000, 0.05, 5000), 0.015307, 5e-7);
  EXPECT_NEAR(1.959964 * std::sqrt(0.25 / 10000), 0.0098, 5e-5);  // of one look alone
}

TEST(MixtureSprt, HasThePublishedP) {
  EXPECT_NEAR(MixtureSprtP(0.02, 2.5e-5, 1e-4), 0.003715, 5e-7);
  EXPECT_EQ(MixtureSprtP(0, 2.5e-5, 1e-4), 1);
}

// A fair experiment of 3000 observations, looked at every 50 from the 200th on.
template <typename Look>
double ShareOfRunsWith(uint64_t seed, const Look& look) {
  Rng rng(seed);
  constexpr int kRuns = 2000;
  int found = 0;
  for (int run = 0; run < kRuns; ++run) {
    double sum = 0;
    double squares = 0;
    for (int n = 1; n <= 3000; ++n) {
      const double x = rng.Uniform() < 0.4 ? 1 : 0;
      sum += x;
      squares += x * x;
      if (n < 200 || n % 50 != 0) continue;
      const double mean = sum / n;
      if (look(mean - 0.4, squares / n - mean * mean, n)) {
        ++found;
        break;
      }
    }
  }
  return static_cast<double>(found) / kRuns;
}

TEST(ConfidenceSequence, HoldsTheTruthAtEveryLookInNinetyFivePercentOfRuns) {
  const double missed = ShareOfRunsWith(21, [](double error, double variance, int n) {
    return std::abs(error) > ConfidenceSequenceHalfWidth(variance, n, 0.05, 1500);
  });
  EXPECT_LE(missed, 0.055);
  // An interval of one look, looked at as often, does not.
  const double fixed = ShareOfRunsWith(22, [](double error, double variance, int n) {
    return std::abs(error) > 1.959964 * std::sqrt(variance / n);
  });
  EXPECT_GT(fixed, 0.15);
}

TEST(MixtureSprt, RejectsATrueNullInAtMostFivePercentOfRunsHoweverOftenOneLooks) {
  const double rejected = ShareOfRunsWith(23, [](double error, double variance, int n) {
    return MixtureSprtP(error, variance / n, 4e-4) <= 0.05;
  });
  EXPECT_LE(rejected, 0.055);
}

TEST(AdjustForCovariate, LeavesTheMeanAndTakesTheVarianceThatTheCovariateExplains) {
  Rng rng(24);
  std::vector<double> x(5000);
  std::vector<double> y(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = rng.Gaussian();
    y[i] = 3 + 2 * x[i] + rng.Gaussian();  // four of five parts explained
  }
  const CovariateAdjustment adjustment = AdjustForCovariate(y, x);
  EXPECT_NEAR(adjustment.theta, 2, 0.06);  // three standard errors: 3 / sqrt(5000)
  EXPECT_NEAR(adjustment.variance_ratio, 0.2, 0.02);
  std::vector<double> adjusted(x.size());
  const double mean_x = Mean(x);
  for (size_t i = 0; i < x.size(); ++i) adjusted[i] = y[i] - adjustment.theta * (x[i] - mean_x);
  EXPECT_NEAR(Mean(adjusted), Mean(y), 1e-9);
  EXPECT_NEAR(Variance(adjusted) / Variance(y), adjustment.variance_ratio, 1e-9);
  EXPECT_EQ(AdjustForCovariate(std::vector<double>{1, 1}, std::vector<double>{1, 2}).theta, 0);
}

}  // namespace
}  // namespace crumb
