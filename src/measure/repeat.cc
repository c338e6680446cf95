#include "measure/repeat.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "base/files.h"
#include "base/thread_pool.h"
#include "measure/system_files.h"
#include "measure/validity.h"

namespace crumb {
namespace {

// Below these shares nobody could see the effect among the repetitions.
constexpr double kStealShare = 0.01;
constexpr double kOthersShare = 0.05;
constexpr double kLoadPerCpu = 0.5;
// From here on a figure is of the neighbours, not of the machine. For other processes it is the
// share from which on they are seen at all.
constexpr double kInvalidStealShare = 0.02;
constexpr double kClockDrop = 0.90;

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
    result.of.push_back({measurement.name, {}, 0, {}, 0, 0, {}});
  }
  const int all_rounds = options.warm_up_rounds + options.rounds;
  const int total = all_rounds * static_cast<int>(measurements.size());
  BusyWatch watch;
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
    if (round >= options.warm_up_rounds) watch.Look();
  }
  for (RepeatedSamples& of : result.of) {
    of.median = Median(of.samples);
    of.interval = MedianInterval(of.samples);
    const auto ends = std::minmax_element(of.samples.begin(), of.samples.end());
    of.min = *ends.first;
    of.max = *ends.second;
    of.reasons = SampleReasons(of.name, of.samples);
  }
  BusyWatch::Verdict verdict = watch.Judge();
  result.notes = std::move(verdict.notes);
  result.reasons = std::move(verdict.reasons);
  return result;
}

BusyWatch::BusyWatch(std::string root)
    : root_(std::move(root)), start_(Read(root_)), power_at_start_(ReadPowerState(root_)) {
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

void BusyWatch::Look() {
  const int64_t clock = ReadPowerState(root_).clock_hz;
  if (clock == 0) return;
  highest_clock_hz_ = std::max(highest_clock_hz_, clock);
  lowest_clock_hz_ = lowest_clock_hz_ == 0 ? clock : std::min(lowest_clock_hz_, clock);
}

BusyWatch::Shares BusyWatch::SharesUntilNow() const {
  const Ticks end = Read(root_);
  const double all = end.all - start_.all;
  if (!start_.known || !end.known || all <= 0) return {};
  const double steal = end.steal - start_.steal;
  const double busy = all - (end.idle - start_.idle) - steal;
  return {steal / all, (busy - (end.own - start_.own)) / all};
}

BusyWatch::Verdict BusyWatch::Judge() const {
  Verdict verdict;
  if (load_per_cpu_ > kLoadPerCpu) {
    verdict.notes.push_back(
        fmt::format("at the start the load average was {:.1f} per CPU", load_per_cpu_));
  }
  const Shares shares = SharesUntilNow();
  if (shares.steal > kStealShare) {
    (shares.steal > kInvalidStealShare ? verdict.reasons : verdict.notes)
        .push_back(fmt::format("other virtual machines took {:.1f} % of the CPU time",
                               100 * shares.steal));
  }
  if (shares.others > kOthersShare) {
    verdict.reasons.push_back(
        fmt::format("other processes took {:.1f} % of the CPU time", 100 * shares.others));
  }
  const auto lowest = static_cast<double>(lowest_clock_hz_);
  const auto highest = static_cast<double>(highest_clock_hz_);
  if (lowest < kClockDrop * highest) {
    verdict.reasons.push_back(fmt::format("the clock fell from {:.2f} to {:.2f} GHz between rounds",
                                          highest / 1e9, lowest / 1e9));
  }
  const PowerState power = ReadPowerState(root_);
  if (power.throttle_events > power_at_start_.throttle_events) {
    verdict.reasons.push_back(fmt::format("the CPU was throttled by heat {} times",
                                          power.throttle_events - power_at_start_.throttle_events));
  }
  if (power.swapped_pages > power_at_start_.swapped_pages) {
    verdict.reasons.push_back(fmt::format("the system swapped {} pages",
                                          power.swapped_pages - power_at_start_.swapped_pages));
  }
  return verdict;
}

std::vector<std::string> BusyWatch::Notes() const {
  Verdict verdict = Judge();
  for (std::string& reason : verdict.reasons) verdict.notes.push_back(std::move(reason));
  return verdict.notes;
}

}  // namespace crumb
