// Products of small float matrices inside one thread of the pool, by the kernels of the forward
// pass. (OpenBLAS's serial build may not be called by two threads at once: its buffers are shared
// without a lock, and results were seen to change.)
#ifndef CRUMB_QUANT_SERIAL_PRODUCT_H_
#define CRUMB_QUANT_SERIAL_PRODUCT_H_

#include <cstdint>
#include <span>

#include "base/thread_pool.h"
#include "codecs/float_codecs.h"
#include "kernels/matmul.h"

namespace crumb {

// A view of rows x cols numbers as weights; they must outlive it.
inline PackedMatrix ViewFloats(std::span<const float> values, int64_t rows, int64_t cols) {
  return {.codec = Float32Codec(), .rows = rows, .cols = cols, .codes = std::as_bytes(values)};
}

// One to a thread.
class SerialProduct {
 public:
  // y (batch x b.rows, rows y_stride apart) = x (batch x b.cols, rows x_stride apart) b^T.
  void Run(const float* x, int64_t batch, int64_t x_stride, const PackedMatrix& b, float* y,
           int64_t y_stride) {
    activations_.Set(x, batch, b.cols, x_stride, ActivationType::kFloat32, pool_);
    MatMul(b, activations_, y, y_stride, pool_);
  }

 private:
  ThreadPool pool_{1};
  Activations activations_;
};

}  // namespace crumb

#endif  // CRUMB_QUANT_SERIAL_PRODUCT_H_
