#include "eval/score_logits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/rng.h"

namespace crumb {
namespace {

std::vector<float> Logits(size_t n, uint64_t seed, double spread) {
  Rng rng(seed);
  std::vector<float> logits(n);
  for (float& x : logits) x = static_cast<float>(rng.Gaussian() * spread);
  return logits;
}

std::vector<double> ExactLogSoftmax(const std::vector<float>& logits) {
  double maximum = -1e300;
  for (const float x : logits) maximum = std::max(maximum, static_cast<double>(x));
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - maximum);
  std::vector<double> exact;
  for (const float x : logits) exact.push_back(static_cast<double>(x) - maximum - std::log(sum));
  return exact;
}

// The bound of the header, on sizes that end in the middle of lanes and blocks.
TEST(LogSoftmax, IsWithinTheStatedErrorOfDoubleArithmetic) {
  for (const size_t n : {1u, 2u, 15u, 16u, 17u, 255u, 256u, 257u, 1000u, 49152u}) {
    for (const double spread : {0.0, 1.0, 8.0, 60.0}) {
      const std::vector<float> logits = Logits(n, n, spread);
      const std::vector<double> exact = ExactLogSoftmax(logits);
      std::vector<float> out(n);
      const double log_sum = LogSoftmax(logits, out);
      for (size_t i = 0; i < n; ++i) {
        ASSERT_NEAR(out[i], exact[i], 3e-6 + 0x1p-23 * std::fabs(exact[i])) << n << " " << spread;
        ASSERT_NEAR(static_cast<double>(logits[i]) - log_sum, exact[i], 3e-6);
      }
    }
  }
}

TEST(LogSoftmax, ExtremeLogitsStayFinite) {
  std::vector<float> logits = {3e38f, -3e38f, 0.0f};
  std::vector<float> out(3);
  EXPECT_EQ(LogSoftmax(logits, out), static_cast<double>(3e38f));
  EXPECT_EQ(out[0], 0.0f);
  EXPECT_EQ(out[1], -1e30f);
  std::vector<float> reversed = {-3e38f, 3e38f, 0.0f};
  std::vector<float> other(3);
  LogSoftmax(reversed, other);
  EXPECT_TRUE(std::isfinite(KlDivergence(out, other)));
}

TEST(LogSoftmax, AShiftOfAllLogitsChangesNothing) {
  std::vector<float> logits = Logits(1000, 4, 5.0);
  for (float& x : logits) x = std::round(x * 1024) / 1024;  // so that the shift is exact
  std::vector<float> shifted = logits;
  for (float& x : shifted) x += 64.0f;
  std::vector<float> a(1000);
  std::vector<float> b(1000);
  LogSoftmax(logits, a);
  LogSoftmax(shifted, b);
  EXPECT_EQ(a, b);
}

TEST(KlDivergence, IsExactlyZeroForEqualRowsAndPositiveForOthers) {
  std::vector<float> p(5000);
  std::vector<float> q(5000);
  LogSoftmax(Logits(5000, 1, 3.0), p);
  LogSoftmax(Logits(5000, 2, 3.0), q);
  EXPECT_EQ(KlDivergence(p, p), 0.0);
  EXPECT_GT(KlDivergence(p, q), 0.0);
  EXPECT_NE(KlDivergence(p, q), KlDivergence(q, p));
}

TEST(KlDivergence, AgreesWithDoubleArithmetic) {
  const std::vector<float> logits = Logits(20000, 5, 4.0);
  std::vector<float> moved = logits;
  Rng rng(6);
  for (float& x : moved) x += static_cast<float>(0.1 * rng.Gaussian());
  const std::vector<double> p = ExactLogSoftmax(logits);
  const std::vector<double> q = ExactLogSoftmax(moved);
  double exact = 0;
  for (size_t i = 0; i < p.size(); ++i) exact += std::exp(p[i]) * (p[i] - q[i]);
  std::vector<float> a(p.size());
  std::vector<float> b(p.size());
  LogSoftmax(logits, a);
  LogSoftmax(moved, b);
  // Each stored log-probability may be off by 3e-6 + 2^-23 * 30, weighted by probabilities.
  EXPECT_NEAR(KlDivergence(a, b), exact, 2 * (3e-6 + 0x1p-23 * 30));
}

TEST(ArgMax, TheLowestOfEqualNumbersWins) {
  std::vector<float> row(100, 1.0f);
  row[97] = 2.0f;
  row[41] = 2.0f;
  EXPECT_EQ(ArgMax(row), 41);
  EXPECT_EQ(ArgMax(std::vector<float>(7, -1.0f)), 0);
}

TEST(ScoreLogits, AUniformModelHasThePerplexityOfItsVocabulary) {
  ThreadPool pool(2);
  const int64_t vocabulary = 777;
  const std::vector<float> logits(static_cast<size_t>(9 * vocabulary), 0.25f);
  const std::vector<int32_t> targets = {0, 1, 2, 3, 4, 5, 6, 776, 100};
  const WindowScore score = ScoreLogits(logits, targets, vocabulary, {}, nullptr, pool).value();
  EXPECT_EQ(score.tokens, 9);
  EXPECT_NEAR(std::exp(score.nll / 9), 777.0, 777 * 3e-6);
  EXPECT_NEAR(score.nll_squared / 9, std::pow(std::log(777.0), 2), 1e-4);
  EXPECT_EQ(score.kl, 0.0);
}

TEST(ScoreLogits, ACertainAndRightModelHasPerplexityOne) {
  ThreadPool pool(1);
  std::vector<float> logits(2 * 50, -200.0f);
  logits[7] = 0.0f;
  logits[50 + 49] = 0.0f;
  const std::vector<int32_t> targets = {7, 49};
  EXPECT_NEAR(ScoreLogits(logits, targets, 50, {}, nullptr, pool).value().nll, 0.0, 1e-12);
}

TEST(ScoreLogits, AModelComparedWithItselfHasNoDivergenceAndFullAgreement) {
  ThreadPool pool(2);
  const std::vector<float> logits = Logits(size_t{20} * 1001, 9, 6.0);
  std::vector<int32_t> targets(20);
  std::iota(targets.begin(), targets.end(), 3);
  std::vector<float> kept;
  const WindowScore first = ScoreLogits(logits, targets, 1001, {}, &kept, pool).value();
  const WindowScore second = ScoreLogits(logits, targets, 1001, kept, nullptr, pool).value();
  EXPECT_EQ(second.kl, 0.0);
  EXPECT_EQ(second.kl_squared, 0.0);
  EXPECT_EQ(second.same_top, 20);
  EXPECT_EQ(second.nll, first.nll);
  double from_kept = 0;
  for (size_t i = 0; i < 20; ++i) from_kept -= kept[i * 1001 + static_cast<size_t>(targets[i])];
  EXPECT_NEAR(from_kept, first.nll, 20 * (3e-6 + 0x1p-23 * 40));
}

TEST(ScoreLogits, TheOrderOfThePositionsDoesNotMatter) {
  ThreadPool pool(1);
  const size_t v = 300;
  const std::vector<float> logits = Logits(4 * v, 10, 2.0);
  std::vector<float> reversed;
  for (size_t row = 4; row-- > 0;) {
    reversed.insert(reversed.end(), logits.begin() + static_cast<int64_t>(row * v),
                    logits.begin() + static_cast<int64_t>((row + 1) * v));
  }
  const std::vector<int32_t> targets = {5, 6, 7, 8};
  const std::vector<int32_t> back = {8, 7, 6, 5};
  const WindowScore a = ScoreLogits(logits, targets, 300, {}, nullptr, pool).value();
  const WindowScore b = ScoreLogits(reversed, back, 300, {}, nullptr, pool).value();
  EXPECT_NEAR(a.nll, b.nll, 1e-12 * a.nll);  // only the order of four additions differs
}

TEST(ScoreLogits, SumsDoNotDependOnTheNumberOfThreads) {
  const std::vector<float> logits = Logits(size_t{13} * 500, 12, 3.0);
  const std::vector<float> other = Logits(size_t{13} * 500, 13, 3.0);
  const std::vector<int32_t> targets(13, 42);
  std::vector<WindowScore> scores;
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    std::vector<float> kept;
    ASSERT_TRUE(ScoreLogits(other, targets, 500, {}, &kept, pool).ok());
    scores.push_back(ScoreLogits(logits, targets, 500, kept, nullptr, pool).value());
  }
  for (const WindowScore& score : scores) {
    EXPECT_EQ(score.nll, scores[0].nll);
    EXPECT_EQ(score.kl, scores[0].kl);
    EXPECT_EQ(score.same_top, scores[0].same_top);
  }
}

TEST(ScoreLogits, LogitsThatAreNotFiniteAreAnErrorWithTheirCount) {
  ThreadPool pool(2);
  std::vector<float> logits = Logits(size_t{5} * 100, 14, 1.0);
  logits[120] = std::numeric_limits<float>::quiet_NaN();
  logits[130] = std::numeric_limits<float>::infinity();
  logits[499] = -std::numeric_limits<float>::infinity();
  const std::vector<int32_t> targets(5, 0);
  const Result<WindowScore> score = ScoreLogits(logits, targets, 100, {}, nullptr, pool);
  ASSERT_FALSE(score.ok());
  EXPECT_EQ(score.status().code(), StatusCode::kNumerics);
  EXPECT_THAT(score.status().message(), testing::HasSubstr("2 of 5 positions"));
}

TEST(ScoreLogits, KeepsWhatBecameOfEachTokenWhereAsked) {
  constexpr int64_t kVocabulary = 100;
  ThreadPool pool(2);
  const std::vector<int32_t> targets = {3, 99, 0};
  const std::vector<float> logits = Logits(3 * kVocabulary, 4, 3);
  const std::vector<float> others = Logits(3 * kVocabulary, 5, 3);
  std::vector<float> reference;
  ASSERT_TRUE(ScoreLogits(others, targets, kVocabulary, {}, &reference, pool).ok());
  TokenScores tokens;
  const auto score = ScoreLogits(logits, targets, kVocabulary, reference, nullptr, pool, &tokens);
  ASSERT_TRUE(score.ok());
  ASSERT_EQ(tokens.nll.size(), 3u);
  ASSERT_EQ(tokens.kl.size(), 3u);
  EXPECT_NEAR(std::accumulate(tokens.nll.begin(), tokens.nll.end(), 0.0), score->nll, 1e-5);
  EXPECT_NEAR(std::accumulate(tokens.kl.begin(), tokens.kl.end(), 0.0), score->kl, 1e-5);
  for (size_t i = 0; i < 3; ++i) {
    const auto target = static_cast<size_t>(targets[i]);
    EXPECT_EQ(tokens.reference_nll[i], -reference[i * kVocabulary + target]);
  }
  // Another window is appended; without a reference there is nothing to append to two of them.
  ASSERT_TRUE(ScoreLogits(logits, targets, kVocabulary, {}, nullptr, pool, &tokens).ok());
  EXPECT_EQ(tokens.nll.size(), 6u);
  EXPECT_EQ(tokens.kl.size(), 3u);
}

}  // namespace
}  // namespace crumb
