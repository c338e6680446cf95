// Whether there is a GPU that crumb's CUDA kernels can use.
#ifndef CRUMB_CUDA_CUDA_DEVICE_H_
#define CRUMB_CUDA_CUDA_DEVICE_H_

#include <cstdint>
#include <string>

#include "base/status.h"

namespace crumb {

struct CudaDevice {
  std::string name;
  int major = 0;  // compute capability
  int minor = 0;
  int multiprocessors = 0;
  int64_t memory_bytes = 0;
  int64_t l2_bytes = 0;
};

// Whether this program was built with nvcc.
bool BuiltWithCuda();

// The current device (device 0, unless CUDA_VISIBLE_DEVICES says otherwise). kUnsupported with "not
// built with CUDA", or "no CUDA device: REASON". The first call may take some 100 ms.
Result<CudaDevice> FindCudaDevice();

// One line for people: "not built with CUDA", "no CUDA device: REASON", or the device.
std::string DescribeCudaDevice();

}  // namespace crumb

#endif  // CRUMB_CUDA_CUDA_DEVICE_H_
