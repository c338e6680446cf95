#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/float16.h"
#include "base/rng.h"
#include "cuda/bench/device_timing.h"
#include "cuda/device_parts.h"

namespace crumb {
namespace {

int64_t CopiesFor(int64_t bytes, int64_t l2_bytes) {
  return std::clamp<int64_t>((4 * l2_bytes + bytes - 1) / std::max<int64_t>(bytes, 1), 1,
                             kMostCopies);
}

// Few launches would measure the start of the graph.
constexpr int64_t kLeastLaunches = 20;

// A stream, two events and a recorded graph.
class Recorded : public DeviceWork {
 public:
  ~Recorded() override {
    if (graph_ != nullptr) cudaGraphExecDestroy(graph_);
    if (begin_ != nullptr) cudaEventDestroy(begin_);
    if (end_ != nullptr) cudaEventDestroy(end_);
    if (stream_ != nullptr) cudaStreamDestroy(stream_);
  }

  Result<double> Run() override {
    CRUMB_RETURN_IF_ERROR(CudaStatus(cudaEventRecord(begin_, stream_), "event"));
    CRUMB_RETURN_IF_ERROR(CudaStatus(cudaGraphLaunch(graph_, stream_), "graph"));
    CRUMB_RETURN_IF_ERROR(CudaStatus(cudaEventRecord(end_, stream_), "event"));
    CRUMB_RETURN_IF_ERROR(CudaStatus(cudaEventSynchronize(end_), "timed work"));
    float milliseconds = 0;
    CRUMB_RETURN_IF_ERROR(CudaStatus(cudaEventElapsedTime(&milliseconds, begin_, end_), "event"));
    return 1e-3 * double{milliseconds} / static_cast<double>(launches_);
  }
  int64_t bytes() const override { return bytes_; }
  bool streams() const override { return streams_; }

 protected:
  cudaStream_t stream() const { return stream_; }

  Status Open() {
    CRUMB_RETURN_IF_ERROR(CudaStatus(cudaStreamCreate(&stream_), "stream"));
    CRUMB_RETURN_IF_ERROR(CudaStatus(cudaEventCreate(&begin_), "event"));
    return CudaStatus(cudaEventCreate(&end_), "event");
  }

  // launch(copy) for copies in turn, at least kLeastLaunches times, once to warm up and once to be
  // recorded.
  template <class Launch>
  Status Record(int64_t copies, int64_t bytes, int64_t l2_bytes, const Launch& launch) {
    bytes_ = bytes;
    streams_ = copies * bytes >= 4 * l2_bytes;
    launches_ = (std::max(copies, kLeastLaunches) + copies - 1) / copies * copies;
    CRUMB_RETURN_IF_ERROR(launch(0));
    CRUMB_RETURN_IF_ERROR(CudaStatus(cudaStreamSynchronize(stream_), "first launch"));
    CRUMB_RETURN_IF_ERROR(
        CudaStatus(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "recording"));
    const Status status = [&]() -> Status {
      for (int64_t i = 0; i < launches_; ++i) CRUMB_RETURN_IF_ERROR(launch(i % copies));
      return OkStatus();
    }();
    cudaGraph_t graph = nullptr;
    const cudaError_t ended = cudaStreamEndCapture(stream_, &graph);
    CRUMB_RETURN_IF_ERROR(status);
    CRUMB_RETURN_IF_ERROR(CudaStatus(ended, "recording"));
    const cudaError_t made = cudaGraphInstantiate(&graph_, graph, 0);
    cudaGraphDestroy(graph);
    return CudaStatus(made, "recording");
  }

 private:
  cudaStream_t stream_ = nullptr;
  cudaEvent_t begin_ = nullptr;
  cudaEvent_t end_ = nullptr;
  cudaGraphExec_t graph_ = nullptr;
  int64_t launches_ = 1;
  int64_t bytes_ = 0;
  bool streams_ = false;
};

// ---- our product -------------------------------------------------------------------------------

class ProductWork final : public Recorded {
 public:
  Status Make(const PackedMatrix& w, const Activations& x, LaneFloats floats, int64_t l2_bytes) {
    CRUMB_ASSIGN_OR_RETURN(const CudaDevice device, FindCudaDevice());
    CRUMB_RETURN_IF_ERROR(Open());
    CRUMB_ASSIGN_OR_RETURN(const LaneMatrix lanes, MakeLaneMatrix(w));
    const int64_t copies = CopiesFor(lanes.bytes(), l2_bytes);
    for (int64_t i = 0; i < copies; ++i) {
      CRUMB_ASSIGN_OR_RETURN(std::shared_ptr<const CudaMatrix::Parts> copy,
                             UploadLanes(lanes, w.input));
      matrices_.push_back(std::move(copy));
    }
    CRUMB_ASSIGN_OR_RETURN(CudaRows rows, CudaRows::Upload(x, floats));
    rows_.push_back(std::move(rows));
    CRUMB_ASSIGN_OR_RETURN(output_, DeviceOutput::Make(*matrices_[0], rows_[0].parts(), device));
    return Record(copies, lanes.bytes(), l2_bytes, [&](int64_t copy) {
      return LaunchProduct(*matrices_[static_cast<size_t>(copy)], rows_[0].parts(), output_,
                           stream());
    });
  }

 private:
  std::vector<std::shared_ptr<const CudaMatrix::Parts>> matrices_;
  std::vector<CudaRows> rows_;  // one
  DeviceOutput output_;
};

// ---- cuBLAS ------------------------------------------------------------------------------------

Status CublasStatus(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return OkStatus();
  return IoError(std::string(what) + ": " + cublasGetStatusString(status));
}

class CublasWork final : public Recorded {
 public:
  ~CublasWork() override {
    if (handle_ != nullptr) cublasDestroy(handle_);
  }

  Status Make(int64_t rows, int64_t cols, int64_t batch, int64_t l2_bytes) {
    CRUMB_RETURN_IF_ERROR(Open());
    CRUMB_RETURN_IF_ERROR(CublasStatus(cublasCreate(&handle_), "cuBLAS"));
    CRUMB_RETURN_IF_ERROR(CublasStatus(cublasSetStream(handle_, stream()), "cuBLAS"));
    Rng rng(1);
    const auto random = [&](int64_t n) {
      std::vector<uint16_t> halves(static_cast<size_t>(n));
      for (uint16_t& h : halves) h = FloatToHalf(static_cast<float>(rng.Uniform()) - 0.5f);
      return halves;
    };
    const std::vector<uint16_t> weights = random(rows * cols);
    const int64_t copies = CopiesFor(2 * rows * cols, l2_bytes);
    for (int64_t i = 0; i < copies; ++i) {
      CRUMB_ASSIGN_OR_RETURN(auto copy, DeviceBuffer<uint16_t>::CopyOf(weights));
      weights_.push_back(std::move(copy));
    }
    CRUMB_ASSIGN_OR_RETURN(x_, DeviceBuffer<uint16_t>::CopyOf(random(cols * batch)));
    CRUMB_ASSIGN_OR_RETURN(y_, DeviceBuffer<uint16_t>::CopyOf(random(rows * batch)));
    const auto m = static_cast<int>(rows), n = static_cast<int>(batch), k = static_cast<int>(cols);
    return Record(copies, 2 * rows * cols, l2_bytes, [&, m, n, k](int64_t copy) {
      // Columns first, as cuBLAS has it: the rows of W are the columns of its transpose.
      const float one = 1, zero = 0;
      return CublasStatus(cublasGemmEx(handle_, CUBLAS_OP_T, CUBLAS_OP_N, m, n, k, &one,
                                       weights_[static_cast<size_t>(copy)].data(), CUDA_R_16F, k,
                                       x_.data(), CUDA_R_16F, k, &zero, y_.data(), CUDA_R_16F, m,
                                       CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
                          "cublasGemmEx");
    });
  }

 private:
  cublasHandle_t handle_ = nullptr;
  std::vector<DeviceBuffer<uint16_t>> weights_;
  DeviceBuffer<uint16_t> x_, y_;
};

// ---- reading -----------------------------------------------------------------------------------

// Four independent loads of 16 bytes a thread and step. The sum is stored only if it has a value
// that random words hardly give, so that no read can be left out.
__global__ void ReadKernel(const uint4* from, int64_t n, uint32_t* out) {
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  uint32_t sum = 0;
  int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x;
  for (; i + 3 * step < n; i += 4 * step) {
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const uint4 v = __ldcs(from + i + k * step);
      sum += v.x ^ v.y ^ v.z ^ v.w;
    }
  }
  for (; i < n; i += step) sum += from[i].x ^ from[i].y ^ from[i].z ^ from[i].w;
  if (sum == 0x9e3779b9u) *out = sum;
}

class ReadWork final : public Recorded {
 public:
  Status Make(int64_t bytes, int64_t l2_bytes) {
    CRUMB_ASSIGN_OR_RETURN(const CudaDevice device, FindCudaDevice());
    CRUMB_RETURN_IF_ERROR(Open());
    std::vector<uint32_t> words(static_cast<size_t>(bytes / 4));
    uint32_t state = 1;
    for (uint32_t& word : words) word = state = state * 1664525u + 1013904223u;
    CRUMB_ASSIGN_OR_RETURN(words_, DeviceBuffer<uint32_t>::CopyOf(words));
    CRUMB_ASSIGN_OR_RETURN(sum_, DeviceBuffer<uint32_t>::Make(1));
    const auto blocks = static_cast<uint32_t>(8 * device.multiprocessors);
    return Record(1, bytes, l2_bytes, [&, blocks, bytes](int64_t) {
      ReadKernel<<<blocks, 256, 0, stream()>>>(reinterpret_cast<const uint4*>(words_.data()),
                                               bytes / 16, sum_.data());
      return CudaStatus(cudaGetLastError(), "read");
    });
  }

 private:
  DeviceBuffer<uint32_t> words_, sum_;
};

template <class Work, class... Arguments>
Result<std::unique_ptr<DeviceWork>> Made(const Arguments&... arguments) {
  auto work = std::make_unique<Work>();
  CRUMB_RETURN_IF_ERROR(work->Make(arguments...));
  return std::unique_ptr<DeviceWork>(std::move(work));
}

}  // namespace

Result<std::unique_ptr<DeviceWork>> MakeProductWork(const PackedMatrix& w, const Activations& x,
                                                    LaneFloats floats, int64_t l2_bytes) {
  return Made<ProductWork>(w, x, floats, l2_bytes);
}

Result<std::unique_ptr<DeviceWork>> MakeCublasWork(int64_t rows, int64_t cols, int64_t batch,
                                                   int64_t l2_bytes) {
  return Made<CublasWork>(rows, cols, batch, l2_bytes);
}

Result<std::unique_ptr<DeviceWork>> MakeReadWork(int64_t bytes, int64_t l2_bytes) {
  return Made<ReadWork>(bytes, l2_bytes);
}

}  // namespace crumb
