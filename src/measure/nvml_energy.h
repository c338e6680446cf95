// Energy of NVIDIA GPUs since the driver was loaded (NVML, nvmlDeviceGetTotalEnergyConsumption, in
// millijoules; Volta and later). The library is opened while the program runs: a machine without it
// needs nothing.
#ifndef CRUMB_MEASURE_NVML_ENERGY_H_
#define CRUMB_MEASURE_NVML_ENERGY_H_

#include <memory>
#include <string>

#include "base/status.h"
#include "measure/energy_source.h"

namespace crumb {

// The calls that are used, as the library declares them; 0 is success.
struct NvmlApi {
  using Device = void*;
  int (*init)() = nullptr;                                     // nvmlInit_v2
  int (*shutdown)() = nullptr;                                 // nvmlShutdown
  int (*count)(unsigned*) = nullptr;                           // nvmlDeviceGetCount_v2
  int (*device)(unsigned, Device*) = nullptr;                  // nvmlDeviceGetHandleByIndex_v2
  int (*total_energy)(Device, unsigned long long*) = nullptr;  // ...GetTotalEnergyConsumption
  std::shared_ptr<void> handle;                                // keeps it open
};
// kUnsupported, "not measured: ...", where it is not there or lacks one of them.
Result<NvmlApi> OpenNvml(const std::string& library);

// All GPUs together. kUnsupported where there is none, or one whose counter can not be read.
Result<std::unique_ptr<EnergySource>> MakeNvmlSource(NvmlApi api);

}  // namespace crumb

#endif  // CRUMB_MEASURE_NVML_ENERGY_H_
