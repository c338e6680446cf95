// Inside of src/cuda, for nvcc only: memory of the GPU, and what CudaMatrix and CudaRows hold.
#ifndef CRUMB_CUDA_DEVICE_PARTS_H_
#define CRUMB_CUDA_DEVICE_PARTS_H_

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/status.h"
#include "cuda/cuda_matmul.h"
#include "cuda/lane_matrix.h"
#include "cuda/launch.h"
#include "cuda/tile_kernel.h"

namespace crumb {

// Owns n objects of T in the memory of the GPU; movable.
template <class T>
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~DeviceBuffer() { cudaFree(data_); }

  // Not set to anything.
  static Result<DeviceBuffer> Make(size_t n) {
    DeviceBuffer buffer;
    buffer.size_ = n;
    if (n == 0) return std::move(buffer);  // nvcc does not see by itself that it may move
    CRUMB_RETURN_IF_ERROR(CudaStatus(
        cudaMalloc(reinterpret_cast<void**>(&buffer.data_), n * sizeof(T)), "memory of the GPU"));
    return std::move(buffer);
  }
  static Result<DeviceBuffer> CopyOf(const std::vector<T>& values) {
    CRUMB_ASSIGN_OR_RETURN(DeviceBuffer buffer, Make(values.size()));
    CRUMB_RETURN_IF_ERROR(
        CudaStatus(cudaMemcpy(buffer.data_, values.data(), buffer.bytes(), cudaMemcpyHostToDevice),
                   "copy to the GPU"));
    return std::move(buffer);
  }

  T* data() const { return data_; }
  size_t size() const { return size_; }
  size_t bytes() const { return size_ * sizeof(T); }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

// What a matrix's activations must have gone through: copies of the bytes.
struct TransformBytes {
  std::vector<std::byte> signs, scales;

  explicit TransformBytes(const InputTransform& t)
      : signs(t.signs.begin(), t.signs.end()), scales(t.scales.begin(), t.scales.end()) {}
  friend bool operator==(const TransformBytes&, const TransformBytes&) = default;
};

struct CudaMatrix::Parts {
  LaneFormat format;
  int64_t cols;
  int64_t tile_rows;
  int64_t tiles;
  TransformBytes input;
  DeviceBuffer<uint32_t> codes, scales, zeros;
  DeviceBuffer<float> row_scales;
  DeviceBuffer<uint8_t> table;
  LaneMatrixView view;  // of the buffers
};

// Copies a repacked matrix to the GPU.
Result<std::shared_ptr<const CudaMatrix::Parts>> UploadLanes(const LaneMatrix& lanes,
                                                             const InputTransform& input);

// One kind of numbers for the same activations.
struct DeviceNumbers {
  bool there = false;
  DeviceBuffer<uint32_t> numbers;
  DeviceBuffer<float> scales, sums, column_scales;
  LaneRowsView view;

  static Result<DeviceNumbers> CopyOf(const LaneRows& rows);
};

struct CudaRows::Parts {
  int64_t batch;
  int64_t cols;
  TransformBytes transform;
  DeviceNumbers codes;  // where the activations have them
  DeviceNumbers halves;
};

// Result and workspace of one product, kept for the next one of the same shape.
struct DeviceOutput {
  LaunchShape shape;
  DeviceBuffer<float> y;  // [batch][rows]
  DeviceBuffer<float> sums;
  DeviceBuffer<uint32_t> counters;

  // kInvalidArgument where matrix and rows do not go together.
  static Result<DeviceOutput> Make(const CudaMatrix::Parts& w, const CudaRows::Parts& x,
                                   const CudaDevice& device);
};

// Launches on `stream` without waiting.
Status LaunchProduct(const CudaMatrix::Parts& w, const CudaRows::Parts& x,
                     const DeviceOutput& output, cudaStream_t stream);

}  // namespace crumb

#endif  // CRUMB_CUDA_DEVICE_PARTS_H_
