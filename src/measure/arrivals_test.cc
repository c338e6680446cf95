#include "measure/arrivals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "measure/statistics.h"

namespace crumb {
namespace {

using testing::AllOf;
using testing::Each;
using testing::Ge;
using testing::Le;

TEST(Arrivals, TheSameSeedGivesTheSameTimesAndAnotherSeedOthers) {
  EXPECT_EQ(PoissonArrivals(3, 100, 1), PoissonArrivals(3, 100, 1));
  EXPECT_NE(PoissonArrivals(3, 100, 1), PoissonArrivals(3, 100, 2));
}

TEST(Arrivals, HalfTheRateIsTheSameScheduleInTwiceTheTime) {
  const std::vector<double> fast = PoissonArrivals(4, 50, 9);
  const std::vector<double> slow = PoissonArrivals(2, 50, 9);
  for (size_t i = 0; i < fast.size(); ++i) EXPECT_DOUBLE_EQ(slow[i], 2 * fast[i]);
}

// Gaps of an exponential have mean 1 / rate and standard deviation 1 / rate; of n gaps the mean is
// off by 1 / (rate sqrt n), the standard deviation by sqrt(2) times that (kurtosis 9). Four of
// these.
TEST(Arrivals, GapsAreExponential) {
  constexpr int64_t kCount = 20000;
  constexpr double kRate = 5;
  std::vector<double> gaps = PoissonArrivals(kRate, kCount, kScheduleSeed);
  std::adjacent_difference(gaps.begin(), gaps.end(), gaps.begin());
  EXPECT_THAT(gaps, Each(Ge(0)));
  const double error = 4 / (kRate * std::sqrt(kCount));
  EXPECT_NEAR(Mean(gaps), 1 / kRate, error);
  EXPECT_NEAR(std::sqrt(Variance(gaps)), 1 / kRate, std::sqrt(2) * error);
  // A share 1 - 1/e of them is shorter than the mean; its standard error is sqrt(p (1 - p) / n).
  const auto shorter = std::ranges::count_if(gaps, [](double gap) { return gap < 1 / kRate; });
  EXPECT_NEAR(static_cast<double>(shorter) / kCount, 1 - std::exp(-1), 4 * 0.0034);
}

TEST(Arrivals, LengthsKeepToTheirRangeAndReachItsEnds) {
  const std::vector<int64_t> lengths = DrawLengths(10, 0.3, 500, kSampleSeed);
  EXPECT_THAT(lengths, Each(AllOf(Ge(7), Le(13))));
  EXPECT_THAT(lengths, testing::Contains(7));
  EXPECT_THAT(lengths, testing::Contains(13));
  EXPECT_THAT(DrawLengths(10, 0, 5, 1), Each(10));
  EXPECT_THAT(DrawLengths(1, 1, 50, 1), Each(AllOf(Ge(1), Le(2))));
}

}  // namespace
}  // namespace crumb
