#include "publish/text_width.h"

#include <algorithm>
#include <cstdint>

namespace crumb {
namespace {

struct Character {
  uint32_t code_point;
  std::string_view bytes;
};

// The first character of `text`, which is not empty. Bytes that are no UTF-8 stand for themselves.
Character First(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[i])); };
  const uint32_t lead = byte(0);
  const size_t length = lead < 0x80 ? 1 : lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (length == 1 || length > text.size()) return {lead, text.substr(0, 1)};
  uint32_t code_point = lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {lead, text.substr(0, 1)};
    code_point = code_point << 6 | (byte(i) & 0x3F);
  }
  return {code_point, text.substr(0, length)};
}

// East Asian Wide and Fullwidth of UAX #11, by block.
bool IsWide(uint32_t c) {
  return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0x303E) ||
         (c >= 0x3041 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) ||
         (c >= 0xFF00 && c <= 0xFF60) || (c >= 0xFFE0 && c <= 0xFFE6) ||
         (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
}

bool IsControl(uint32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }

bool IsCombining(uint32_t c) {
  return IsControl(c) || (c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0xFE00 && c <= 0xFE0F);
}

int Width(uint32_t c) { return IsCombining(c) ? 0 : IsWide(c) ? 2 : 1; }

// Must not begin a line (the common ones of the Chinese rules).
bool IsClosing(std::string_view bytes) {
  constexpr std::string_view kClosing[] = {"，", "。", "：", "；", "、",
                                           "！", "？", "）", "”",  "》"};
  return std::find(std::begin(kClosing), std::end(kClosing), bytes) != std::end(kClosing);
}

// Pieces that a line break may stand between: a word with the spaces after it, or one wide
// character with the closing punctuation after it.
std::vector<std::string_view> Pieces(std::string_view text) {
  std::vector<std::string_view> pieces;
  size_t start = 0;
  bool may_break = false;
  for (size_t at = 0; at < text.size();) {
    const Character character = First(text.substr(at));
    const bool wide = IsWide(character.code_point);
    const bool space = character.code_point == ' ';
    if (at > start && !space && !IsClosing(character.bytes) && (may_break || wide)) {
      pieces.push_back(text.substr(start, at - start));
      start = at;
    }
    may_break = space || (wide && character.bytes != "（" && character.bytes != "“");
    at += character.bytes.size();
  }
  if (start < text.size()) pieces.push_back(text.substr(start));
  return pieces;
}

std::string WithoutTrailingSpaces(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

std::string Cut(std::string_view text, int columns) {
  std::string cut;
  int used = 0;
  while (!text.empty()) {
    const Character character = First(text);
    if (used + Width(character.code_point) > columns - 1) break;
    used += Width(character.code_point);
    cut += character.bytes;
    text.remove_prefix(character.bytes.size());
  }
  return cut + "~";
}

std::string WithoutControls(std::string_view text) {
  std::string kept;
  while (!text.empty()) {
    const Character character = First(text);
    if (!IsControl(character.code_point)) kept += character.bytes;
    text.remove_prefix(character.bytes.size());
  }
  return kept;
}

std::string Fit(std::string_view text, int columns) {
  std::string kept = WithoutControls(text);
  return ColumnsOf(kept) > columns ? Cut(kept, columns) : kept;
}

}  // namespace

int ColumnsOf(std::string_view text) {
  int columns = 0;
  while (!text.empty()) {
    const Character character = First(text);
    columns += Width(character.code_point);
    text.remove_prefix(character.bytes.size());
  }
  return columns;
}

std::string PadRight(std::string_view text, int columns) {
  std::string fitted = Fit(text, columns);
  fitted.append(static_cast<size_t>(columns - ColumnsOf(fitted)), ' ');
  return fitted;
}

std::string PadLeft(std::string_view text, int columns) {
  const std::string fitted = Fit(text, columns);
  return std::string(static_cast<size_t>(columns - ColumnsOf(fitted)), ' ') + fitted;
}

std::vector<std::string> Wrap(std::string_view text, int columns) {
  std::vector<std::string> lines;
  std::string line;
  for (const std::string_view piece : Pieces(text)) {
    const std::string longer = line + std::string(piece);
    if (!line.empty() && ColumnsOf(WithoutTrailingSpaces(longer)) > columns) {
      lines.push_back(WithoutTrailingSpaces(std::move(line)));
      line = piece;
    } else {
      line = longer;
    }
  }
  if (!line.empty()) lines.push_back(WithoutTrailingSpaces(std::move(line)));
  for (std::string& one : lines) one = Fit(one, columns);
  return lines;
}

}  // namespace crumb
