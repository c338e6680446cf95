// Products with packed weights on a CUDA GPU: y = x W^T for batches of 1 to a few dozen rows, as
// generation needs them. The built-in backend for CPUs is kernels/matmul.h; nothing here is chosen
// behind a caller's back.
//
// Codecs: f16, int8-g64, int4-g64, int3-g64, int2-g64, int1-g64, ternary-g64, binary-row, trellis1
// to trellis4 (kUnsupported for others). Activations are prepared on the CPU by Activations::Set:
// input transform (signs, scales, rotation) and int8 codes are the CPU's, bit for bit.
//
//   int8 codes   exact integer dot products over each group of 64, scaled and added up in float32
//   floats       as float16 numbers, or each as two (cuda/lane_rows.h has the bounds); float32 sums
//
// The bytes of the weights are those of the codec (a row's scale takes 4 bytes, not 2), in another
// order: repacked once, on the CPU, by Upload. Results do not depend on timing: sums are added in a
// fixed order.
//
// Built with nvcc where it was found (CMake option CRUMB_CUDA); else all calls give kUnsupported,
// "not built with CUDA". With it, on a machine without a usable GPU (compute capability 8.0 or
// more), "no CUDA device: REASON". Other failures of CUDA are kIoError, too little memory on the
// GPU kUnsupported.
//
// Always on the current device's default stream. Objects may be used by one thread at a time; they
// own memory of the GPU, are movable, and copies share it.
#ifndef CRUMB_CUDA_CUDA_MATMUL_H_
#define CRUMB_CUDA_CUDA_MATMUL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "codecs/packed_matrix.h"
#include "cuda/cuda_device.h"
#include "cuda/lane_rows.h"
#include "kernels/matmul.h"

namespace crumb {

// Weights in the memory of the GPU.
class CudaMatrix {
 public:
  // Repacks and copies. REQUIRES: ValidateMatrix(matrix) was ok. The matrix is not needed after it.
  static Result<CudaMatrix> Upload(const PackedMatrix& matrix);

  int64_t rows() const;
  int64_t cols() const;
  // On the GPU, padding of the last tile and group included.
  int64_t bytes() const;

  struct Parts;
  const Parts& parts() const { return *parts_; }

 private:
  explicit CudaMatrix(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;
};

// Activations in the memory of the GPU.
class CudaRows {
 public:
  // The int8 codes of `x` where it has them, for weights that are not float16; its floats as
  // `floats` says.
  static Result<CudaRows> Upload(const Activations& x, LaneFloats floats = LaneFloats::kSplit);

  int64_t batch() const;
  int64_t cols() const;

  struct Parts;
  const Parts& parts() const { return *parts_; }

 private:
  explicit CudaRows(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;
};

// y[b * y_stride + r] in host memory, for every row b of `x` and row r of `w`; waits for it.
// kInvalidArgument where columns or input transforms differ.
Status CudaMatMul(const CudaMatrix& w, const CudaRows& x, float* y, int64_t y_stride);

}  // namespace crumb

#endif  // CRUMB_CUDA_CUDA_MATMUL_H_
