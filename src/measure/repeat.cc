#include "measure/repeat.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "base/files.h"
#include "base/thread_pool.h"
#include "measure/system_files.h"

namespace crumb {
namespace {

// Below these shares nobody could see the effect among the repetitions.
constexpr double kStealShare = 0.01;
constexpr double kOthersShare = 0.05;
constexpr double kLoadPerCpu = 0.5;

// User and system time of this process, in clock ticks: fields 14 and 15 of proc(5) stat. The
// second field is a name in parentheses that may hold spaces.
double OwnTicks(const std::string& root) {
  const std::string stat = ReadSystemFile(JoinPath(root, "proc/self/stat")).value_or("");
  std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return fields ? user + system : 0;
}

}  // namespace

Result<RepeatResult> MeasureInTurns(const std::vector<NamedMeasurement>& measurements,
                                    const RepeatOptions& options) {
  CRUMB_CHECK(options.rounds >= 1 && options.warm_up_rounds >= 0);
  RepeatResult result;
  for (const NamedMeasurement& measurement : measurements) {
    result.of.push_back({measurement.name, {}, 0, {}, 0, 0});
  }
  const int all_rounds = options.warm_up_rounds + options.rounds;
  const int total = all_rounds * static_cast<int>(measurements.size());
  const BusyWatch watch;
  int done = 0;
  for (int round = 0; round < all_rounds; ++round) {
    for (size_t i = 0; i < measurements.size(); ++i) {
      const size_t turn = round % 2 == 0 ? i : measurements.size() - 1 - i;
      if (options.between) CRUMB_RETURN_IF_ERROR(options.between(done, total));
      Result<double> value = measurements[turn].run();
      if (!value.ok()) return value.status().WithContext(measurements[turn].name);
      if (round >= options.warm_up_rounds) result.of[turn].samples.push_back(*value);
      ++done;
    }
  }
  for (RepeatedSamples& of : result.of) {
    of.median = Median(of.samples);
    of.interval = MedianInterval(of.samples);
    const auto ends = std::minmax_element(of.samples.begin(), of.samples.end());
    of.min = *ends.first;
    of.max = *ends.second;
  }
  result.notes = watch.Notes();
  return result;
}

BusyWatch::BusyWatch(std::string root) : root_(std::move(root)), start_(Read(root_)) {
  const std::string load = ReadSystemFile(JoinPath(root_, "proc/loadavg")).value_or("");
  load_per_cpu_ = std::strtod(load.c_str(), nullptr) / UsableCpus();
}

BusyWatch::Ticks BusyWatch::Read(const std::string& root) {
  const std::string stat = ReadSystemFile(JoinPath(root, "proc/stat")).value_or("");
  std::istringstream line(stat.substr(0, stat.find('\n')));
  std::string name;
  // cpu user nice system idle iowait irq softirq steal; guest time behind it is in user already.
  double ticks[8] = {};
  line >> name;
  for (double& value : ticks) line >> value;
  Ticks now;
  now.known = static_cast<bool>(line) && name == "cpu";
  for (const double value : ticks) now.all += value;
  now.idle = ticks[3] + ticks[4];
  now.steal = ticks[7];
  now.own = OwnTicks(root);
  return now;
}

std::vector<std::string> BusyWatch::Notes() const {
  std::vector<std::string> notes;
  if (load_per_cpu_ > kLoadPerCpu) {
    notes.push_back(fmt::format("at the start the load average was {:.1f} per CPU", load_per_cpu_));
  }
  const Ticks end = Read(root_);
  const double all = end.all - start_.all;
  if (!start_.known || !end.known || all <= 0) return notes;
  const double steal = (end.steal - start_.steal) / all;
  if (steal > kStealShare) {
    notes.push_back(
        fmt::format("other virtual machines took {:.1f} % of the CPU time", 100 * steal));
  }
  const double busy = all - (end.idle - start_.idle) - (end.steal - start_.steal);
  const double others = (busy - (end.own - start_.own)) / all;
  if (others > kOthersShare) {
    notes.push_back(fmt::format("other processes took {:.1f} % of the CPU time", 100 * others));
  }
  return notes;
}

}  // namespace crumb
