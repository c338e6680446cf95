// The small text files of /proc and /sys. Internal to src/measure.
#ifndef CRUMB_MEASURE_SYSTEM_FILES_H_
#define CRUMB_MEASURE_SYSTEM_FILES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crumb {

// The file without the white space around it; nothing when it is missing or may not be read.
std::optional<std::string> ReadSystemFile(const std::string& path);

// The number that the text starts with, behind spaces.
std::optional<int64_t> LeadingInt(std::string_view text);
std::optional<int64_t> ReadSystemInt(const std::string& path);

// The value of the first line "NAME : VALUE" of a text like /proc/cpuinfo or /proc/meminfo.
std::optional<std::string> ValueOf(std::string_view text, std::string_view name);

// Full paths of the entries of a folder whose names start with `prefix`, sorted.
std::vector<std::string> EntriesWithPrefix(const std::string& folder, std::string_view prefix);

}  // namespace crumb

#endif  // CRUMB_MEASURE_SYSTEM_FILES_H_
