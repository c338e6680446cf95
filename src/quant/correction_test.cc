#include "quant/correction.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/rng.h"
#include "quant/dense.h"
#include "quant/methods_for_test.h"

namespace crumb {
namespace {

// Rows of activations of two models: `packed` is `exact` through a disturbance.
struct Pair {
  std::vector<float> exact, packed;
  SecondMoments moments;
  std::vector<float> input_error;
};

Pair MakePair(int64_t rows, int64_t cols, ThreadPool& pool) {
  Pair pair;
  pair.exact = GaussianValues(rows * cols, 3, 1);
  const std::vector<float> noise = GaussianValues(rows * cols, 4, 0.5);
  pair.packed.resize(pair.exact.size());
  for (size_t i = 0; i < pair.packed.size(); ++i) {
    // A column also leaks into the next one, which a linear correction can take back.
    const float neighbour = i > 0 ? pair.exact[i - 1] : 0;
    pair.packed[i] = pair.exact[i] + 0.5f * neighbour + 0.1f * noise[i];
  }
  MomentsAccumulator sums(cols);
  sums.Add(pair.packed.data(), rows, cols, pool);
  pair.moments = sums.Finish().value();
  std::vector<float> difference(pair.exact.size());
  for (size_t i = 0; i < difference.size(); ++i) difference[i] = pair.exact[i] - pair.packed[i];
  CrossMoments cross(cols, cols);
  cross.Add(difference.data(), pair.packed.data(), rows, pool);
  pair.input_error = cross.Mean();
  return pair;
}

double MeanSquaredError(const Pair& pair, const PackedMatrix& wanted, const PackedMatrix& made,
                        int64_t rows, ThreadPool& pool) {
  const std::vector<float> w = PlainWeights(wanted, pool);
  const std::vector<float> q = PlainWeights(made, pool);
  std::vector<float> a(static_cast<size_t>(rows * wanted.rows)), b(a.size());
  MultiplyDense(pair.exact.data(), w.data(), true, rows, wanted.rows, wanted.cols, a.data(), pool);
  MultiplyDense(pair.packed.data(), q.data(), true, rows, wanted.rows, wanted.cols, b.data(), pool);
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - b[i], 2);
  return sum / static_cast<double>(a.size());
}

TEST(Correction, TakesBackWhatIsLinearInTheErrorOfTheInputs) {
  ThreadPool pool(2);
  constexpr int64_t kRows = 2000, kCols = 48;
  const Pair pair = MakePair(kRows, kCols, pool);
  const PackedMatrix weights = FloatMatrix(24, kCols, 9);
  const auto corrected = CorrectedWeights(
      weights, pair.moments, ChangeForInputs(weights, pair.input_error, pool), 1e-6, pool);
  ASSERT_TRUE(corrected.ok());
  const double before = MeanSquaredError(pair, weights, weights, kRows, pool);
  const double after = MeanSquaredError(pair, weights, *corrected, kRows, pool);
  EXPECT_LT(after, 0.1 * before);
}

TEST(Correction, NoOtherWeightsHaveALowerError) {
  ThreadPool pool(1);
  constexpr int64_t kRows = 500, kCols = 16;
  const Pair pair = MakePair(kRows, kCols, pool);
  const PackedMatrix weights = FloatMatrix(3, kCols, 9);
  const auto corrected = CorrectedWeights(
      weights, pair.moments, ChangeForInputs(weights, pair.input_error, pool), 0, pool);
  ASSERT_TRUE(corrected.ok());
  const double best = MeanSquaredError(pair, weights, *corrected, kRows, pool);
  const std::vector<float> values = PlainWeights(*corrected, pool);
  for (size_t i = 0; i < values.size(); ++i) {
    for (const float step : {-0.01f, 0.01f}) {
      std::vector<float> moved = values;
      moved[i] += step;
      EXPECT_GT(MeanSquaredError(pair, weights, Float32Matrix(3, kCols, moved), kRows, pool), best);
    }
  }
}

TEST(Correction, EqualInputsChangeNothing) {
  ThreadPool pool(1);
  const SecondMoments moments = CorrelatedMoments(32, 200, 1);
  const PackedMatrix weights = FloatMatrix(8, 32, 2);
  const std::vector<float> no_error(32 * 32);
  const auto corrected =
      CorrectedWeights(weights, moments, ChangeForInputs(weights, no_error, pool), 0.01, pool);
  ASSERT_TRUE(corrected.ok());
  EXPECT_EQ(PlainWeights(*corrected, pool), PlainWeights(weights, pool));
}

// W D + S = T - W H, in float32 products of kRows rows: each entry is a mean of kRows terms, and
// what is subtracted one of kCols; roundings are independent, so their square root counts.
TEST(Correction, TheTargetHoldsTheErrorsOfInputsAndOfTheStream) {
  ThreadPool pool(2);
  constexpr int64_t kRows = 700, kCols = 48, kOut = 24;
  const Pair pair = MakePair(kRows, kCols, pool);
  const PackedMatrix weights = FloatMatrix(kOut, kCols, 9);
  const std::vector<float> w = PlainWeights(weights, pool);
  const std::vector<float> stream_error = GaussianValues(kRows * kOut, 7, 0.3);
  std::vector<float> sums(stream_error.size());
  MultiplyDense(pair.exact.data(), w.data(), true, kRows, kOut, kCols, sums.data(), pool);
  for (size_t i = 0; i < sums.size(); ++i) sums[i] += stream_error[i];
  CrossMoments target(kOut, kCols), residual(kOut, kCols);
  target.Add(sums.data(), pair.packed.data(), kRows, pool);
  residual.Add(stream_error.data(), pair.packed.data(), kRows, pool);

  const std::vector<float> in_two = ChangeForInputs(weights, pair.input_error, pool);
  const std::vector<float> s = residual.Mean();
  const std::vector<float> in_one = ChangeForTarget(weights, pair.moments, target.Mean(), pool);
  double largest_h = 0;
  for (int64_t c = 0; c < kCols; ++c) {
    largest_h =
        std::max<double>(largest_h, pair.moments.hessian[static_cast<size_t>(c * kCols + c)]);
  }
  for (size_t r = 0; r < kOut; ++r) {
    double squares = 0;
    for (size_t c = 0; c < kCols; ++c) squares += std::pow(w[r * kCols + c], 2);
    const double bound = 4 * 0x1p-24 * std::sqrt(kRows) * largest_h * std::sqrt(squares);
    for (size_t c = 0; c < kCols; ++c) {
      const size_t at = r * kCols + c;
      EXPECT_NEAR(in_one[at], in_two[at] + s[at], bound);
      EXPECT_GT(std::abs(in_two[at]) + std::abs(s[at]), 0);
    }
  }
}

TEST(NormFactors, FindTheFactorsThatWereLost) {
  ThreadPool pool(2);
  const SecondMoments moments = CorrelatedMoments(32, 400, 1);
  const PackedMatrix target = FloatMatrix(64, 32, 2);
  std::vector<float> values = PlainWeights(target, pool);
  std::vector<float> lost(32);
  Rng rng(8);
  for (float& factor : lost) factor = static_cast<float>(0.5 + rng.Uniform());
  for (size_t i = 0; i < values.size(); ++i) values[i] /= lost[i % 32];
  const PackedMatrix packed = Float32Matrix(64, 32, values);
  const NormReader reader = {&target, &packed, {}};
  const auto factors = NormFactors(std::span(&reader, 1), moments, 0, pool);
  ASSERT_TRUE(factors.ok());
  // float32 products of numbers near 1, and a condition number of the normal matrix below 1e3.
  for (size_t i = 0; i < 32; ++i) EXPECT_NEAR((*factors)[i], lost[i], 1e-3);
}

TEST(NormFactors, NothingLostGivesOnes) {
  ThreadPool pool(1);
  const SecondMoments moments = CorrelatedMoments(32, 400, 1);
  const PackedMatrix target = FloatMatrix(64, 32, 2);
  const NormReader reader = {&target, &target, {}};
  const auto factors = NormFactors(std::span(&reader, 1), moments, 0.01, pool);
  ASSERT_TRUE(factors.ok());
  for (const float factor : *factors) EXPECT_NEAR(factor, 1, 1e-4);
}

TEST(Dense, ProductsAgreeWithTheirDefinition) {
  ThreadPool pool(3);
  constexpr int64_t kM = 37, kN = 21, kK = 70;
  const std::vector<float> a = GaussianValues(kM * kK, 1, 1);
  const std::vector<float> b = GaussianValues(kK * kN, 2, 1);
  std::vector<float> bt(b.size()), at(a.size());
  for (int64_t k = 0; k < kK; ++k) {
    for (int64_t n = 0; n < kN; ++n)
      bt[static_cast<size_t>(n * kK + k)] = b[static_cast<size_t>(k * kN + n)];
    for (int64_t m = 0; m < kM; ++m)
      at[static_cast<size_t>(k * kM + m)] = a[static_cast<size_t>(m * kK + k)];
  }
  std::vector<float> plain(kM * kN), transposed(kM * kN), left(kM * kN);
  MultiplyDense(a.data(), b.data(), false, kM, kN, kK, plain.data(), pool);
  MultiplyDense(a.data(), bt.data(), true, kM, kN, kK, transposed.data(), pool);
  MultiplyTransposedDense(at.data(), b.data(), kM, kN, kK, left.data(), pool);
  for (int64_t m = 0; m < kM; ++m) {
    for (int64_t n = 0; n < kN; ++n) {
      double sum = 0, size = 0;
      for (int64_t k = 0; k < kK; ++k) {
        const double term = static_cast<double>(a[static_cast<size_t>(m * kK + k)]) *
                            b[static_cast<size_t>(k * kN + n)];
        sum += term;
        size += std::fabs(term);
      }
      const double bound = kK * 0x1p-24 * size;  // Higham 2002, eq. 3.5
      const auto at_mn = static_cast<size_t>(m * kN + n);
      EXPECT_NEAR(plain[at_mn], sum, bound);
      EXPECT_NEAR(transposed[at_mn], sum, bound);
      EXPECT_NEAR(left[at_mn], sum, bound);
    }
  }
}

TEST(Dense, ASingularMatrixIsAnError) {
  ThreadPool pool(1);
  const std::vector<float> zeros(16);
  std::vector<float> x(4, 1.0f);
  EXPECT_FALSE(SolveSymmetric(zeros, 4, 0, 1, x.data(), pool).ok());
  ASSERT_TRUE(SolveSymmetric(zeros, 4, 2, 1, x.data(), pool).ok());
  for (const float value : x) EXPECT_FLOAT_EQ(value, 0.5f);
}

TEST(Correction, ATunedBiasLeavesNoMeanErrorAndASmallerSquaredOne) {
  ThreadPool pool(2);
  constexpr int64_t kRows = 500, kCols = 32, kOut = 6;
  std::vector<float> x = GaussianValues(kRows * kCols, 3, 1);
  std::vector<float> x_packed = GaussianValues(kRows * kCols, 4, 1);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] += 0.1f * static_cast<float>(i % kCols);
    x_packed[i] = x[i] + 0.3f * (x_packed[i] + 0.5f);
  }
  const auto mean_of = [](const std::vector<float>& rows) {
    std::vector<double> sums(kCols);
    for (size_t i = 0; i < rows.size(); ++i) sums[i % kCols] += rows[i] / double{kRows};
    return std::vector<float>(sums.begin(), sums.end());
  };
  const std::vector<float> mean = mean_of(x);
  const std::vector<float> packed_mean = mean_of(x_packed);
  const PackedMatrix weights = FloatMatrix(kOut, kCols, 9);
  const PackedMatrix packed = FloatMatrix(kOut, kCols, 10);  // as wrong as can be
  const std::vector<float> bias = GaussianValues(kOut, 5, 1);
  const std::vector<float> residual = GaussianValues(kOut, 6, 1);
  std::vector<float> target = MeanOutput(weights, mean, pool);
  for (size_t r = 0; r < target.size(); ++r) target[r] += residual[r];
  BiasReader reader;
  reader.packed = &packed;
  reader.bias = bias;
  reader.target_mean = target;
  reader.packed_mean = packed_mean;
  const std::vector<float> tuned = TunedBias(reader, pool);

  const std::vector<float> w = PlainWeights(weights, pool);
  const std::vector<float> q = PlainWeights(packed, pool);
  for (size_t r = 0; r < kOut; ++r) {
    double error = 0;
    double squares = 0;
    double squares_before = 0;
    double magnitude = 0;  // of what is summed: float32 holds the means and the bias
    for (size_t t = 0; t < kRows; ++t) {
      double e = static_cast<double>(bias[r]) + residual[r];
      for (size_t c = 0; c < kCols; ++c) {
        const double a = static_cast<double>(w[r * kCols + c]) * x[t * kCols + c];
        const double b = static_cast<double>(q[r * kCols + c]) * x_packed[t * kCols + c];
        e += a - b;
        magnitude += (std::abs(a) + std::abs(b)) / kRows;
      }
      error += (e - tuned[r]) / kRows;
      squares += (e - tuned[r]) * (e - tuned[r]);
      squares_before += (e - bias[r]) * (e - bias[r]);
    }
    EXPECT_LE(std::abs(error), 0x1p-23 * magnitude);
    EXPECT_LT(squares, squares_before);
  }
}

}  // namespace
}  // namespace crumb
