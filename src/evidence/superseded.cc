#include "evidence/superseded.h"

#include <charconv>

namespace crumb {

std::set<int64_t> SupersededIds(const std::vector<Evidence>& rows) {
  std::set<int64_t> ids;
  for (const Evidence& row : rows) {
    int64_t id = 0;
    const char* end = row.supersedes.data() + row.supersedes.size();
    const auto read = std::from_chars(row.supersedes.data(), end, id);
    if (read.ec == std::errc() && read.ptr == end) ids.insert(id);
  }
  return ids;
}

}  // namespace crumb
