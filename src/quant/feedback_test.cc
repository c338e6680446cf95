#include "quant/feedback.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "quant/methods_for_test.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;

SecondMoments MomentsOf(int64_t cols, std::vector<float> hessian) {
  return {.cols = cols, .count = 1, .hessian = std::move(hessian)};
}

TEST(Feedback, OfTwoColumnsIsWhatOneComputesByHand) {
  // H = [4 2; 2 3]: inverse [3 -2; -2 4] / 8. In natural order U_01 / U_00 = -2 / 3... of the
  // inverse's own factor: H^-1 = U^T U, U_00^2 = 3/8, U_01 / U_00 = -2/3, U_11^2 = 4/8 - 4/24 =
  // 1/3.
  const Result<Feedback> feedback =
      MakeFeedback(MomentsOf(2, {4, 2, 2, 3}), {.order = ColumnOrder::kNatural, .damping = 0});
  ASSERT_TRUE(feedback.ok()) << feedback.status().message();
  EXPECT_EQ(feedback->order, (std::vector<int32_t>{0, 1}));
  EXPECT_NEAR(feedback->factors[1], -2.0 / 3, 1e-6);
  EXPECT_EQ(feedback->factors[0], 0.0f);
  EXPECT_EQ(feedback->factors[2], 0.0f);
  EXPECT_NEAR(feedback->diagonal[0], 8.0 / 3, 1e-12);
  EXPECT_NEAR(feedback->diagonal[1], 3.0, 1e-12);
  EXPECT_EQ(feedback->damping, 0.0);
  EXPECT_EQ(feedback->dead_columns, 0);
}

TEST(Feedback, ActivationOrderTakesTheLargestDiagonalFirst) {
  const SecondMoments moments = CorrelatedMoments(40, 200, 3);
  const Feedback feedback = MakeFeedback(moments, {}).value();
  std::set<int32_t> seen;
  for (size_t i = 0; i < 40; ++i) {
    const auto column = static_cast<size_t>(feedback.order[i]);
    seen.insert(feedback.order[i]);
    if (i == 0) continue;
    const auto before = static_cast<size_t>(feedback.order[i - 1]);
    EXPECT_GE(moments.hessian[before * 41], moments.hessian[column * 41]);
  }
  EXPECT_EQ(seen.size(), 40u);
}

// The errors e of the recursion add up to E = W - Q by E = e (U_ij / U_ii), and then
// E H' E^T = sum e_i^2 d_i for the damped H'. Factors are float32 numbers of size up to f, and each
// of n terms of E is off by at most 2^-24 f |e|; the loss is compared at n times that.
TEST(Feedback, TheLossIsTheSumOfSquaredErrorsTimesTheDiagonal) {
  const int64_t n = 50;
  const SecondMoments moments = CorrelatedMoments(n, 300, 5);
  for (const ColumnOrder order : {ColumnOrder::kNatural, ColumnOrder::kActivation}) {
    const Feedback feedback = MakeFeedback(moments, {.order = order}).value();
    const std::vector<float> weights = GaussianValues(n, 9, 1.0);
    std::vector<double> work(weights.begin(), weights.end());
    std::vector<double> error(static_cast<size_t>(n));
    double expected = 0;
    const auto un = static_cast<size_t>(n);
    for (size_t i = 0; i < un; ++i) {
      const auto column = static_cast<size_t>(feedback.order[i]);
      const double q = std::nearbyint(2 * work[column]) / 2;
      const double e = work[column] - q;
      expected += e * e * feedback.diagonal[i];
      error[column] = weights[column] - q;
      for (size_t j = i + 1; j < un; ++j) {
        work[static_cast<size_t>(feedback.order[j])] -= e * feedback.factors[i * un + j];
      }
    }
    double mean = 0;
    for (size_t c = 0; c < un; ++c) mean += moments.hessian[c * un + c] / static_cast<double>(n);
    double loss = 0;
    for (size_t i = 0; i < un; ++i) {
      for (size_t j = 0; j < un; ++j) {
        const double h = moments.hessian[i * un + j] + (i == j ? feedback.damping * mean : 0);
        loss += error[i] * h * error[j];
      }
    }
    EXPECT_NEAR(loss, expected, 1e-4 * expected);
  }
}

TEST(Feedback, DeadColumnsAreCountedAndFeedNothing) {
  const size_t n = 20;
  SecondMoments moments = CorrelatedMoments(20, 100, 6);
  for (const size_t dead : {4u, 11u}) {
    for (size_t i = 0; i < n; ++i)
      moments.hessian[dead * n + i] = moments.hessian[i * n + dead] = 0;
  }
  const Feedback feedback = MakeFeedback(moments, {}).value();
  EXPECT_EQ(feedback.dead_columns, 2);
  for (size_t i = 0; i < n; ++i) {
    EXPECT_TRUE(std::isfinite(feedback.diagonal[i]) && feedback.diagonal[i] > 0);
    for (size_t j = 0; j < n; ++j) {
      const int32_t from = feedback.order[i];
      const int32_t to = feedback.order[j];
      if (from == 4 || from == 11 || to == 4 || to == 11) {
        EXPECT_EQ(feedback.factors[i * n + j], 0.0f) << from << " to " << to;
      }
    }
  }
}

TEST(Feedback, NothingButDeadColumnsIsDefined) {
  const Feedback feedback = MakeFeedback(MomentsOf(3, std::vector<float>(9, 0.0f)), {}).value();
  EXPECT_EQ(feedback.dead_columns, 3);
  for (const float factor : feedback.factors) EXPECT_EQ(factor, 0.0f);
}

TEST(Feedback, SingularMomentsAreDampedAndThatIsTold) {
  // All ones: rank 1. Without damping there is no factor.
  const Result<Feedback> feedback =
      MakeFeedback(MomentsOf(8, std::vector<float>(64, 1.0f)), {.damping = 0});
  ASSERT_TRUE(feedback.ok()) << feedback.status().message();
  EXPECT_GT(feedback->damping, 0.0);
  EXPECT_LT(feedback->damping, 1e-3);
  for (const double d : feedback->diagonal) EXPECT_GT(d, 0.0);
}

TEST(Feedback, IndefiniteMomentsAreDampedUntilTheyArePositive) {
  // Eigenvalues 1 + 3 and 1 - 3: needs more than 2 on the diagonal.
  const Feedback feedback = MakeFeedback(MomentsOf(2, {1, 3, 3, 1}), {}).value();
  EXPECT_GT(feedback.damping, 2.0);
  EXPECT_LT(feedback.damping, 4.1);
}

TEST(Feedback, NanAndInfAreAnErrorWithCounts) {
  SecondMoments moments = MomentsOf(2, {1, 0, 0, 1});
  moments.hessian[0] = std::numeric_limits<float>::quiet_NaN();
  moments.hessian[3] = std::numeric_limits<float>::infinity();
  const Result<Feedback> feedback = MakeFeedback(moments, {});
  ASSERT_FALSE(feedback.ok());
  EXPECT_EQ(feedback.status().code(), StatusCode::kNumerics);
  EXPECT_THAT(feedback.status().message(), HasSubstr("2 of 4 numbers are NaN or Inf"));
}

TEST(Feedback, ImpossibleOptionsAndShapesAreRefused) {
  const SecondMoments moments = MomentsOf(2, {1, 0, 0, 1});
  EXPECT_EQ(MakeFeedback(moments, {.damping = -1}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(MakeFeedback(moments, {.damping = std::nan("")}).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(MakeFeedback(MomentsOf(3, {1, 0, 0, 1}), {}).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(MakeFeedback(MomentsOf(0, {}), {}).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace crumb
