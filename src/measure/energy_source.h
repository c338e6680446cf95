// One way to learn the energy of a stretch of work: a counter of the CPU, of a GPU, of a battery,
// or the log of a meter in the mains. Each has a scope of its own; sums over scopes would count
// twice.
#ifndef CRUMB_MEASURE_ENERGY_SOURCE_H_
#define CRUMB_MEASURE_ENERGY_SOURCE_H_

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "measure/energy.h"

namespace crumb {

// Start, work, Stop; Poll in between, at least every half minute. One thread.
class EnergySource {
 public:
  virtual ~EnergySource() = default;
  virtual std::string source() const = 0;  // "rapl", "nvml", "battery", "meter"
  virtual Status Start() = 0;
  virtual Status Poll() { return OkStatus(); }
  // Joules, seconds and scope since Start. A source that saw nothing gives an error that begins
  // with "not measured: ", never 0 joules.
  virtual Result<Energy> Stop() = 0;
};

struct MissingSource {
  std::string source;
  std::string why;  // "not measured: ..."
};
struct EnergySources {
  std::vector<std::unique_ptr<EnergySource>> found;
  std::vector<MissingSource> missing;
};

struct EnergySearch {
  std::string root = "/";
  std::string nvml_library = "libnvidia-ml.so.1";
  std::string meter_file;         // empty: none
  double meter_range_joules = 0;  // measure/meter_file.h
};
// Whatever this machine has. kInvalidArgument or worse: only of a meter file that was named.
Result<EnergySources> FindEnergySources(const EnergySearch& search = {});

// Kilowatt-hours of a million tokens: 10^6 tokens of 3.6 * 10^6 J each kilowatt-hour.
inline double KwhPerMillionTokens(double joules_per_token) { return joules_per_token / 3.6; }

}  // namespace crumb

#endif  // CRUMB_MEASURE_ENERGY_SOURCE_H_
