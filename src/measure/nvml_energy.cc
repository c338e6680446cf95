#include "measure/nvml_energy.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <utility>
#include <vector>

#include "measure/machine.h"

namespace crumb {
namespace {

template <typename F>
bool Look(void* library, const char* name, F** out) {
  *out = reinterpret_cast<F*>(::dlsym(library, name));
  return *out != nullptr;
}

class NvmlSource : public EnergySource {
 public:
  NvmlSource(NvmlApi api, std::vector<NvmlApi::Device> devices)
      : api_(std::move(api)), devices_(std::move(devices)) {}
  ~NvmlSource() override { api_.shutdown(); }
  NvmlSource(const NvmlSource&) = delete;
  NvmlSource& operator=(const NvmlSource&) = delete;

  std::string source() const override { return "nvml"; }

  Status Start() override {
    CRUMB_ASSIGN_OR_RETURN(start_mj_, Read());
    start_seconds_ = Now();
    return OkStatus();
  }

  Result<Energy> Stop() override {
    Energy energy;
    energy.seconds = Now() - start_seconds_;
    CRUMB_ASSIGN_OR_RETURN(const std::vector<unsigned long long> end, Read());
    for (size_t i = 0; i < end.size(); ++i) {
      if (end[i] < start_mj_[i]) {
        return Unsupported(fmt::format(
            "not measured: the counter of GPU {} started anew; was the driver reloaded?", i));
      }
      energy.joules += 1e-3 * static_cast<double>(end[i] - start_mj_[i]);
      energy.scope += fmt::format("{}gpu-{}", i == 0 ? "" : " + ", i);
    }
    if (energy.joules == 0) {
      return Unsupported("not measured: the counters of the GPU did not move; measure longer");
    }
    return energy;
  }

  Result<std::vector<unsigned long long>> Read() const {
    std::vector<unsigned long long> values(devices_.size());
    for (size_t i = 0; i < devices_.size(); ++i) {
      if (const int code = api_.total_energy(devices_[i], &values[i]); code != 0) {
        return Unsupported(
            fmt::format("not measured: GPU {} has no readable energy counter (NVML error {}); they "
                        "came with Volta",
                        i, code));
      }
    }
    return values;
  }

 private:
  NvmlApi api_;
  std::vector<NvmlApi::Device> devices_;
  std::vector<unsigned long long> start_mj_;
  double start_seconds_ = 0;
};

}  // namespace

Result<NvmlApi> OpenNvml(const std::string& library) {
  void* handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return Unsupported(fmt::format("not measured: there is no {} (no NVIDIA driver)", library));
  }
  NvmlApi api;
  api.handle = std::shared_ptr<void>(handle, [](void* open) { ::dlclose(open); });
  if (!Look(handle, "nvmlInit_v2", &api.init) || !Look(handle, "nvmlShutdown", &api.shutdown) ||
      !Look(handle, "nvmlDeviceGetCount_v2", &api.count) ||
      !Look(handle, "nvmlDeviceGetHandleByIndex_v2", &api.device) ||
      !Look(handle, "nvmlDeviceGetTotalEnergyConsumption", &api.total_energy)) {
    return Unsupported(fmt::format("not measured: {} is too old to tell energies", library));
  }
  return api;
}

Result<std::unique_ptr<EnergySource>> MakeNvmlSource(NvmlApi api) {
  if (const int code = api.init(); code != 0) {
    return Unsupported(fmt::format("not measured: NVML does not start (error {})", code));
  }
  unsigned count = 0;
  std::vector<NvmlApi::Device> devices;
  if (api.count(&count) == 0) {
    for (unsigned i = 0; i < count; ++i) {
      NvmlApi::Device device = nullptr;
      if (api.device(i, &device) == 0) devices.push_back(device);
    }
  }
  if (devices.empty()) {
    api.shutdown();
    return Unsupported("not measured: NVML finds no GPU");
  }
  auto source = std::make_unique<NvmlSource>(std::move(api), std::move(devices));
  CRUMB_RETURN_IF_ERROR(source->Read().status());
  return std::unique_ptr<EnergySource>(std::move(source));
}

}  // namespace crumb
