#include "measure/early_stopping.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/rng.h"

namespace crumb {
namespace {

// The numbers of queries that MLPerf's rule gives with a confidence of 99 %.
TEST(EarlyStopping, NeedsAsManyQueriesAsMlperf) {
  const int64_t over[] = {0, 1, 2, 5};
  const struct {
    double percentile;
    int64_t under[4];
  } cases[] = {
      {0.90, {44, 63, 79, 122}}, {0.99, {459, 661, 836, 1302}}, {0.999, {4603, 6635, 8401, 13100}}};
  for (const auto& c : cases) {
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(UnderLatencyNeeded(c.percentile, over[i]), c.under[i]) << c.percentile << " " << i;
    }
  }
  EXPECT_EQ(QueriesNeeded(0.50), 11);
  EXPECT_EQ(QueriesNeeded(0.90), 64);
  EXPECT_EQ(QueriesNeeded(0.95), 130);
  EXPECT_EQ(QueriesNeeded(0.99), 662);
}

TEST(EarlyStopping, OneQueryFewerIsTooFew) {
  EXPECT_LE(BinomialAtMost(1, 662, 0.01), 0.01);
  EXPECT_GT(BinomialAtMost(1, 661, 0.01), 0.01);
}

TEST(EarlyStopping, BinomialIsExactWhereItCanBeCountedByHand) {
  // Four coins: 1 + 4 + 6 of 16. lgamma is good to some units in the last place.
  EXPECT_NEAR(BinomialAtMost(2, 4, 0.5), 11.0 / 16, 1e-14);
  EXPECT_NEAR(BinomialAtMost(4, 4, 0.5), 1, 1e-14);
  EXPECT_EQ(BinomialAtMost(-1, 4, 0.5), 0);
}

TEST(EarlyStopping, TheConservativeQuantileOf662IsTheirMaximum) {
  std::vector<double> values(662);
  std::iota(values.begin(), values.end(), 1);
  EXPECT_EQ(ConservativeQuantile(values, 0.99), 662);
  values.pop_back();
  EXPECT_FALSE(ConservativeQuantile(values, 0.99).has_value());
  EXPECT_FALSE(ConservativeQuantile({}, 0.5).has_value());
  std::vector<double> more(836 + 2);  // two may be over: the second largest
  std::iota(more.begin(), more.end(), 1);
  EXPECT_EQ(ConservativeQuantile(more, 0.99), 837);
}

// The bound must lie above the true quantile in at least 99 of 100 runs; 2000 runs have a standard
// error of 0.22 points, so 98.3 % is three of them below.
TEST(EarlyStopping, TheConservativeQuantileIsAboveTheTrueOneAsOftenAsItSays) {
  Rng rng(7);
  const double truth = -std::log(1 - 0.9);  // of the exponential distribution
  int above = 0;
  constexpr int kRuns = 2000;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> values(200);
    for (double& value : values) value = -std::log1p(-rng.Uniform());
    std::sort(values.begin(), values.end());
    above += ConservativeQuantile(values, 0.9).value() >= truth ? 1 : 0;
  }
  EXPECT_GE(above, static_cast<int>(0.983 * kRuns));
}

}  // namespace
}  // namespace crumb
