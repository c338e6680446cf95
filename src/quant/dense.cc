#include "quant/dense.h"

#include <cblas.h>
#include <fmt/format.h>
#include <lapacke.h>

#include <algorithm>
#include <memory>

#include "codecs/codec.h"
#include "codecs/float_codecs.h"
#include "kernels/matmul.h"
#include "kernels/rotation.h"

namespace crumb {
namespace {

// Rows of activations that are multiplied in one go: their copy stays in the cache.
constexpr int64_t kBatch = 256;
// Right sides that are solved together.
constexpr int64_t kRightSides = 256;
constexpr int64_t kTransposeTile = 16;

int Int(int64_t n) { return static_cast<int>(n); }

// a (rows x cols) as cols x rows.
std::vector<float> Transposed(const float* a, int64_t rows, int64_t cols, ThreadPool& pool) {
  std::vector<float> out(static_cast<size_t>(rows * cols));
  pool.ParallelFor(cols, kTransposeTile, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = 0; r < rows; r += kTransposeTile) {
      const int64_t r_end = std::min(r + kTransposeTile, rows);
      for (int64_t c = begin; c < end; ++c) {
        for (int64_t i = r; i < r_end; ++i)
          out[static_cast<size_t>(c * rows + i)] = a[i * cols + c];
      }
    }
  });
  return out;
}

}  // namespace

std::vector<float> PlainWeights(const PackedMatrix& matrix, ThreadPool& pool) {
  std::vector<float> values(static_cast<size_t>(matrix.rows * matrix.cols));
  const auto cols = static_cast<size_t>(matrix.cols);
  pool.ParallelFor(matrix.rows, 1, [&](int64_t begin, int64_t end, int) {
    std::vector<float> scratch(cols);
    for (int64_t r = begin; r < end; ++r) {
      const std::span<float> row(values.data() + static_cast<size_t>(r) * cols, cols);
      matrix.codec->DecodeRow(matrix, r, row);
      UndoInputTransformOfRow(matrix.input, row, scratch);
    }
  });
  return values;
}

PackedMatrix Float32Matrix(int64_t rows, int64_t cols, std::vector<float> values) {
  auto owner = std::make_shared<const std::vector<float>>(std::move(values));
  PackedMatrix matrix;
  matrix.codec = Float32Codec();
  matrix.rows = rows;
  matrix.cols = cols;
  matrix.codes = std::as_bytes(std::span(*owner));
  matrix.owner = owner;
  return matrix;
}

namespace {

void MultiplyByTransposed(const float* a, const float* b, int64_t m, int64_t n, int64_t k, float* c,
                          ThreadPool& pool) {
  // The kernels of the forward pass are faster than a BLAS that does not know the CPU.
  PackedMatrix weights;
  weights.codec = Float32Codec();
  weights.rows = n;
  weights.cols = k;
  weights.codes = std::as_bytes(std::span(b, static_cast<size_t>(n * k)));
  Activations input;
  for (int64_t row = 0; row < m; row += kBatch) {
    input.Set(a + row * k, std::min(kBatch, m - row), k, k, ActivationType::kFloat32, pool);
    MatMul(weights, input, c + row * n, n, pool);
  }
}

}  // namespace

void MultiplyDense(const float* a, const float* b, bool b_transposed, int64_t m, int64_t n,
                   int64_t k, float* c, ThreadPool& pool) {
  if (b_transposed) {
    MultiplyByTransposed(a, b, m, n, k, c, pool);
  } else {
    MultiplyByTransposed(a, Transposed(b, k, n, pool).data(), m, n, k, c, pool);
  }
}

void MultiplyTransposedDense(const float* a, const float* b, int64_t m, int64_t n, int64_t k,
                             float* c, ThreadPool& pool) {
  const std::vector<float> rows = Transposed(a, k, m, pool);
  MultiplyByTransposed(rows.data(), Transposed(b, k, n, pool).data(), m, n, k, c, pool);
}

Status SolveSymmetric(std::span<const float> h, int64_t n, double lambda, int64_t rows, float* x,
                      ThreadPool& /*pool*/) {
  std::vector<double> factor(h.begin(), h.end());
  for (int64_t i = 0; i < n; ++i) factor[static_cast<size_t>(i * n + i)] += lambda;
  const lapack_int info = LAPACKE_dpotrf(LAPACK_ROW_MAJOR, 'L', Int(n), factor.data(), Int(n));
  if (info != 0) {
    return NumericsError(
        fmt::format("a matrix of second moments is not positive definite at column {}", info));
  }
  // On one thread: two threads in the serial OpenBLAS at once spoil each other's buffers.
  std::vector<double> some(static_cast<size_t>(kRightSides * n));
  for (int64_t begin = 0; begin < rows; begin += kRightSides) {
    float* first = x + begin * n;
    const int64_t count = std::min(kRightSides, rows - begin);
    std::copy_n(first, count * n, some.begin());
    for (const CBLAS_TRANSPOSE side : {CblasTrans, CblasNoTrans}) {
      cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, side, CblasNonUnit, Int(count), Int(n),
                  1.0, factor.data(), Int(n), some.data(), Int(n));
    }
    std::transform(some.begin(), some.begin() + count * n, first,
                   [](double value) { return static_cast<float>(value); });
  }
  return OkStatus();
}

}  // namespace crumb
