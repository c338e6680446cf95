// Repeated measurements of things that are compared with each other: in turns, so that a slow spell
// of the machine hits all alike, with a look at how busy the machine was meanwhile.
#ifndef CRUMB_MEASURE_REPEAT_H_
#define CRUMB_MEASURE_REPEAT_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "measure/power_state.h"
#include "measure/statistics.h"

namespace crumb {

struct NamedMeasurement {
  std::string name;
  std::function<Result<double>()> run;
};

struct RepeatedSamples {
  std::string name;
  std::vector<double> samples;  // in the order of the rounds
  double median = 0;
  Interval interval;  // 95 %, of the median
  double min = 0;
  double max = 0;
  std::vector<std::string> reasons;  // measure/validity.h, of these samples alone
};

struct RepeatOptions {
  int warm_up_rounds = 1;
  int rounds = 9;
  // Called before each run with the number of runs done and to do; an error stops. May be empty.
  std::function<Status(int done, int total)> between;
};

struct RepeatResult {
  std::vector<RepeatedSamples> of;   // in the order given
  std::vector<std::string> notes;    // why the figures may be worse than the machine: see BusyWatch
  std::vector<std::string> reasons;  // why none of them should be believed: BusyWatch again
};

// Warm-up rounds, whose values are thrown away, then `rounds` rounds (at least 1) over all
// measurements, each in the opposite order of the one before. The first error ends it.
Result<RepeatResult> MeasureInTurns(const std::vector<NamedMeasurement>& measurements,
                                    const RepeatOptions& options);

// Looks at the machine from its making until it is asked: CPU time that other virtual machines took
// (steal), CPU time used by other processes here, the load average at the start, clocks, throttling
// by heat, swapping.
class BusyWatch {
 public:
  explicit BusyWatch(std::string root = "/");
  // Reads the clock; call it while the work that is measured has just run, some times.
  void Look();
  struct Verdict {
    // What makes figures of this time INVALID: steal over 2 %, other processes over 5 %, a clock
    // that fell by more than 10 % between two looks, throttling, swapping.
    std::vector<std::string> reasons;
    // What else may have made them worse: steal over 1 %; the load average, in which one's own last
    // minute is, too.
    std::vector<std::string> notes;
  };
  // Sentences, for example "other virtual machines took 3.1 % of the CPU time"; empty: all was
  // quiet.
  Verdict Judge() const;
  // Everything that the verdict says, as notes.
  std::vector<std::string> Notes() const;

 private:
  struct Ticks {
    double all = 0;  // CPU time of every kind, idle too, in clock ticks
    double steal = 0;
    double idle = 0;  // with waiting for input and output
    double own = 0;   // of this process
    bool known = false;
  };
  struct Shares {  // of the CPU time since the start; 0 where nothing is known
    double steal = 0;
    double others = 0;
  };
  static Ticks Read(const std::string& root);
  Shares SharesUntilNow() const;
  std::string root_;
  Ticks start_;
  double load_per_cpu_ = 0;
  PowerState power_at_start_;
  int64_t highest_clock_hz_ = 0;  // of all looks
  int64_t lowest_clock_hz_ = 0;
};

}  // namespace crumb

#endif  // CRUMB_MEASURE_REPEAT_H_
