// How fast the CPUs may run at this moment, as far as the kernel tells: governor, clocks, and
// whether heat held them back.
#ifndef CRUMB_MEASURE_POWER_STATE_H_
#define CRUMB_MEASURE_POWER_STATE_H_

#include <cstdint>
#include <string>

namespace crumb {

struct PowerState {
  std::string governor;          // "performance"; several are joined by commas; empty: not told
  int64_t clock_hz = 0;          // of the fastest CPU now; 0: not told
  int64_t clock_max_hz = 0;      // of the fastest CPU, as the hardware allows; 0: not told
  std::string clock_source;      // "cpufreq", "cpuinfo", or "not told"
  int64_t throttle_events = -1;  // thermal throttling since the start of the machine; -1: not told
  int64_t swapped_pages = -1;    // in and out, since the start of the machine; -1: not told
};

// `root` is "/" but in tests. Takes about 10 us for each CPU.
PowerState ReadPowerState(const std::string& root = "/");

}  // namespace crumb

#endif  // CRUMB_MEASURE_POWER_STATE_H_
