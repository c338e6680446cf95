#include "advice/text_lines.h"

#include <algorithm>

namespace crumb {
namespace {

constexpr size_t kLine = 80;

struct Character {
  size_t bytes = 1;
  size_t columns = 1;
};

Character At(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return {1, 1};
  const size_t bytes = std::min<size_t>(first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2, text.size());
  // Wide: U+2E80 on (CJK, its punctuation, full-width forms), which is all three bytes from E2 BA.
  const bool wide =
      bytes == 4 || (bytes == 3 && (first > 0xE2 || static_cast<unsigned char>(text[1]) >= 0xBA));
  return {bytes, wide ? size_t{2} : size_t{1}};
}

// No line begins with these.
bool IsClosing(std::string_view text) {
  for (const std::string_view mark : {"，", "。", "；", "：", "、", "）", "！", "？", "”"}) {
    if (text.starts_with(mark)) return true;
  }
  return false;
}

}  // namespace

size_t Columns(std::string_view text) {
  size_t columns = 0;
  while (!text.empty()) {
    const Character character = At(text);
    columns += character.columns;
    text.remove_prefix(character.bytes);
  }
  return columns;
}

std::string Fit(std::string_view text, size_t columns) {
  std::string fitted;
  size_t used = 0;
  while (!text.empty()) {
    const Character character = At(text);
    if (used + character.columns > columns) break;
    fitted += text.substr(0, character.bytes);
    used += character.columns;
    text.remove_prefix(character.bytes);
  }
  return fitted + std::string(columns - used, ' ');
}

std::string Wrapped(std::string_view text, size_t indent) {
  const std::string margin(indent, ' ');
  std::string lines;
  while (!text.empty()) {
    size_t used = indent;
    size_t at = 0;
    size_t last = 0;  // where the line may end
    while (at < text.size()) {
      const Character character = At(text.substr(at));
      if (used + character.columns > kLine) break;
      if (text[at] == ' ') last = at;
      used += character.columns;
      at += character.bytes;
      if (character.columns == 2 && !IsClosing(text.substr(at))) last = at;
    }
    if (at == text.size() || last == 0) last = at;
    lines += margin;
    lines += text.substr(0, last);
    lines += '\n';
    text.remove_prefix(last);
    while (text.starts_with(' ')) text.remove_prefix(1);
  }
  return lines;
}

}  // namespace crumb
