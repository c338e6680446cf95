// The contract of cuda_device.h and cuda_matmul.h where nvcc was not found.
#include "cuda/cuda_device.h"
#include "cuda/cuda_matmul.h"

namespace crumb {
namespace {

Status NotBuilt() { return Unsupported("not built with CUDA"); }

}  // namespace

// Never made: there is no way to get an object.
struct CudaMatrix::Parts {
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t bytes = 0;
};
struct CudaRows::Parts {
  int64_t batch = 0;
  int64_t cols = 0;
};

bool BuiltWithCuda() { return false; }
Result<CudaDevice> FindCudaDevice() { return NotBuilt(); }

Result<CudaMatrix> CudaMatrix::Upload(const PackedMatrix&) { return NotBuilt(); }
int64_t CudaMatrix::rows() const { return parts_->rows; }
int64_t CudaMatrix::cols() const { return parts_->cols; }
int64_t CudaMatrix::bytes() const { return parts_->bytes; }

Result<CudaRows> CudaRows::Upload(const Activations&, LaneFloats) { return NotBuilt(); }
int64_t CudaRows::batch() const { return parts_->batch; }
int64_t CudaRows::cols() const { return parts_->cols; }

Status CudaMatMul(const CudaMatrix&, const CudaRows&, float*, int64_t) { return NotBuilt(); }

}  // namespace crumb
