// Energy by the counters of the CPU (RAPL), never by a guess from its rated power.
#ifndef CRUMB_MEASURE_ENERGY_H_
#define CRUMB_MEASURE_ENERGY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace crumb {

// One counter of /sys/class/powercap, in microjoules.
struct EnergyZone {
  std::string name;  // "package-0", "package-0/dram"
  std::string folder;
  int64_t range_uj = 0;  // the counter starts anew behind this
};

struct EnergyCounters {
  std::vector<EnergyZone> zones;  // readable ones that do not overlap: packages and their memory
  std::string note;               // when there is none: "not measured: ..."
};
EnergyCounters FindEnergyCounters(const std::string& root = "/");

struct Energy {
  double joules = 0;  // of the whole machine within `scope`, idle power included
  double seconds = 0;
  std::string scope;  // "package-0 + package-0/dram"
};

// Start, work, Stop. A counter can wrap once between two readings (minutes at full load): call Poll
// in between when the work may take longer than half a minute. One thread.
class EnergyMeter {
 public:
  // kUnsupported ("not measured: ...") where there is no readable counter.
  static Result<EnergyMeter> Create(const std::string& root = "/");

  Status Start();
  Status Poll();
  Result<Energy> Stop();

 private:
  explicit EnergyMeter(std::vector<EnergyZone> zones) : zones_(std::move(zones)) {}
  std::vector<EnergyZone> zones_;
  std::vector<int64_t> last_uj_;
  int64_t total_uj_ = 0;
  double start_seconds_ = 0;
};

}  // namespace crumb

#endif  // CRUMB_MEASURE_ENERGY_H_
