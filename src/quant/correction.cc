#include "quant/correction.h"

#include <algorithm>

#include "base/check.h"
#include "quant/dense.h"

namespace crumb {
namespace {

double MeanDiagonal(const SecondMoments& moments) {
  const auto n = static_cast<size_t>(moments.cols);
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += moments.hessian[i * n + i];
  return sum / static_cast<double>(n);
}

}  // namespace

CrossMoments::CrossMoments(int64_t a_width, int64_t b_width)
    : a_width_(a_width),
      b_width_(b_width),
      sums_(static_cast<size_t>(a_width * b_width)),
      a_sums_(static_cast<size_t>(a_width)) {}

void CrossMoments::Add(const float* a, const float* b, int64_t rows, ThreadPool& pool) {
  constexpr int64_t kColumns = 16;  // of a, a cache line
  block_.resize(sums_.size());
  MultiplyTransposedDense(a, b, a_width_, b_width_, rows, block_.data(), pool);
  pool.ParallelFor(a_width_, kColumns, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin * b_width_; i < end * b_width_; ++i) {
      sums_[static_cast<size_t>(i)] += block_[static_cast<size_t>(i)];
    }
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = begin; j < end; ++j) a_sums_[static_cast<size_t>(j)] += a[i * a_width_ + j];
    }
  });
  count_ += rows;
}

std::vector<float> CrossMoments::Mean() const {
  const double scale = count_ > 0 ? 1 / static_cast<double>(count_) : 0;
  std::vector<float> mean(sums_.size());
  std::transform(sums_.begin(), sums_.end(), mean.begin(),
                 [scale](double sum) { return static_cast<float>(sum * scale); });
  return mean;
}

std::vector<float> CrossMoments::MeanOfA() const {
  const double scale = count_ > 0 ? 1 / static_cast<double>(count_) : 0;
  std::vector<float> mean(a_sums_.size());
  std::transform(a_sums_.begin(), a_sums_.end(), mean.begin(),
                 [scale](double sum) { return static_cast<float>(sum * scale); });
  return mean;
}

std::vector<float> ChangeForInputs(const PackedMatrix& weights, std::span<const float> input_error,
                                   ThreadPool& pool) {
  const int64_t cols = weights.cols;
  CRUMB_CHECK(std::ssize(input_error) == cols * cols);
  const std::vector<float> exact = PlainWeights(weights, pool);
  std::vector<float> change(exact.size());
  MultiplyDense(exact.data(), input_error.data(), false, weights.rows, cols, cols, change.data(),
                pool);
  return change;
}

std::vector<float> ChangeForTarget(const PackedMatrix& weights, const SecondMoments& moments,
                                   std::span<const float> target, ThreadPool& pool) {
  const int64_t cols = weights.cols;
  CRUMB_CHECK(moments.cols == cols && std::ssize(target) == weights.rows * cols);
  const std::vector<float> exact = PlainWeights(weights, pool);
  std::vector<float> change(exact.size());
  MultiplyDense(exact.data(), moments.hessian.data(), true, weights.rows, cols, cols, change.data(),
                pool);
  for (size_t i = 0; i < change.size(); ++i) change[i] = target[i] - change[i];
  return change;
}

Result<PackedMatrix> CorrectedWeights(const PackedMatrix& weights, const SecondMoments& moments,
                                      std::vector<float> change, double damping, ThreadPool& pool) {
  const int64_t rows = weights.rows;
  const int64_t cols = weights.cols;
  CRUMB_CHECK(moments.cols == cols && std::ssize(change) == rows * cols);
  const double lambda = damping * MeanDiagonal(moments);
  CRUMB_RETURN_IF_ERROR(SolveSymmetric(moments.hessian, cols, lambda, rows, change.data(), pool));
  std::vector<float> corrected = PlainWeights(weights, pool);
  std::transform(corrected.begin(), corrected.end(), change.begin(), corrected.begin(),
                 std::plus<>());
  return Float32Matrix(rows, cols, std::move(corrected));
}

Result<std::vector<float>> NormFactors(std::span<const NormReader> readers,
                                       const SecondMoments& moments, double damping,
                                       ThreadPool& pool) {
  const int64_t n = moments.cols;
  const auto size = static_cast<size_t>(n);
  std::vector<float> normal(size * size);   // sum of Q^T Q, then times H entry by entry
  std::vector<float> product(size * size);  // of one reader
  std::vector<float> right(size);           // diag(Q^T W* H)
  for (const NormReader& reader : readers) {
    const int64_t rows = reader.packed->rows;
    std::vector<float> q = PlainWeights(*reader.packed, pool);
    const std::vector<float> target = PlainWeights(*reader.target, pool);
    std::vector<float> output(q.size());
    MultiplyDense(target.data(), moments.hessian.data(), true, rows, n, n, output.data(), pool);
    std::vector<float> weighted = q;
    if (!reader.row_importance.empty()) {
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < n; ++c) {
          weighted[static_cast<size_t>(r * n + c)] *= reader.row_importance[static_cast<size_t>(r)];
        }
      }
    }
    MultiplyTransposedDense(weighted.data(), q.data(), n, n, rows, product.data(), pool);
    for (size_t i = 0; i < normal.size(); ++i) normal[i] += product[i];
    for (int64_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < size; ++c) {
        const size_t at = static_cast<size_t>(r) * size + c;
        right[c] += weighted[at] * output[at];
      }
    }
  }
  double diagonal = 0;
  for (size_t i = 0; i < normal.size(); ++i) normal[i] *= moments.hessian[i];
  for (size_t i = 0; i < size; ++i) diagonal += normal[i * size + i];
  // Solved for d - 1, so that the damping pulls towards 1.
  for (size_t i = 0; i < size; ++i) {
    for (size_t j = 0; j < size; ++j) right[i] -= normal[i * size + j];
  }
  const double lambda = damping * diagonal / static_cast<double>(n);
  CRUMB_RETURN_IF_ERROR(SolveSymmetric(normal, n, lambda, 1, right.data(), pool));
  for (float& factor : right) factor += 1;
  return right;
}

std::vector<float> TunedBias(const BiasReader& reader, ThreadPool& pool) {
  const auto rows = static_cast<size_t>(reader.packed->rows);
  const auto cols = static_cast<size_t>(reader.packed->cols);
  CRUMB_CHECK(reader.bias.size() == rows && reader.target_mean.size() == rows);
  CRUMB_CHECK(reader.packed_mean.size() == cols);
  const std::vector<float> packed = PlainWeights(*reader.packed, pool);
  std::vector<float> bias(rows);
  for (size_t r = 0; r < rows; ++r) {
    double sum = static_cast<double>(reader.bias[r]) + reader.target_mean[r];
    for (size_t c = 0; c < cols; ++c) {
      sum -= static_cast<double>(packed[r * cols + c]) * reader.packed_mean[c];
    }
    bias[r] = static_cast<float>(sum);
  }
  return bias;
}

std::vector<float> MeanOutput(const PackedMatrix& weights, std::span<const float> mean,
                              ThreadPool& pool) {
  const auto cols = static_cast<size_t>(weights.cols);
  CRUMB_CHECK(mean.size() == cols);
  const std::vector<float> values = PlainWeights(weights, pool);
  std::vector<float> output(static_cast<size_t>(weights.rows));
  for (size_t r = 0; r < output.size(); ++r) {
    double sum = 0;
    for (size_t c = 0; c < cols; ++c) sum += static_cast<double>(values[r * cols + c]) * mean[c];
    output[r] = static_cast<float>(sum);
  }
  return output;
}

}  // namespace crumb
