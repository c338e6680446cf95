#include "cuda/cuda_device.h"

#include <fmt/format.h>

namespace crumb {

std::string DescribeCudaDevice() {
  const Result<CudaDevice> device = FindCudaDevice();
  if (!device.ok()) return device.status().message();
  return fmt::format("{}, compute capability {}.{}, {} multiprocessors, {:.1f} GiB", device->name,
                     device->major, device->minor, device->multiprocessors,
                     static_cast<double>(device->memory_bytes) / (1 << 30));
}

}  // namespace crumb
