#include "measure/comparison.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"

namespace crumb {
namespace {

// Published values, rounded to the digits given.
TEST(McNemar, GivesTheExactProbabilitiesOfKnownSplits) {
  EXPECT_NEAR(McNemarExact(15, 5), 0.04139, 5e-6);
  EXPECT_NEAR(McNemarExact(40, 25), 0.08168, 5e-6);
  EXPECT_DOUBLE_EQ(McNemarExact(10, 10), 1);
  EXPECT_DOUBLE_EQ(McNemarExact(0, 0), 1);
  EXPECT_NEAR(McNemarExact(0, 6), 2.0 / 64, 1e-15);  // both tails of six heads in a row
  EXPECT_DOUBLE_EQ(McNemarExact(5, 15), McNemarExact(15, 5));
}

TEST(McNemar, DoesNotUnderflowWithThousandsOfFlips) {
  // Normal approximation with continuity correction: z = 199 / sqrt(5000) = 2.8143, p = 0.004888.
  EXPECT_NEAR(McNemarExact(2600, 2400), 0.004888, 2e-5);
}

TEST(PairedCounts, PutEachItemIntoOneCell) {
  const PairedCounts counts =
      CountPairs({true, true, false, false, true}, {true, false, true, false, false});
  EXPECT_EQ(counts.both_right, 1);
  EXPECT_EQ(counts.only_a, 2);
  EXPECT_EQ(counts.only_b, 1);
  EXPECT_EQ(counts.both_wrong, 1);
  EXPECT_EQ(counts.flips(), 3);
  EXPECT_EQ(counts.items(), 5);
}

TEST(PairedShareDifference, OfOneModelWithItselfIsZeroAndStillHasAWidth) {
  const Estimate same = PairedShareDifference({.both_right = 60, .both_wrong = 40});
  EXPECT_EQ(same.value, 0);
  EXPECT_EQ(same.standard_error, 0);
  EXPECT_LT(same.interval.low, 0);  // a hundred equal items do not show that all items are
  EXPECT_GT(same.interval.high, 0);
}

TEST(HolmAdjust, MultipliesTheSmallestByTheNumberOfTestsAndKeepsTheOrder) {
  const std::vector<double> adjusted = HolmAdjust(std::vector<double>{0.04, 0.01, 0.03, 0.5});
  EXPECT_DOUBLE_EQ(adjusted[1], 0.04);
  EXPECT_DOUBLE_EQ(adjusted[2], 0.09);
  EXPECT_DOUBLE_EQ(adjusted[0], 0.09);  // 2 x 0.04 is less than the one before it in rank
  EXPECT_DOUBLE_EQ(adjusted[3], 0.5);
  EXPECT_TRUE(HolmAdjust(std::vector<double>{}).empty());
}

TEST(HolmAdjust, FindsNothingInNoiseNineteenTimesOfTwenty) {
  Rng rng(3);
  int families_with_a_finding = 0;
  constexpr int kFamilies = 4000;
  for (int family = 0; family < kFamilies; ++family) {
    std::vector<double> p(5);
    for (double& value : p) value = rng.Uniform();
    for (const double value : HolmAdjust(p)) {
      if (value <= 0.05) {
        ++families_with_a_finding;
        break;
      }
    }
  }
  // At most 5 %; three standard errors of 4000 families are 1.1 %.
  EXPECT_LT(families_with_a_finding, 0.061 * kFamilies);
  EXPECT_GT(families_with_a_finding, 0.035 * kFamilies);  // and it is not blind
}

// Pairs of models whose items flip at given rates.
struct Rates {
  double only_a;
  double only_b;
  double both;
};
PairedCounts Draw(const Rates& rates, int64_t n, Rng& rng) {
  PairedCounts counts;
  for (int64_t i = 0; i < n; ++i) {
    const double u = rng.Uniform();
    if (u < rates.only_a) {
      ++counts.only_a;
    } else if (u < rates.only_a + rates.only_b) {
      ++counts.only_b;
    } else if (u < rates.only_a + rates.only_b + rates.both) {
      ++counts.both_right;
    } else {
      ++counts.both_wrong;
    }
  }
  return counts;
}

// The promise: intervals called 95 % hold the truth in 93 to 97 % of samples over a grid of rates
// that quantized models show, from 50 items on, and nowhere in less than 93 %. At 50 items and
// seven flips the steps of a count make it up to 97.5 %. 4000 samples have a standard error of 0.35
// %.
TEST(PairedShareDifference, CoversTheTruthInNinetyFivePercentOfSamples) {
  Rng rng(11);
  constexpr int kSamples = 4000;
  double sum = 0;
  int cells = 0;
  for (const int64_t n : {50, 100, 200, 1000}) {
    for (const Rates& rates : {Rates{.10, .05, .40}, Rates{.08, .08, .50}, Rates{.20, .10, .30},
                               Rates{.25, .25, .25}, Rates{.30, .05, .30}}) {
      const double truth = rates.only_b - rates.only_a;
      int covered = 0;
      for (int sample = 0; sample < kSamples; ++sample) {
        const Interval interval = PairedShareDifference(Draw(rates, n, rng)).interval;
        covered += interval.low <= truth && truth <= interval.high ? 1 : 0;
      }
      const double share = static_cast<double>(covered) / kSamples;
      EXPECT_GE(share, 0.93) << "n " << n << " rates " << rates.only_a << " " << rates.only_b;
      EXPECT_LE(share, 0.98) << "n " << n << " rates " << rates.only_a << " " << rates.only_b;
      sum += share;
      ++cells;
    }
  }
  EXPECT_NEAR(sum / cells, 0.95, 0.01);
}

TEST(McNemar, RejectsATrueNullAtMostFivePercentOfTheTime) {
  Rng rng(12);
  for (const int64_t n : {50, 200}) {
    int rejected = 0;
    constexpr int kSamples = 4000;
    for (int sample = 0; sample < kSamples; ++sample) {
      const PairedCounts counts = Draw({.1, .1, .4}, n, rng);
      rejected += McNemarExact(counts.only_a, counts.only_b) <= 0.05 ? 1 : 0;
    }
    EXPECT_LE(rejected, 0.055 * kSamples);  // exact tests err on the safe side
  }
}

TEST(WilsonIntervalSimulation, CoversTheTruthInNinetyFivePercentOfSamples) {
  Rng rng(13);
  constexpr int kSamples = 4000;
  double sum = 0;
  int cells = 0;
  for (const int64_t n : {50, 200, 1000}) {
    for (const double rate : {.05, .1, .25, .43, .5, .67, .9}) {
      int covered = 0;
      for (int sample = 0; sample < kSamples; ++sample) {
        int64_t right = 0;
        for (int64_t i = 0; i < n; ++i) right += rng.Uniform() < rate ? 1 : 0;
        const Interval interval = WilsonInterval(right, n);
        covered += interval.low <= rate && rate <= interval.high ? 1 : 0;
      }
      const double share = static_cast<double>(covered) / kSamples;
      EXPECT_GE(share, 0.93) << "n " << n << " rate " << rate;
      EXPECT_LE(share, 0.975) << "n " << n << " rate " << rate;  // steps of a count, at n = 50
      sum += share;
      ++cells;
    }
  }
  EXPECT_NEAR(sum / cells, 0.95, 0.01);
}

TEST(ClusteredMean, CoversTheTruthWhereItemsShareAPassageAndTheNaiveOneDoesNot) {
  Rng rng(14);
  constexpr int kSamples = 3000;
  constexpr int kPassages = 60;
  constexpr int kItems = 4;
  int clustered = 0;
  int naive = 0;
  for (int sample = 0; sample < kSamples; ++sample) {
    std::vector<double> x;
    std::vector<int64_t> passage;
    for (int p = 0; p < kPassages; ++p) {
      const double hardness = rng.Uniform();  // of the passage; the mean over passages is 1/2
      for (int i = 0; i < kItems; ++i) {
        x.push_back(rng.Uniform() < hardness ? 1 : 0);
        passage.push_back(p);
      }
    }
    const Interval with = ClusteredMean(x, passage).interval;
    const Interval without = ClusteredMean(x, {}).interval;
    clustered += with.low <= 0.5 && 0.5 <= with.high ? 1 : 0;
    naive += without.low <= 0.5 && 0.5 <= without.high ? 1 : 0;
  }
  EXPECT_GE(clustered, 0.93 * kSamples);
  EXPECT_LE(clustered, 0.97 * kSamples);
  EXPECT_LT(naive, 0.91 * kSamples);  // a third of the variance is between passages
}

TEST(ClusteredMean, WithoutClustersIsTheMeanWithStudentsInterval) {
  const std::vector<double> x = {1, 2, 4, 7};
  const Estimate estimate = ClusteredMean(x, {});
  EXPECT_DOUBLE_EQ(estimate.value, Mean(x));
  EXPECT_NEAR(estimate.standard_error, StandardError(x), 1e-15);
  EXPECT_NEAR(estimate.interval.low, MeanInterval(x).low, 1e-12);
}

TEST(BootstrapMeanInterval, CoversTheTruthAndIsTheSameForTheSameSeed) {
  Rng rng(15);
  constexpr int kSamples = 1000;  // standard error of the share 0.7 %
  int covered = 0;
  for (int sample = 0; sample < kSamples; ++sample) {
    std::vector<double> x(100);
    for (double& value : x) value = -std::log(1 - rng.Uniform());  // skewed, mean 1
    const Interval interval = BootstrapMeanInterval(x, 400, static_cast<uint64_t>(sample));
    covered += interval.low <= 1 && 1 <= interval.high ? 1 : 0;
    if (sample == 0) {
      const Interval again = BootstrapMeanInterval(x, 400, 0);
      EXPECT_EQ(again.low, interval.low);
      EXPECT_EQ(again.high, interval.high);
    }
  }
  EXPECT_GE(covered, 0.915 * kSamples);  // 93 % less two standard errors
  EXPECT_LE(covered, 0.985 * kSamples);
}

TEST(DetectableShareDifference, IsFoundInFourOfFiveSamples) {
  Rng rng(16);
  for (const int64_t n : {200, 1000}) {
    const double discordant = 0.2;
    const auto flips = static_cast<int64_t>(discordant * static_cast<double>(n));
    const double d = DetectableShareDifference(flips, n);
    const Rates rates = {(discordant + d) / 2, (discordant - d) / 2, .3};
    int found = 0;
    constexpr int kSamples = 4000;
    for (int sample = 0; sample < kSamples; ++sample) {
      const Interval interval = PairedShareDifference(Draw(rates, n, rng)).interval;
      found += interval.high < 0 ? 1 : 0;
    }
    EXPECT_NEAR(static_cast<double>(found) / kSamples, 0.8, 0.04) << n;
  }
}

TEST(DetectableShareDifference, IsNeverLessThanSixItemsAndShrinksWithMore) {
  EXPECT_DOUBLE_EQ(DetectableShareDifference(0, 200), 6.0 / 200);
  EXPECT_LT(DetectableShareDifference(200, 1000), DetectableShareDifference(40, 200));
  EXPECT_LE(DetectableShareDifference(1, 1), 1);
}

}  // namespace
}  // namespace crumb
