#include "formats/names.h"

namespace crumb {

std::string Quoted(std::string_view name) {
  constexpr size_t kLongest = 120;
  std::string text = "\"";
  for (const char c : name.substr(0, kLongest)) {
    text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  text += name.size() > kLongest ? "...\"" : "\"";
  return text;
}

bool IsPlainFileName(std::string_view name) {
  constexpr std::string_view kForbidden("/\0", 2);
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(kForbidden) == std::string_view::npos;
}

}  // namespace crumb
