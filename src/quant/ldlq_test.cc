#include "quant/ldlq.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "quant/clip.h"
#include "quant/gptq.h"
#include "quant/ldlq_refine.h"
#include "quant/methods_for_test.h"

namespace crumb {
namespace {

// LDLQ (Chee et al. 2023, equation 2 and algorithm 3) written as in the paper: H = V D V^T with V
// unit upper triangular by positions, and every weight rounded with the errors against the ORIGINAL
// weights, q_j = Q(w_j + sum_{i < j} (w_i - q_i) V_ij).
TEST(Ldlq, FeedbackInItsOwnFormGivesTheLevelsOfGptq) {
  const size_t n = 96;
  const SecondMoments moments = CorrelatedMoments(96, 300, 5);
  const std::vector<float> weights = GaussianValues(4 * 96, 6);
  const PackedMatrix matrix = PackFloats(Float32Codec(), 4, 96, weights);
  ThreadPool pool(1);
  GroupRows rows =
      SearchAndRound(matrix, *FindCodec("int3-g64"), weights, ColumnCosts(&moments, 96), pool)
          .value();
  const Feedback feedback = MakeFeedback(moments, {}).value();

  double mean = 0;
  for (size_t c = 0; c < n; ++c) mean += moments.hessian[c * n + c] / static_cast<double>(n);
  std::vector<double> h(n * n);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      h[i * n + j] = moments.hessian[static_cast<size_t>(feedback.order[i]) * n +
                                     static_cast<size_t>(feedback.order[j])];
    }
    h[i * n + i] += feedback.damping * mean;
  }
  std::vector<double> v(n * n);  // from the last position to the first
  for (size_t j = n; j-- > 0;) {
    const double d = h[j * n + j];
    EXPECT_NEAR(d, feedback.diagonal[j], 1e-9 * d);
    for (size_t i = 0; i <= j; ++i) v[i * n + j] = h[i * n + j] / d;
    for (size_t i = 0; i < j; ++i) {
      for (size_t k = 0; k < j; ++k) h[i * n + k] -= v[i * n + j] * d * v[k * n + j];
    }
  }
  std::vector<uint8_t> expected(rows.levels.size());
  for (size_t r = 0; r < 4; ++r) {
    std::vector<double> error(n);
    for (size_t j = 0; j < n; ++j) {
      const auto column = static_cast<size_t>(feedback.order[j]);
      double target = weights[r * n + column];
      for (size_t i = 0; i < j; ++i) target += error[i] * v[i * n + j];
      const GroupValues group =
          rows.Values(static_cast<int64_t>(r), static_cast<int64_t>(column) / kGroupSize);
      const uint8_t level = group.Round(static_cast<float>(target));
      expected[r * n + column] = level;
      error[j] = weights[r * n + column] - group.Value(level);
    }
  }
  RoundWithFeedback(weights, feedback, rows, pool);
  EXPECT_EQ(rows.levels, expected);
}

TEST(Ldlq, NeverLosesMoreThanGptq) {
  for (const int64_t count : {40, 600}) {
    const SecondMoments moments = CorrelatedMoments(200, count, 7);
    const PackedMatrix weights = FloatMatrix(50, 200, 8);
    for (const char* codec :
         {"int4-g64", "int3-g64", "int2-g64", "int1-g64", "ternary-g64", "binary-row"}) {
      const double fed = LossOf(weights, QuantizeOrDie("gptq", weights, &moments, codec), moments);
      const double refined =
          LossOf(weights, QuantizeOrDie("ldlq", weights, &moments, codec), moments);
      EXPECT_LE(refined, fed * (1 + 1e-5)) << codec;
    }
  }
}

// After the descent no single level can move and lower the loss; checked on the levels that are
// stored, by exact differences. 1e-4 of the row's loss is what float32 gradients can hide.
TEST(Ldlq, NoSingleLevelCouldMoveAndLowerTheLoss) {
  const int64_t n = 80;
  const SecondMoments moments = CorrelatedMoments(n, 200, 9);
  const std::vector<float> weights = GaussianValues(n, 10);
  const PackedMatrix matrix = PackFloats(Float32Codec(), 1, n, weights);
  ThreadPool pool(1);
  GroupRows rows =
      SearchAndRound(matrix, *FindCodec("int2-g64"), weights, ColumnCosts(&moments, n), pool)
          .value();
  RowErrors errors(n);
  errors.Measure(weights, rows, moments, 0, 1);
  DescendRow(moments, 0, 0, 1000, rows, errors);
  const double least = RowLosses(weights, rows, moments, pool)[0];
  for (size_t c = 0; c < static_cast<size_t>(n); ++c) {
    const uint8_t level = rows.levels[c];
    for (uint8_t other = 0; other < 4; ++other) {
      rows.levels[c] = other;
      EXPECT_GE(RowLosses(weights, rows, moments, pool)[0], least * (1 - 1e-4)) << c;
    }
    rows.levels[c] = level;
  }
}

TEST(Ldlq, RefitFindsTheScalesThatMadeTheWeights) {
  // Weights that lie on a grid, and scales set off it: the refit finds them again (as float16).
  const int64_t n = 192;
  const SecondMoments moments = CorrelatedMoments(n, 800, 11);
  const LevelGrid grid = LevelGrid::Of(*FindCodec("int3-g64"), n);
  GroupRows rows(grid, 1, n);
  Rng rng(12);
  for (uint8_t& level : rows.levels) level = static_cast<uint8_t>(rng.Below(8));
  const std::vector<GroupScale> made = {
      {FloatToHalf(0.1f), 100}, {FloatToHalf(0.02f), 140}, {FloatToHalf(0.3f), 127}};
  rows.scales = made;
  std::vector<float> weights(static_cast<size_t>(n));
  rows.DecodeRow(0, weights.data());
  for (GroupScale& scale : rows.scales) {
    scale = {FloatToHalf(1.2f * HalfToFloat(scale.scale)), static_cast<uint8_t>(scale.zero + 9)};
  }
  ScaleRefit(moments, grid).Run(weights, 0, 1, rows);
  for (size_t g = 0; g < 3; ++g) {
    const float exact = HalfToFloat(made[g].scale);
    EXPECT_NEAR(HalfToFloat(rows.scales[g].scale), exact, 0.01f * exact);
    EXPECT_NEAR(rows.scales[g].zero, made[g].zero, 2);
  }
}

}  // namespace
}  // namespace crumb
