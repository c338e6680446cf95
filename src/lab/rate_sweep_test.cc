#include "lab/rate_sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "measure/early_stopping.h"

namespace crumb {
namespace {

using testing::ElementsAre;

// A run of so many requests, of which some are not within the bounds.
ServeLoadResult RunOf(int64_t requests, int64_t over, bool grows = false) {
  ServeLoadResult result;
  for (int64_t i = 0; i < requests; ++i) {
    const double seconds = grows ? 1 + static_cast<double>(i) : 0.5;
    RequestTimes times;
    times.scheduled = static_cast<double>(i);
    times.started = times.scheduled;
    times.tokens = {times.scheduled + seconds};
    result.run.times.push_back(times);
  }
  result.metrics.completed = requests;
  result.metrics.good = requests - over;
  return result;
}

// A server that keeps its bounds up to a rate.
std::function<Result<ServeLoadResult>(double)> ServerOf(double limit, std::vector<double>* seen) {
  return [limit, seen](double rate) -> Result<ServeLoadResult> {
    seen->push_back(rate);
    return RunOf(662, rate <= limit ? 0 : 300);
  };
}

TEST(JudgeRate, ThePercentileIsTheHighestThatSoManyRequestsCanShow) {
  EXPECT_EQ(JudgeRate(RunOf(662, 0)).percentile, 0.99);
  EXPECT_EQ(JudgeRate(RunOf(661, 0)).percentile, 0.95);
  EXPECT_EQ(JudgeRate(RunOf(64, 0)).percentile, 0.90);
  EXPECT_EQ(JudgeRate(RunOf(63, 0)).percentile, 0);
  EXPECT_FALSE(JudgeRate(RunOf(63, 0)).keeps);
}

TEST(JudgeRate, AsManyMayBeLateAsEarlyStoppingLetsPass) {
  EXPECT_TRUE(JudgeRate(RunOf(662, 1)).keeps);
  EXPECT_FALSE(JudgeRate(RunOf(662, 2)).keeps);
  const int64_t needed = UnderLatencyNeeded(0.99, 5) + 5;
  EXPECT_TRUE(JudgeRate(RunOf(needed, 5)).keeps);
  EXPECT_FALSE(JudgeRate(RunOf(needed - 1, 5)).keeps);
  EXPECT_FALSE(JudgeRate(RunOf(662, 0, true)).keeps);
}

TEST(RateSweep, BisectsBetweenTheLastGoodAndTheFirstBadRate) {
  std::vector<double> seen;
  const Result<Sweep> sweep = RunSweep({.rates = {2, 4, 8}}, ServerOf(5.3, &seen));
  ASSERT_TRUE(sweep.ok());
  EXPECT_THAT(std::vector<double>(seen.begin(), seen.begin() + 4), ElementsAre(2, 4, 8, 6));
  EXPECT_LE(*sweep->highest, 5.3);
  EXPECT_GT(*sweep->lowest_bad, 5.3);
  EXPECT_LE(*sweep->lowest_bad, 1.05 * *sweep->highest);
  EXPECT_TRUE(std::ranges::is_sorted(sweep->points, {}, &SweepPoint::rate));
  EXPECT_TRUE(sweep->kept_above_bad.empty());
}

TEST(RateSweep, SearchesUpAndDownWithoutRates) {
  for (const double limit : {0.07, 0.9, 1.5, 37.0}) {
    std::vector<double> seen;
    const Result<Sweep> sweep = RunSweep({}, ServerOf(limit, &seen));
    ASSERT_TRUE(sweep.ok());
    EXPECT_LE(*sweep->highest, limit);
    EXPECT_GT(*sweep->lowest_bad, limit);
    EXPECT_LE(*sweep->lowest_bad, 1.05 * *sweep->highest);
    EXPECT_LE(seen.size(), 16u);
  }
}

TEST(RateSweep, AllGoodOrAllBadHasOneEndOnly) {
  std::vector<double> seen;
  const Result<Sweep> good = RunSweep({.rates = {1, 2}}, ServerOf(9, &seen));
  EXPECT_EQ(good->highest, 2);
  EXPECT_FALSE(good->lowest_bad.has_value());
  const Result<Sweep> bad = RunSweep({.rates = {10, 20}}, ServerOf(9, &seen));
  EXPECT_FALSE(bad->highest.has_value());
  EXPECT_EQ(bad->lowest_bad, 10);
  EXPECT_EQ(seen.size(), 4u);
}

TEST(RateSweep, ARateThatHoldsAboveOneThatFailedIsTold) {
  const auto noisy = [](double rate) -> Result<ServeLoadResult> {
    return RunOf(662, rate == 2 ? 300 : 0);
  };
  const Result<Sweep> sweep = RunSweep({.rates = {1.99, 2, 4}}, noisy);
  EXPECT_EQ(sweep->highest, 1.99);
  EXPECT_THAT(sweep->kept_above_bad, ElementsAre(4));
}

TEST(RateSweep, StopsAfterTheMostRunsAndPassesErrorsOn) {
  std::vector<double> seen;
  ASSERT_TRUE(RunSweep({.precision = 1e-9, .most_runs = 7}, ServerOf(3.3, &seen)).ok());
  EXPECT_EQ(seen.size(), 7u);
  EXPECT_FALSE(RunSweep({.rates = {1, 1}}, ServerOf(3, &seen)).ok());
  EXPECT_FALSE(RunSweep({.rates = {0}}, ServerOf(3, &seen)).ok());
  const auto broken = [](double) -> Result<ServeLoadResult> { return Interrupted("stopped"); };
  EXPECT_EQ(RunSweep({}, broken).status().code(), StatusCode::kInterrupted);
}

TEST(ServeLoad, LengthIsJudgedWithTheNumbers) {
  EXPECT_THAT(LengthReasons(12.34, 100, 600),
              ElementsAre("12.3 s; 600 are the least", "100 requests; a p99 needs 662"));
  EXPECT_TRUE(LengthReasons(600, 662, 600).empty());
  EXPECT_EQ(RequestsForVerdict(0.5, 600), 662);
  EXPECT_EQ(RequestsForVerdict(10, 600), 6300);
}

}  // namespace
}  // namespace crumb
