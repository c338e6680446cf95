#include "measure/energy_source.h"

#include <utility>

#include "measure/battery.h"
#include "measure/meter_file.h"
#include "measure/nvml_energy.h"

namespace crumb {
namespace {

class RaplSource : public EnergySource {
 public:
  explicit RaplSource(EnergyMeter meter) : meter_(std::move(meter)) {}
  std::string source() const override { return "rapl"; }
  Status Start() override { return meter_.Start(); }
  Status Poll() override { return meter_.Poll(); }
  Result<Energy> Stop() override {
    CRUMB_ASSIGN_OR_RETURN(Energy energy, meter_.Stop());
    if (energy.joules <= 0) {
      return Unsupported("not measured: the counters of the CPU did not move");
    }
    return energy;
  }

 private:
  EnergyMeter meter_;
};

Result<std::unique_ptr<EnergySource>> MakeRaplSource(const std::string& root) {
  CRUMB_ASSIGN_OR_RETURN(EnergyMeter meter, EnergyMeter::Create(root));
  return std::unique_ptr<EnergySource>(std::make_unique<RaplSource>(std::move(meter)));
}

Result<std::unique_ptr<EnergySource>> FindNvml(const std::string& library) {
  CRUMB_ASSIGN_OR_RETURN(NvmlApi api, OpenNvml(library));
  return MakeNvmlSource(std::move(api));
}

}  // namespace

Result<EnergySources> FindEnergySources(const EnergySearch& search) {
  EnergySources sources;
  const auto add = [&](const char* name, Result<std::unique_ptr<EnergySource>> source) {
    if (source.ok()) {
      sources.found.push_back(std::move(source).value());
    } else {
      sources.missing.push_back({name, source.status().message()});
    }
  };
  add("rapl", MakeRaplSource(search.root));
  add("nvml", FindNvml(search.nvml_library));
  add("battery", MakeBatterySource(search.root));
  if (search.meter_file.empty()) {
    sources.missing.push_back({"meter", "not measured: no file of a meter was named (--meter)"});
  } else {
    CRUMB_ASSIGN_OR_RETURN(std::unique_ptr<EnergySource> meter,
                           MakeMeterSource(search.meter_file, search.meter_range_joules));
    sources.found.push_back(std::move(meter));
  }
  return sources;
}

}  // namespace crumb
