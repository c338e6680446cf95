// The yardstick of all methods, computed from what is stored and not from what a method says.
#include <vector>

#include "base/check.h"
#include "quant/dense.h"
#include "quant/quantizer.h"

namespace crumb {
namespace {

// v H v^T of each row of v, given v H.
std::vector<double> QuadraticForms(const std::vector<float>& v, const SecondMoments& moments,
                                   int64_t rows, ThreadPool& pool) {
  const int64_t n = moments.cols;
  std::vector<float> product(v.size());
  MultiplyDense(v.data(), moments.hessian.data(), true, rows, n, n, product.data(), pool);
  std::vector<double> forms(static_cast<size_t>(rows));
  pool.ParallelFor(rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      double sum = 0;
      for (int64_t c = 0; c < n; ++c) {
        const auto at = static_cast<size_t>(r * n + c);
        sum += static_cast<double>(product[at]) * v[at];
      }
      forms[static_cast<size_t>(r)] = sum;
    }
  });
  return forms;
}

}  // namespace

OutputLoss MeasureOutputLoss(const PackedMatrix& weights, const PackedMatrix& packed,
                             const SecondMoments& moments, std::span<const float> row_importance,
                             ThreadPool& pool) {
  CRUMB_CHECK(weights.rows == packed.rows && weights.cols == packed.cols);
  CRUMB_CHECK(moments.cols == weights.cols);
  const std::vector<float> exact = PlainWeights(weights, pool);
  std::vector<float> error = PlainWeights(packed, pool);
  for (size_t i = 0; i < error.size(); ++i) error[i] = exact[i] - error[i];
  const std::vector<double> errors = QuadraticForms(error, moments, weights.rows, pool);
  const std::vector<double> signals = QuadraticForms(exact, moments, weights.rows, pool);
  OutputLoss sum;
  for (size_t r = 0; r < errors.size(); ++r) {
    const double importance = row_importance.empty() ? 1 : static_cast<double>(row_importance[r]);
    sum.error += importance * errors[r];
    sum.signal += importance * signals[r];
  }
  return sum;
}

}  // namespace crumb
