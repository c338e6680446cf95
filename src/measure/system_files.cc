#include "measure/system_files.h"

#include <algorithm>
#include <charconv>

#include "base/files.h"

namespace crumb {
namespace {

constexpr std::string_view kSpace = " \t\n\r";

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace

std::optional<std::string> ReadSystemFile(const std::string& path) {
  const Result<std::string> content = ReadFile(path, 16 << 20);
  if (!content.ok()) return std::nullopt;
  return std::string(Trim(*content));
}

std::optional<int64_t> LeadingInt(std::string_view text) {
  text = Trim(text);
  int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc()) return std::nullopt;
  return value;
}

std::optional<int64_t> ReadSystemInt(const std::string& path) {
  const std::optional<std::string> text = ReadSystemFile(path);
  return text.has_value() ? LeadingInt(*text) : std::nullopt;
}

std::optional<std::string> ValueOf(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && Trim(line.substr(0, colon)) == name) {
      return std::string(Trim(line.substr(colon + 1)));
    }
  }
  return std::nullopt;
}

std::vector<std::string> EntriesWithPrefix(const std::string& folder, std::string_view prefix) {
  std::vector<std::string> paths;
  const Result<std::vector<std::string>> names = ListFolder(folder);
  if (!names.ok()) return paths;
  for (const std::string& name : *names) {
    if (name.starts_with(prefix)) paths.push_back(JoinPath(folder, name));
  }
  return paths;
}

}  // namespace crumb
