// Row-major matrices of float32 and products of them on the thread pool: what calibration and the
// closed forms need of linear algebra, on top of a serial BLAS.
#ifndef CRUMB_QUANT_DENSE_H_
#define CRUMB_QUANT_DENSE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "codecs/packed_matrix.h"

namespace crumb {

// All rows of a matrix as weights for activations that were not transformed: rows * cols numbers.
std::vector<float> PlainWeights(const PackedMatrix& matrix, ThreadPool& pool);

// A float32 matrix that owns `values` (rows * cols numbers).
PackedMatrix Float32Matrix(int64_t rows, int64_t cols, std::vector<float> values);

// c (m x n) = a (m x k) b (k x n), or b transposed (n x k), which is faster. The sums are the same
// for any number of threads.
void MultiplyDense(const float* a, const float* b, bool b_transposed, int64_t m, int64_t n,
                   int64_t k, float* c, ThreadPool& pool);
// c (m x n) = a^T b with a (k x m) and b (k x n).
void MultiplyTransposedDense(const float* a, const float* b, int64_t m, int64_t n, int64_t k,
                             float* c, ThreadPool& pool);

// x (rows x n) <- x (h + lambda I)^-1 for symmetric h (n x n). kNumerics when it is not positive
// definite.
Status SolveSymmetric(std::span<const float> h, int64_t n, double lambda, int64_t rows, float* x,
                      ThreadPool& pool);

}  // namespace crumb

#endif  // CRUMB_QUANT_DENSE_H_
