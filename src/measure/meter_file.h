// The log of an external meter: a CSV file that another program writes meanwhile, with a first line
// that names the columns. `time` (seconds since 1970, UTC, ascending) and one of
//   watts   power at that time; integrated by trapezoids
//   joules  a counter of energy; only differences count
// Other columns are left alone.
#ifndef CRUMB_MEASURE_METER_FILE_H_
#define CRUMB_MEASURE_METER_FILE_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "measure/energy_source.h"

namespace crumb {

struct MeterLog {
  std::vector<double> times;
  std::vector<double> joules;  // since the first line, wraps undone
};
// `range_joules`: where the counter starts anew; 0: it never does, and one that falls is an error.
// kCorrupt names file and line.
Result<MeterLog> ParseMeterLog(std::string_view text, double range_joules, const std::string& file);

// Energy between two times, linear between lines. kUnsupported ("not measured: ...") where the log
// does not cover them.
Result<double> JoulesBetween(const MeterLog& log, double from, double to);

// Reads the file when it is made (to see that it is one) and at every Stop, for which it waits
// until the log covers the time, two seconds at most. What the meter is in front of, only the user
// knows: the scope is "external meter FILE".
Result<std::unique_ptr<EnergySource>> MakeMeterSource(const std::string& file, double range_joules);

}  // namespace crumb

#endif  // CRUMB_MEASURE_METER_FILE_H_
