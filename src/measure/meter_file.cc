#include "measure/meter_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <thread>
#include <utility>

#include "base/files.h"

namespace crumb {
namespace {

constexpr int64_t kMostBytes = 1 << 28;
constexpr double kMostWaitSeconds = 2;

double UnixNow() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(since_1970).count();
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\"";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::vector<std::string_view> Cells(std::string_view line) {
  std::vector<std::string_view> cells;
  while (true) {
    const size_t comma = line.find(',');
    cells.push_back(Trim(line.substr(0, comma)));
    if (comma == std::string_view::npos) return cells;
    line.remove_prefix(comma + 1);
  }
}

// Where the columns stand.
struct Columns {
  size_t time = 0;
  size_t value = 0;
  bool watts = false;
};
Result<Columns> ParseHeader(std::string_view line, const std::string& file) {
  const std::vector<std::string_view> names = Cells(line);
  const auto place = [&](std::string_view name) {
    return static_cast<size_t>(std::ranges::find(names, name) - names.begin());
  };
  Columns columns;
  columns.time = place("time");
  const size_t watts = place("watts");
  const size_t joules = place("joules");
  if (columns.time == names.size() || (watts == names.size()) == (joules == names.size())) {
    return Corrupt(
        fmt::format("{}: line 1 must name the columns: time, and watts or joules; it is "
                    "\"{}\"",
                    file, line.substr(0, 60)));
  }
  columns.watts = watts < names.size();
  columns.value = columns.watts ? watts : joules;
  return columns;
}

Result<double> Number(const std::vector<std::string_view>& cells, size_t place, int64_t line,
                      const std::string& file) {
  double value = 0;
  if (place < cells.size()) {
    const std::string_view cell = cells[place];
    const auto parsed = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    const bool whole = parsed.ec == std::errc() && parsed.ptr == cell.data() + cell.size();
    if (whole && std::isfinite(value)) return value;
  }
  return Corrupt(fmt::format("{}: line {} has no number in column {}", file, line, place + 1));
}

class MeterSource : public EnergySource {
 public:
  MeterSource(std::string file, double range) : file_(std::move(file)), range_(range) {}
  std::string source() const override { return "meter"; }

  Status Start() override {
    start_ = UnixNow();
    return OkStatus();
  }

  Result<Energy> Stop() override {
    const double end = UnixNow();
    while (true) {
      CRUMB_ASSIGN_OR_RETURN(const MeterLog log, Read());
      const Result<double> joules = JoulesBetween(log, start_, end);
      if (joules.ok()) {
        return Energy{*joules, end - start_, "external meter " + BaseName(file_)};
      }
      if (UnixNow() - end > kMostWaitSeconds) return joules.status();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }

  Result<MeterLog> Read() const {
    CRUMB_ASSIGN_OR_RETURN(std::string text, ReadFile(file_, kMostBytes));
    // Whoever writes may be in the middle of a line.
    text.resize(text.rfind('\n') + 1);  // npos + 1 is 0
    return ParseMeterLog(text, range_, file_);
  }

 private:
  std::string file_;
  double range_;
  double start_ = 0;
};

}  // namespace

Result<MeterLog> ParseMeterLog(std::string_view text, double range_joules,
                               const std::string& file) {
  MeterLog log;
  Columns columns;
  double last_value = 0;
  int64_t line_number = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (++line_number == 1) {
      CRUMB_ASSIGN_OR_RETURN(columns, ParseHeader(line, file));
      continue;
    }
    if (Trim(line).empty()) continue;
    const std::vector<std::string_view> cells = Cells(line);
    CRUMB_ASSIGN_OR_RETURN(const double time, Number(cells, columns.time, line_number, file));
    CRUMB_ASSIGN_OR_RETURN(const double value, Number(cells, columns.value, line_number, file));
    double joules = 0;
    if (!log.times.empty()) {
      const double seconds = time - log.times.back();
      if (seconds <= 0) {
        return Corrupt(fmt::format("{}: line {}: the time does not go on", file, line_number));
      }
      double step = columns.watts ? 0.5 * (last_value + value) * seconds : value - last_value;
      if (!columns.watts && step < 0) {
        if (range_joules <= 0 || last_value > range_joules) {
          return Corrupt(
              fmt::format("{}: line {}: the counter of joules fell from {} to {}; if it starts "
                          "anew at some value, give that as --meter-range",
                          file, line_number, last_value, value));
        }
        step += range_joules;
      }
      joules = log.joules.back() + step;
    }
    log.times.push_back(time);
    log.joules.push_back(joules);
    last_value = value;
  }
  if (line_number == 0) return Corrupt(fmt::format("{}: is empty; line 1 names columns", file));
  return log;
}

Result<double> JoulesBetween(const MeterLog& log, double from, double to) {
  if (log.times.size() < 2 || from < log.times.front() || to > log.times.back()) {
    return Unsupported(
        log.times.empty()
            ? "not measured: the meter's file has no lines of data"
            : fmt::format("not measured: the meter's file covers {:.3f} to {:.3f}, the work was "
                          "from {:.3f} to {:.3f} (seconds since 1970)",
                          log.times.front(), log.times.back(), from, to));
  }
  const auto at = [&](double time) {
    const auto next = std::ranges::lower_bound(log.times, time);
    const auto i = static_cast<size_t>(next - log.times.begin());
    if (i == 0) return log.joules.front();
    const double share = (time - log.times[i - 1]) / (log.times[i] - log.times[i - 1]);
    return log.joules[i - 1] + share * (log.joules[i] - log.joules[i - 1]);
  };
  return at(to) - at(from);
}

Result<std::unique_ptr<EnergySource>> MakeMeterSource(const std::string& file,
                                                      double range_joules) {
  auto source = std::make_unique<MeterSource>(file, range_joules);
  CRUMB_RETURN_IF_ERROR(source->Read().status());
  return std::unique_ptr<EnergySource>(std::move(source));
}

}  // namespace crumb
