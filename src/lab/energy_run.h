// Energy of work on one machine: first of doing nothing, then of each kind of work, by every source
// at once (measure/energy_source.h).
#ifndef CRUMB_LAB_ENERGY_RUN_H_
#define CRUMB_LAB_ENERGY_RUN_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "measure/energy_source.h"

namespace crumb {

// A counter is believed over windows of this length; ten times the period of the slowest of them.
inline constexpr double kLeastEnergySeconds = 30;

struct EnergyWork {
  std::string name;                      // "prompt", "generation"
  std::function<Result<int64_t>()> run;  // one piece; gives its tokens
};

// One stretch of time by one source.
struct EnergyStretch {
  double joules = 0;
  double seconds = 0;
  std::string scope;
  std::string not_measured;  // why there is no figure; empty: there is
  bool measured() const { return not_measured.empty(); }
  double watts() const { return joules / seconds; }
};

// One kind of work by one source.
struct EnergyOfWork {
  std::string work;
  std::string source;
  int64_t tokens = 0;
  EnergyStretch idle;  // of the same source, before
  EnergyStretch busy;
  std::vector<std::string> reasons;  // why it is INVALID; empty: it is not

  // All that was used within the scope, idle power included.
  double JoulesPerToken() const { return busy.joules / static_cast<double>(tokens); }
  // Above idle power: what would not have been used otherwise. REQUIRES: idle.measured().
  double NetJoulesPerToken() const {
    return (busy.joules - idle.watts() * busy.seconds) / static_cast<double>(tokens);
  }
};

struct EnergyOptions {
  double idle_seconds = 10;
  double work_seconds = kLeastEnergySeconds;  // of each work, at least
  // The clock, and how to wait; replaced in tests.
  std::function<double()> now;
  std::function<void(double seconds)> sleep;
  std::function<Status(const std::string& step)> between;  // may be empty; an error stops
};

// By work, then by source. An error of a source becomes its `not_measured`; one of a work ends it.
Result<std::vector<EnergyOfWork>> MeasureEnergy(const EnergySources& sources,
                                                const std::vector<EnergyWork>& works,
                                                const EnergyOptions& options);

}  // namespace crumb

#endif  // CRUMB_LAB_ENERGY_RUN_H_
