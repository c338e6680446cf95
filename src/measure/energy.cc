#include "measure/energy.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/files.h"
#include "measure/machine.h"
#include "measure/system_files.h"

namespace crumb {
namespace {

constexpr std::string_view kPrefix = "intel-rapl:";  // the name that AMD's counters have too

// Adds the zone if its counter can be read; false when it is there but can not.
bool AddZone(const std::string& folder, const std::string& name, std::vector<EnergyZone>& zones) {
  const std::optional<int64_t> range = ReadSystemInt(JoinPath(folder, "max_energy_range_uj"));
  if (!ReadSystemInt(JoinPath(folder, "energy_uj")).has_value() || range.value_or(0) <= 0) {
    return false;
  }
  zones.push_back({name, folder, *range});
  return true;
}

}  // namespace

EnergyCounters FindEnergyCounters(const std::string& root) {
  EnergyCounters counters;
  bool refused = false;
  const std::string powercap = JoinPath(root, "sys/class/powercap");
  for (const std::string& package : EntriesWithPrefix(powercap, kPrefix)) {
    const std::string name = ReadSystemFile(JoinPath(package, "name")).value_or("");
    // "psys" holds the packages already, and "core" and "uncore", which stand here too, are parts
    // of a package.
    if (!name.starts_with("package")) continue;
    if (!AddZone(package, name, counters.zones)) {
      refused = true;
      continue;
    }
    for (const std::string& part : EntriesWithPrefix(package, BaseName(package) + ":")) {
      if (ReadSystemFile(JoinPath(part, "name")) == "dram") {
        AddZone(part, name + "/dram", counters.zones);
      }
    }
  }
  if (!counters.zones.empty()) return counters;
  if (refused) {
    counters.note =
        "not measured: the CPU has energy counters (RAPL), but this user may not read them; run as "
        "root or make energy_uj in /sys/class/powercap readable";
  } else {
    counters.note =
        "not measured: the system shows no energy counter of the CPU (RAPL in "
        "/sys/class/powercap); "
        "virtual machines usually have none";
  }
  return counters;
}

Result<EnergyMeter> EnergyMeter::Create(const std::string& root) {
  EnergyCounters counters = FindEnergyCounters(root);
  if (counters.zones.empty()) return Unsupported(counters.note);
  return EnergyMeter(std::move(counters.zones));
}

Status EnergyMeter::Start() {
  last_uj_.clear();
  total_uj_ = 0;
  CRUMB_RETURN_IF_ERROR(Poll());
  start_seconds_ = Now();
  return OkStatus();
}

Status EnergyMeter::Poll() {
  std::vector<int64_t> now;
  for (const EnergyZone& zone : zones_) {
    const std::optional<int64_t> value = ReadSystemInt(JoinPath(zone.folder, "energy_uj"));
    if (!value.has_value() || *value < 0 || *value > zone.range_uj) {
      return IoError(fmt::format("the energy counter {} can not be read any more", zone.name));
    }
    now.push_back(*value);
  }
  for (size_t i = 0; i < last_uj_.size(); ++i) {
    const int64_t step = now[i] - last_uj_[i];
    total_uj_ += step >= 0 ? step : step + zones_[i].range_uj;
  }
  last_uj_ = std::move(now);
  return OkStatus();
}

Result<Energy> EnergyMeter::Stop() {
  CRUMB_CHECK(!last_uj_.empty());  // Stop without Start
  const double seconds = Now() - start_seconds_;
  CRUMB_RETURN_IF_ERROR(Poll());
  Energy energy;
  energy.joules = static_cast<double>(total_uj_) * 1e-6;
  energy.seconds = seconds;
  for (const EnergyZone& zone : zones_) {
    energy.scope += (energy.scope.empty() ? "" : " + ") + zone.name;
  }
  last_uj_.clear();
  return energy;
}

}  // namespace crumb
