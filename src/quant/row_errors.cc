#include "quant/row_errors.h"

namespace crumb {

RowErrors::RowErrors(int64_t col_count)
    : cols(col_count),
      error(static_cast<size_t>(kRowTile * col_count)),
      gradient(static_cast<size_t>(kRowTile * col_count)),
      loss(static_cast<size_t>(kRowTile)) {}

void RowErrors::Measure(std::span<const float> weights, const GroupRows& rows,
                        const SecondMoments& moments, int64_t begin, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float* w = weights.data() + (begin + i) * cols;
    float* e = Error(i);
    rows.DecodeRow(begin + i, e);
    for (int64_t c = 0; c < cols; ++c) e[c] = w[c] - e[c];
  }
  // H is symmetric: E H = E H^T.
  product_.Run(error.data(), count, cols, ViewFloats(moments.hessian, cols, cols), gradient.data(),
               cols);
  for (int64_t i = 0; i < count; ++i) {
    double sum = 0;
    for (int64_t c = 0; c < cols; ++c) {
      sum += static_cast<double>(Error(i)[c]) * static_cast<double>(Gradient(i)[c]);
    }
    loss[static_cast<size_t>(i)] = sum;
  }
}

std::vector<double> RowLosses(std::span<const float> weights, const GroupRows& rows,
                              const SecondMoments& moments, ThreadPool& pool) {
  std::vector<double> losses(static_cast<size_t>(rows.rows));
  ForRowTiles(rows.rows, pool, [&](int64_t begin, int64_t count) {
    RowErrors errors(rows.cols);
    errors.Measure(weights, rows, moments, begin, count);
    std::copy_n(errors.loss.begin(), count, losses.begin() + begin);
  });
  return losses;
}

}  // namespace crumb
