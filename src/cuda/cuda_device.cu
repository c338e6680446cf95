#include <cuda_runtime.h>

#include "cuda/cuda_device.h"

namespace crumb {

bool BuiltWithCuda() { return true; }

Result<CudaDevice> FindCudaDevice() {
  const auto none = [](const std::string& why) { return Unsupported("no CUDA device: " + why); };
  int count = 0;
  if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess) {
    return none(cudaGetErrorString(error));
  }
  if (count == 0) return none("the driver shows none");
  int index = 0;
  cudaDeviceProp found;
  if (const cudaError_t error = cudaGetDevice(&index); error != cudaSuccess) {
    return none(cudaGetErrorString(error));
  }
  if (const cudaError_t error = cudaGetDeviceProperties(&found, index); error != cudaSuccess) {
    return none(cudaGetErrorString(error));
  }
  CudaDevice device;
  device.name = found.name;
  device.major = found.major;
  device.minor = found.minor;
  device.multiprocessors = found.multiProcessorCount;
  device.memory_bytes = static_cast<int64_t>(found.totalGlobalMem);
  device.l2_bytes = found.l2CacheSize;
  if (device.major < 8) {
    return none(device.name + " has compute capability " + std::to_string(device.major) + "." +
                std::to_string(device.minor) + ", 8.0 is needed");
  }
  return device;
}

}  // namespace crumb
