#include "text/utf8.h"

#include <unicode/utf8.h>

namespace crumb {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

}  // namespace

char32_t NextCodePoint(std::string_view text, size_t* position) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto first = bytes[*position];
  if (first < 0x80) {
    ++*position;
    return first;
  }
  // A window of four bytes keeps ICU's 32-bit positions small for texts of any length.
  const uint8_t* window = bytes + *position;
  const auto length = static_cast<int32_t>(std::min<size_t>(4, text.size() - *position));
  int32_t used = 0;
  UChar32 c = 0;
  U8_NEXT_OR_FFFD(window, used, length, c);
  *position += static_cast<size_t>(used);
  return static_cast<char32_t>(c);
}

void AppendUtf8(char32_t c, std::string* out) {
  if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) c = kReplacement;
  const auto byte = [&](char32_t value) { out->push_back(static_cast<char>(value)); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xC0 | (c >> 6));
    byte(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    byte(0xE0 | (c >> 12));
    byte(0x80 | ((c >> 6) & 0x3F));
    byte(0x80 | (c & 0x3F));
  } else {
    byte(0xF0 | (c >> 18));
    byte(0x80 | ((c >> 12) & 0x3F));
    byte(0x80 | ((c >> 6) & 0x3F));
    byte(0x80 | (c & 0x3F));
  }
}

int64_t FirstInvalidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    // U+FFFD itself is well formed when it stands there as its own three bytes.
    if (NextCodePoint(text, &i) == kReplacement &&
        text.substr(start, i - start) != "\xef\xbf\xbd") {
      return static_cast<int64_t>(start);
    }
  }
  return -1;
}

bool IsValidUtf8(std::string_view text) { return FirstInvalidUtf8(text) < 0; }

std::string ToValidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) AppendUtf8(NextCodePoint(text, &i), &out);
  return out;
}

Utf16Text::Utf16Text(std::string_view text) {
  units.reserve(text.size());
  byte_of.reserve(text.size() + 1);
  for (size_t i = 0; i < text.size();) {
    const auto start = static_cast<uint32_t>(i);
    const char32_t c = NextCodePoint(text, &i);
    if (c >= 0x10000) {
      units.push_back(static_cast<char16_t>(0xD800 + ((c - 0x10000) >> 10)));
      byte_of.push_back(start);
      units.push_back(static_cast<char16_t>(0xDC00 + ((c - 0x10000) & 0x3FF)));
    } else {
      units.push_back(static_cast<char16_t>(c));
    }
    byte_of.push_back(start);
  }
  byte_of.push_back(static_cast<uint32_t>(text.size()));
}

std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0;;) {
    const size_t hit = text.find(from, at);
    out += text.substr(at, hit - at);
    if (hit == std::string_view::npos) return out;
    out += to;
    at = hit + from.size();
  }
}

}  // namespace crumb
