#include "scoring/score.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "scoring/auc.h"
#include "scoring/bleu.h"
#include "scoring/squad.h"

namespace crumb {
namespace {

const Scorer& MeanOfItems() {
  static const Scorer scorer = SquadF1Scorer(SquadRules::kEnglish);
  return scorer;
}

ScoreRows Rows(std::vector<double> values, size_t width = 1) {
  return {.width = width, .values = std::move(values)};
}

TEST(ScoreFile, OfRightAndWrongItemsHasWilsonsInterval) {
  std::vector<double> values(100, 1.0);
  std::fill_n(values.begin(), 19, 0.0);
  const Result<FileScore> score = ScoreFile(MeanOfItems(), Rows(values));
  ASSERT_TRUE(score.ok());
  EXPECT_TRUE(score->wilson);
  EXPECT_DOUBLE_EQ(score->value, 0.81);
  EXPECT_NEAR(score->interval.low, 0.72221, 5e-6);
  EXPECT_NEAR(score->interval.high, 0.87485, 5e-6);
}

TEST(ScoreFile, WithPartialScoresIsResampledAndTheSameEachTime) {
  const ScoreRows rows = Rows({0, 0.25, 0.5, 1, 1, 0.75});
  const Result<FileScore> score = ScoreFile(MeanOfItems(), rows);
  ASSERT_TRUE(score.ok());
  EXPECT_FALSE(score->wilson);
  EXPECT_LT(score->interval.low, score->value);
  EXPECT_GT(score->interval.high, score->value);
  EXPECT_EQ(score->interval.low, ScoreFile(MeanOfItems(), rows)->interval.low);
}

TEST(ScoreFile, OfOneClassHasNoAuc) {
  const Result<FileScore> score = ScoreFile(AucScorer(), Rows({1, 0.5, 1, 0.7}, 2));
  ASSERT_FALSE(score.ok());
  EXPECT_EQ(score.status().code(), StatusCode::kCorrupt);
}

TEST(CompareScores, CountsFlipsAndTestsThemExactly) {
  // 15 lost, 5 won, 80 unchanged: McNemar p = 0.04139.
  std::vector<double> reference(100, 1.0);
  std::vector<double> rows(100, 1.0);
  for (size_t i = 0; i < 15; ++i) rows[i] = 0;
  for (size_t i = 15; i < 20; ++i) reference[i] = 0;
  const PairedScore paired = CompareScores(MeanOfItems(), Rows(reference), Rows(rows));
  ASSERT_TRUE(paired.counts.has_value());
  EXPECT_EQ(paired.counts->only_a, 15);
  EXPECT_EQ(paired.counts->only_b, 5);
  EXPECT_EQ(paired.changed, 20);
  EXPECT_NEAR(*paired.p, 0.04139, 5e-6);
  EXPECT_DOUBLE_EQ(paired.difference, -0.10);
}

TEST(CompareScores, OfAFileWithItselfFindsNothingAndNoSpread) {
  const ScoreRows rows = Rows({0, 0.25, 0.5, 1, 1, 0.75});
  const PairedScore paired = CompareScores(MeanOfItems(), rows, rows);
  EXPECT_EQ(paired.difference, 0);
  EXPECT_EQ(paired.changed, 0);
  EXPECT_FALSE(paired.detectable.has_value());
}

TEST(CompareScores, OfPairsIsNarrowerThanTheTwoIntervals) {
  // The same items, hard for both: the difference varies less than either score.
  Rng rng(3);
  std::vector<double> reference;
  std::vector<double> rows;
  for (int i = 0; i < 200; ++i) {
    const double hardness = rng.Uniform();
    reference.push_back(hardness);
    rows.push_back(hardness * 0.9);
  }
  const PairedScore paired = CompareScores(MeanOfItems(), Rows(reference), Rows(rows));
  const FileScore alone = *ScoreFile(MeanOfItems(), Rows(rows));
  EXPECT_LT(paired.interval.high - paired.interval.low,
            0.2 * (alone.interval.high - alone.interval.low));
  EXPECT_LT(paired.interval.high, 0);
}

// How often the interval of a sample has the truth in it.
template <typename Draw>
double Coverage(const Scorer& scorer, size_t n, size_t width, double truth, Draw draw) {
  constexpr int kTrials = 1000;
  Rng rng(17);
  int covered = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    ScoreRows rows = Rows({}, width);
    for (size_t i = 0; i < n; ++i) draw(rng, rows.values);
    const FileScore score = *ScoreFile(scorer, rows);
    covered += score.interval.low <= truth && truth <= score.interval.high ? 1 : 0;
  }
  return static_cast<double>(covered) / kTrials;
}

// An interval of 95 % that is approximate covers 93 to 97 %. A share of 1000 trials has a standard
// error of 0.7 % itself, and three of these are allowed on top.
constexpr double kLeast = 0.93 - 0.021;
constexpr double kMost = 0.97 + 0.021;

// Items of which half are right or wrong and half lie evenly around the rate, as token F1 does.
// Near 0 and 1 the resampling of 50 items covers less (docs/scoring.md has figures).
TEST(ScoreFileSimulation, OfPartialScoresCoversTheTruth) {
  for (const double rate : {0.2, 0.5, 0.8}) {
    for (const size_t n : {50, 200}) {
      const double coverage = Coverage(MeanOfItems(), n, 1, rate, PartialScores(rate));
      EXPECT_GE(coverage, kLeast) << rate << " " << n;
      EXPECT_LE(coverage, kMost) << rate << " " << n;
    }
  }
}

TEST(ScoreFileSimulation, OfPartialScoresNearTheEndsCoversLessAsTheDocumentSays) {
  for (const double rate : {0.1, 0.9}) {
    EXPECT_NEAR(Coverage(MeanOfItems(), 50, 1, rate, PartialScores(rate)), 0.91, 0.021) << rate;
  }
}

TEST(ScoreFileSimulation, OfAnAucCoversTheTruth) {
  // Scores of the positives are shifted by one standard deviation: AUC = Phi(1 / sqrt 2).
  const double truth = 0.5 * std::erfc(-0.5);
  const auto draw = [](Rng& rng, std::vector<double>& values) {
    const double label = rng.Uniform() < 0.5 ? 1 : 0;
    values.push_back(label);
    values.push_back(rng.Gaussian() + label);
  };
  const double coverage = Coverage(AucScorer(), 50, 2, truth, draw);
  EXPECT_GE(coverage, kLeast);
  EXPECT_LE(coverage, kMost);
}

}  // namespace
}  // namespace crumb
