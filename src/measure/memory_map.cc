#include "measure/memory_map.h"

#include <malloc.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include "base/files.h"
#include "measure/system_files.h"

namespace crumb {
namespace {

// The path of a mapping's first line ("55d0-55e0 r-xp 00000000 08:01 123   /usr/bin/crumb"), which
// may hold spaces; empty for anonymous memory and for "[heap]", "[stack]".
std::string PathOfMapping(const std::string& line) {
  std::istringstream words(line);
  std::string skipped;
  for (int field = 0; field < 5; ++field) words >> skipped;
  std::string path;
  std::getline(words >> std::ws, path);
  return path.starts_with('/') ? path : "";
}

// "7f00-7f10 r--p ..." and not "Rss:   4 kB".
bool StartsMapping(const std::string& line) {
  const size_t dash = line.find('-');
  return dash != std::string::npos && dash > 0 && dash < line.find(' ') &&
         std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(dash),
                     [](unsigned char c) { return std::isxdigit(c) != 0; });
}

bool IsBelow(const std::string& path, const std::string& prefix) {
  return !prefix.empty() && path.starts_with(prefix) &&
         (path.size() == prefix.size() || path[prefix.size()] == '/');
}

}  // namespace

Result<MemoryMap> ReadMemoryMap(const std::string& model_prefix, const std::string& root) {
  const auto smaps = ReadSystemFile(JoinPath(root, "proc/self/smaps"));
  if (!smaps.has_value() || smaps->empty()) {
    return Unsupported("not measured: /proc/self/smaps can not be read");
  }
  MemoryMap map;
  std::istringstream lines(*smaps);
  std::string path;
  int64_t rss = 0;
  for (std::string line; std::getline(lines, line);) {
    if (StartsMapping(line)) {
      path = PathOfMapping(line);
    } else if (line.starts_with("Rss:")) {
      rss = LeadingInt(std::string_view(line).substr(4)).value_or(0) << 10;
      // Pages of a private mapping that were written to are anonymous; they follow below.
      (path.empty()                  ? map.anonymous_bytes
       : IsBelow(path, model_prefix) ? map.model_file_bytes
                                     : map.other_file_bytes) += rss;
    } else if (line.starts_with("Anonymous:") && !path.empty()) {
      const int64_t written = LeadingInt(std::string_view(line).substr(10)).value_or(0) << 10;
      (IsBelow(path, model_prefix) ? map.model_file_bytes : map.other_file_bytes) -= written;
      map.anonymous_bytes += written;
    }
  }
  return map;
}

AllocatorMemory ReadAllocatorMemory() {
#ifdef __GLIBC__
  const struct mallinfo2 info = ::mallinfo2();
  return {static_cast<int64_t>(info.uordblks + info.hblkhd), static_cast<int64_t>(info.fordblks)};
#else
  return {};
#endif
}

AvailableMemory ReadAvailableMemory(const std::string& root) {
  const std::string meminfo = ReadSystemFile(JoinPath(root, "proc/meminfo")).value_or("");
  const auto kib = LeadingInt(ValueOf(meminfo, "MemAvailable").value_or(""));
  AvailableMemory available;
  if (kib.has_value()) available = {*kib << 10, "MemAvailable"};
  const auto limit = ReadSystemInt(JoinPath(root, "sys/fs/cgroup/memory.max"));
  const auto used = ReadSystemInt(JoinPath(root, "sys/fs/cgroup/memory.current"));
  if (limit.has_value() && used.has_value()) {
    const int64_t left = std::max<int64_t>(0, *limit - *used);
    if (available.source.empty() || left < available.bytes) available = {left, "control group"};
  }
  return available;
}

}  // namespace crumb
