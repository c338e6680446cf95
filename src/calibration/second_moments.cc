#include "calibration/second_moments.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "codecs/float_codecs.h"

namespace crumb {
namespace {

constexpr int64_t kBlockRows = 512;     // products of so many rows are summed in float32
constexpr int64_t kStripColumns = 128;  // columns whose products are made in one go
constexpr float kLargest = 1e17f;       // 512 squares of it are far from the end of float32

bool Usable(const float* row, int64_t cols) {
  // A comparison with NaN is false.
  return std::all_of(row, row + cols, [](float v) { return std::abs(v) <= kLargest; });
}

std::vector<float> Means(std::span<const double> sums, int64_t count) {
  std::vector<float> means(sums.size());
  std::transform(sums.begin(), sums.end(), means.begin(), [count](double sum) {
    return static_cast<float>(sum / static_cast<double>(count));
  });
  return means;
}

}  // namespace

std::vector<float> FillSquare(std::span<const float> triangle, int64_t cols) {
  std::vector<float> square(static_cast<size_t>(cols * cols));
  const float* from = triangle.data();
  for (int64_t i = 0; i < cols; ++i) {
    for (int64_t j = 0; j <= i; ++j, ++from) {
      square[static_cast<size_t>(i * cols + j)] = *from;
      square[static_cast<size_t>(j * cols + i)] = *from;
    }
  }
  return square;
}

MomentsAccumulator::MomentsAccumulator(int64_t cols)
    : cols_(cols),
      products_(static_cast<size_t>(TriangleSize(cols))),
      sums_(static_cast<size_t>(cols)),
      abs_sums_(static_cast<size_t>(cols)),
      block_(static_cast<size_t>(cols * kBlockRows)),
      strip_(static_cast<size_t>(kStripColumns * cols)) {}

void MomentsAccumulator::Add(const float* x, int64_t rows, int64_t stride, ThreadPool& pool) {
  std::vector<char> usable(static_cast<size_t>(rows));
  pool.ParallelFor(rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      usable[static_cast<size_t>(i)] = Usable(x + i * stride, cols_) ? 1 : 0;
    }
  });
  std::vector<const float*> good;
  for (int64_t i = 0; i < rows; ++i) {
    if (usable[static_cast<size_t>(i)] != 0) good.push_back(x + i * stride);
  }
  not_finite_ += rows - std::ssize(good);
  count_ += std::ssize(good);
  std::span<const float* const> rest = good;
  while (!rest.empty()) {
    const size_t fitting = std::min(rest.size(), static_cast<size_t>(kBlockRows - waiting_));
    Store(rest.first(fitting), pool);
    rest = rest.subspan(fitting);
    if (waiting_ == kBlockRows) AddProducts(pool);
  }
}

void MomentsAccumulator::Store(std::span<const float* const> rows, ThreadPool& pool) {
  // A few columns at a time, so that the places written to stay in the cache.
  constexpr int64_t kColumns = 16;
  pool.ParallelFor(cols_, kColumns, [&](int64_t from, int64_t to, int) {
    for (int64_t begin = from; begin < to; begin += kColumns) {
      const int64_t end = std::min(begin + kColumns, to);
      for (size_t i = 0; i < rows.size(); ++i) {
        for (int64_t c = begin; c < end; ++c) {
          const float value = rows[i][c];
          block_[static_cast<size_t>(c * kBlockRows + waiting_) + i] = value;
          sums_[static_cast<size_t>(c)] += value;
          abs_sums_[static_cast<size_t>(c)] += std::abs(value);
        }
      }
    }
  });
  waiting_ += std::ssize(rows);
}

void MomentsAccumulator::AddProducts(ThreadPool& pool) {
  // Columns as weights and as activations of the kernels, which are faster than a BLAS here:
  // y[c][j] = column c times column j, for the columns of a strip and all columns up to its end.
  PackedMatrix columns;
  columns.codec = Float32Codec();
  columns.cols = kBlockRows;
  for (int64_t first = 0; first < cols_; first += kStripColumns) {
    const int64_t end = std::min(first + kStripColumns, cols_);
    columns.rows = end;
    columns.codes = std::as_bytes(std::span(block_.data(), static_cast<size_t>(end * kBlockRows)));
    strip_input_.Set(block_.data() + first * kBlockRows, end - first, kBlockRows, kBlockRows,
                     ActivationType::kFloat32, pool);
    MatMul(columns, strip_input_, strip_.data(), cols_, pool);
    pool.ParallelFor(end - first, 1, [&](int64_t from, int64_t to, int) {
      for (int64_t c = from; c < to; ++c) {
        const float* products = strip_.data() + c * cols_;
        double* sums = products_.data() + TriangleSize(first + c);
        for (int64_t j = 0; j <= first + c; ++j) sums[j] += products[j];
      }
    });
  }
  std::fill(block_.begin(), block_.end(), 0.0f);
  waiting_ = 0;
}

Result<SecondMoments> MomentsAccumulator::FinishTriangle() {
  if (count_ == 0) {
    return NumericsError(fmt::format(
        "no activations to take second moments of: {} rows were left out for NaN or Inf",
        not_finite_));
  }
  if (waiting_ > 0) {
    ThreadPool alone(1);
    AddProducts(alone);
  }
  return SecondMoments{.cols = cols_,
                       .count = count_,
                       .hessian = Means(products_, count_),
                       .mean = Means(sums_, count_),
                       .mean_abs = Means(abs_sums_, count_),
                       .not_finite = not_finite_};
}

Result<SecondMoments> MomentsAccumulator::Finish() {
  CRUMB_ASSIGN_OR_RETURN(SecondMoments moments, FinishTriangle());
  moments.hessian = FillSquare(moments.hessian, cols_);
  return moments;
}

int64_t MomentsAccumulator::bytes() const {
  const size_t doubles = products_.size() + sums_.size() + abs_sums_.size();
  const size_t floats = block_.size() + strip_.size();
  return static_cast<int64_t>(doubles * sizeof(double) + floats * sizeof(float)) +
         strip_input_.bytes();
}

int64_t MomentsAccumulator::BytesFor(int64_t cols) {
  constexpr int64_t kDouble = sizeof(double);
  constexpr int64_t kFloat = sizeof(float);
  constexpr int64_t kAlignment = 256;  // of the activations
  return kDouble * (TriangleSize(cols) + 2 * cols) +
         kFloat * (cols * (kBlockRows + kStripColumns) + kStripColumns * kBlockRows) + kAlignment;
}

}  // namespace crumb
