#include "measure/power_state.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>

#include "base/files.h"
#include "measure/system_files.h"

namespace crumb {
namespace {

// Folders of the CPUs: "cpu0", not "cpufreq".
std::vector<std::string> CpuFolders(const std::string& root) {
  std::vector<std::string> folders =
      EntriesWithPrefix(JoinPath(root, "sys/devices/system/cpu"), "cpu");
  std::erase_if(folders, [](const std::string& folder) {
    const std::string name = BaseName(folder);
    return name.size() < 4 || std::isdigit(static_cast<unsigned char>(name[3])) == 0;
  });
  return folders;
}

// The highest "cpu MHz" of /proc/cpuinfo, in Hz.
int64_t ClockOfCpuinfo(const std::string& root) {
  std::istringstream lines(ReadSystemFile(JoinPath(root, "proc/cpuinfo")).value_or(""));
  double highest = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("cpu MHz")) continue;
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    highest = std::max(highest, std::strtod(line.c_str() + colon + 1, nullptr));
  }
  return static_cast<int64_t>(highest * 1e6);
}

// pswpin and pswpout of /proc/vmstat.
int64_t SwappedPages(const std::string& root) {
  std::istringstream words(ReadSystemFile(JoinPath(root, "proc/vmstat")).value_or(""));
  int64_t pages = -1;
  std::string name;
  int64_t value = 0;
  while (words >> name >> value) {
    if (name == "pswpin" || name == "pswpout") pages = std::max<int64_t>(pages, 0) + value;
  }
  return pages;
}

}  // namespace

PowerState ReadPowerState(const std::string& root) {
  PowerState state;
  std::set<std::string> governors;
  for (const std::string& cpu : CpuFolders(root)) {
    const std::string frequency = JoinPath(cpu, "cpufreq");
    const auto khz = [&](const char* file) {
      return 1000 * ReadSystemInt(JoinPath(frequency, file)).value_or(0);
    };
    if (const auto governor = ReadSystemFile(JoinPath(frequency, "scaling_governor"))) {
      governors.insert(*governor);
    }
    state.clock_hz = std::max(state.clock_hz, khz("scaling_cur_freq"));
    state.clock_max_hz = std::max(state.clock_max_hz, khz("cpuinfo_max_freq"));
    for (const char* file : {"core_throttle_count", "package_throttle_count"}) {
      const auto count = ReadSystemInt(JoinPath(JoinPath(cpu, "thermal_throttle"), file));
      if (!count.has_value()) continue;
      state.throttle_events = std::max<int64_t>(state.throttle_events, 0) + *count;
    }
  }
  for (const std::string& governor : governors) {
    state.governor += (state.governor.empty() ? "" : ",") + governor;
  }
  state.clock_source = state.clock_hz > 0 ? "cpufreq" : "not told";
  if (state.clock_hz == 0) {
    state.clock_hz = ClockOfCpuinfo(root);
    if (state.clock_hz > 0) state.clock_source = "cpuinfo";
  }
  state.swapped_pages = SwappedPages(root);
  return state;
}

}  // namespace crumb
