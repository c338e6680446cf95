// Derivatives of the operations of kernels/layers.h, and the product with a transposed matrix. All
// in float32 with sums of rows in float64; the same results whatever the number of threads.
#ifndef CRUMB_MODEL_BACKWARD_LAYERS_H_
#define CRUMB_MODEL_BACKWARD_LAYERS_H_

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "codecs/packed_matrix.h"
#include "kernels/attention.h"
#include "kernels/layers.h"
#include "kernels/matmul.h"

namespace crumb {

// y = x r w with r = (mean(x^2) + eps)^-1/2:  dx = r (w dy) - x r^3 mean(x w dy). dx may be dy.
void RmsNormBackward(const float* x, const float* weight, float eps, int64_t rows, int64_t cols,
                     const float* dy, float* dx, ThreadPool& pool);

// y = n w + b with n = (x - mean) r, r = (var + eps)^-1/2:
// dx = r (w dy - mean(w dy) - n mean(n w dy)). dx may be dy.
void LayerNormBackward(const float* x, const float* weight, float eps, int64_t rows, int64_t cols,
                       const float* dy, float* dx, ThreadPool& pool);

// Gradients of the norms' weights, dw[c] = sum over rows of dy x r and dy n, and of a bias.
void RmsNormWeightGradient(const float* x, float eps, int64_t rows, int64_t cols, const float* dy,
                           float* dw, ThreadPool& pool);
void LayerNormWeightGradient(const float* x, float eps, int64_t rows, int64_t cols, const float* dy,
                             float* dw, ThreadPool& pool);
void SumOfRows(const float* dy, int64_t rows, int64_t cols, float* sum, ThreadPool& pool);

// y = f(gate) up:  dgate = dy up f'(gate),  dup = dy f(gate). dgate or dup may be dy.
void GatedActivationBackward(Activation f, const float* gate, const float* up, int64_t n,
                             const float* dy, float* dgate, float* dup, ThreadPool& pool);
// y = f(x):  dx = dy f'(x). dx may be dy.
void ActivationBackward(Activation f, const float* x, int64_t n, const float* dy, float* dx,
                        ThreadPool& pool);

// Products y = x W by the kernels for y = x W^T, with a float32 transpose of W made for each call.
// For a matrix with an input transform (codecs/packed_matrix.h) W stands for W R D S.
class TransposedProduct {
 public:
  // dx[i] = dy[i] W for `rows` rows: dy is rows x w.rows, dx rows x w.cols.
  void Multiply(const PackedMatrix& w, const float* dy, int64_t rows, float* dx, ThreadPool& pool);
  // dx += dy[:, first ..] W[first .. first + count - 1, :], dy with `stride` numbers a row. For
  // matrices that are too large to be transposed at once.
  void AddRows(const PackedMatrix& w, int64_t first, int64_t count, const float* dy, int64_t rows,
               int64_t stride, float* dx, ThreadPool& pool);

 private:
  void Product(const PackedMatrix& w, int64_t first, int64_t count, const float* dy, int64_t rows,
               int64_t stride, float* dx, ThreadPool& pool);
  std::vector<float> transposed_;
  std::vector<float> sum_;
  Activations activations_;
};

// Attention of a window on itself (positions 0 .. tokens - 1, causal). With P the softmax of each
// head, O = P V and S = scale Q K^T (Vaswani et al. 2017, eq. 1):
//   dV = P^T dO,  dP = dO V^T,  dS = P (dP - rowsum(P dP)),  dQ = scale dS K,  dK = scale dS^T Q.
// The heads that share keys run together; P is made anew.
class AttentionBackward {
 public:
  // q, dout, dq: tokens x heads x dim; k, v, dk, dv: tokens x kv_heads x dim.
  void Run(const AttentionShape& shape, int64_t tokens, const float* q, const float* k,
           const float* v, const float* dout, float* dq, float* dk, float* dv, ThreadPool& pool);

 private:
  // y = x W^T with W given as float32.
  void Multiply(const std::vector<float>& w, int64_t w_rows, const std::vector<float>& x,
                int64_t x_rows, int64_t cols, std::vector<float>& y, ThreadPool& pool);
  void Softmax(const AttentionShape& shape, int64_t tokens, ThreadPool& pool);
  void ScoreGradients(const AttentionShape& shape, int64_t tokens, ThreadPool& pool);

  std::vector<float> q_, k_, v_, dout_;  // of one kv head and its query heads
  std::vector<float> p_, dp_;            // (query heads x tokens) x tokens
  std::vector<float> left_, right_, result_;
  Activations activations_;
};

}  // namespace crumb

#endif  // CRUMB_MODEL_BACKWARD_LAYERS_H_
