#include "quant/feedback.h"

#include <fmt/format.h>
#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace crumb {
namespace {

// Beyond this share nothing of H is left.
constexpr double kMostDamping = 1e6;

Status CheckHessian(const SecondMoments& moments) {
  const auto n = static_cast<size_t>(moments.cols);
  if (moments.cols <= 0 || moments.hessian.size() != n * n) {
    return InvalidArgument(fmt::format("second moments hold {} numbers for {} columns, not {}",
                                       moments.hessian.size(), moments.cols, n * n));
  }
  const auto not_finite =
      std::ranges::count_if(moments.hessian, [](float h) { return !std::isfinite(h); });
  int64_t negative = 0;
  for (size_t c = 0; c < n; ++c) negative += moments.hessian[c * n + c] < 0 ? 1 : 0;
  if (not_finite == 0 && negative == 0) return OkStatus();
  return NumericsError(fmt::format(
      "second moments of {} columns: {} of {} numbers are NaN or Inf and {} of {} squares are "
      "negative; calibrate again",
      moments.cols, not_finite, n * n, negative, n));
}

// Mean of the diagonal over the columns that are not dead; 1 when all are.
double MeanOfLiving(const SecondMoments& moments, int64_t* dead) {
  const auto n = static_cast<size_t>(moments.cols);
  double sum = 0;
  *dead = 0;
  for (size_t c = 0; c < n; ++c) {
    const float h = moments.hessian[c * n + c];
    sum += h;
    *dead += h == 0 ? 1 : 0;
  }
  const int64_t living = moments.cols - *dead;
  return living > 0 ? sum / static_cast<double>(living) : 1;
}

std::vector<int32_t> MakeOrder(const SecondMoments& moments, ColumnOrder order) {
  const auto n = static_cast<size_t>(moments.cols);
  std::vector<int32_t> columns(n);
  std::iota(columns.begin(), columns.end(), 0);
  if (order == ColumnOrder::kActivation) {
    std::ranges::stable_sort(columns, [&](int32_t a, int32_t b) {
      const auto i = static_cast<size_t>(a);
      const auto j = static_cast<size_t>(b);
      return moments.hessian[i * n + i] > moments.hessian[j * n + j];
    });
  }
  return columns;
}

// H by positions from the last to the first, lower triangle, column after column as LAPACK has it:
// its lower factor L turned back is the upper V with H = V V^T, and then U = V^-1. One
// factorization and one inverse of a triangle, where the inverse of H would need twice the work.
void FillReversed(const SecondMoments& moments, const Feedback& feedback, double mean,
                  std::vector<double>& a) {
  const auto n = static_cast<size_t>(moments.cols);
  for (size_t j = 0; j < n; ++j) {
    const auto column = static_cast<size_t>(feedback.order[n - 1 - j]);
    const float* h = moments.hessian.data() + column * n;
    // A dead column meets no other one: its error costs what an average column's does, and moves
    // nothing.
    const double diagonal = h[column] == 0 ? mean : static_cast<double>(h[column]);
    a[j * n + j] = diagonal + feedback.damping * mean;
    for (size_t i = j + 1; i < n; ++i) {
      const auto row = static_cast<size_t>(feedback.order[n - 1 - i]);
      const bool dead = h[column] == 0 || moments.hessian[row * n + row] == 0;
      a[j * n + i] = dead ? 0 : h[row];
    }
  }
}

// From the lower factor L of the reversed H to factors and diagonal. False when the inverse
// overflows.
bool InvertAndTurn(std::vector<double>& a, Feedback& feedback) {
  const size_t n = feedback.order.size();
  feedback.diagonal.resize(n);
  for (size_t i = 0; i < n; ++i) {
    const double v = a[(n - 1 - i) * (n + 1)];
    feedback.diagonal[i] = v * v;
    if (!(v > 0) || !std::isfinite(v * v)) return false;
  }
  const auto size = static_cast<lapack_int>(n);
  if (LAPACKE_dtrtri_work(LAPACK_COL_MAJOR, 'L', 'N', size, a.data(), size) != 0) return false;
  feedback.factors.assign(n * n, 0.0f);
  for (size_t i = 0; i < n; ++i) {
    // U_ij = M[n-1-i][n-1-j] with M = L^-1, column n-1-j of LAPACK's order.
    const double* row = a.data() + (n - 1 - i);
    const double own = row[(n - 1 - i) * n];
    for (size_t j = i + 1; j < n; ++j) {
      const auto factor = static_cast<float>(row[(n - 1 - j) * n] / own);
      if (!std::isfinite(factor)) return false;
      feedback.factors[i * n + j] = factor;
    }
  }
  return true;
}

}  // namespace

Result<Feedback> MakeFeedback(const SecondMoments& moments, const FeedbackOptions& options) {
  CRUMB_RETURN_IF_ERROR(CheckHessian(moments));
  if (!(options.damping >= 0 && options.damping <= kMostDamping)) {
    return InvalidArgument(fmt::format("a damping of {} is not possible; choose 0 to {}",
                                       options.damping, kMostDamping));
  }
  const auto n = static_cast<size_t>(moments.cols);
  const auto size = static_cast<lapack_int>(moments.cols);
  Feedback feedback;
  feedback.order = MakeOrder(moments, options.order);
  const double mean = MeanOfLiving(moments, &feedback.dead_columns);
  std::vector<double> a(n * n);
  for (feedback.damping = options.damping; feedback.damping <= kMostDamping;
       feedback.damping = feedback.damping > 0 ? 2 * feedback.damping : 1e-6) {
    FillReversed(moments, feedback, mean, a);
    if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', size, a.data(), size) != 0) continue;
    if (InvertAndTurn(a, feedback)) return feedback;
  }
  return NumericsError(fmt::format(
      "second moments of {} columns are not positive definite whatever is added to their diagonal; "
      "calibrate again",
      moments.cols));
}

}  // namespace crumb
