// For the benchmark: work on the GPU, timed by the GPU's own events. Each piece of work is recorded
// once as a graph of launches, so that a replay has no pauses for the CPU, and then run round by
// round, in turn with the others.
//
// Weights are read from memory, not from cache: a piece of work goes through copies that together
// exceed four times the L2 cache, as far as kMostCopies allow.
#ifndef CRUMB_CUDA_BENCH_DEVICE_TIMING_H_
#define CRUMB_CUDA_BENCH_DEVICE_TIMING_H_

#include <cstdint>
#include <memory>

#include "base/status.h"
#include "codecs/packed_matrix.h"
#include "cuda/lane_rows.h"
#include "kernels/matmul.h"

namespace crumb {

inline constexpr int64_t kMostCopies = 256;

class DeviceWork {
 public:
  virtual ~DeviceWork() = default;

  // Seconds of one replay, divided by the launches in it; waits for its end.
  virtual Result<double> Run() = 0;
  // Bytes of weights that one launch reads, as they lie on the GPU.
  virtual int64_t bytes() const = 0;
  // Whether the copies exceed four times the L2 cache.
  virtual bool streams() const = 0;
};

// One launch of the product, copies of the matrix in turn. REQUIRES: ValidateMatrix was ok.
Result<std::unique_ptr<DeviceWork>> MakeProductWork(const PackedMatrix& w, const Activations& x,
                                                    LaneFloats floats, int64_t l2_bytes);

// The same with float16 weights and cublasGemmEx, sums in float32, result in float16.
Result<std::unique_ptr<DeviceWork>> MakeCublasWork(int64_t rows, int64_t cols, int64_t batch,
                                                   int64_t l2_bytes);

// A kernel that only adds up the words of `bytes` bytes: the read bandwidth.
Result<std::unique_ptr<DeviceWork>> MakeReadWork(int64_t bytes, int64_t l2_bytes);

}  // namespace crumb

#endif  // CRUMB_CUDA_BENCH_DEVICE_TIMING_H_
