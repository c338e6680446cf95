#include "text/words.h"

#include "text/unicode.h"
#include "text/utf8.h"

namespace crumb {

bool IsPythonSpace(char32_t c) { return IsWhiteSpace(c) || (c >= 0x1C && c <= 0x1F); }

std::vector<std::string> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    if (IsPythonSpace(NextCodePoint(text, &i))) {
      inside = false;
      continue;
    }
    if (!inside) words.emplace_back();
    inside = true;
    words.back() += text.substr(begin, i - begin);
  }
  return words;
}

int64_t CountSplitPieces(std::string_view text) {
  int64_t runs = 0;
  bool inside = false;
  for (size_t i = 0; i < text.size();) {
    const bool space = IsPythonSpace(NextCodePoint(text, &i));
    if (space && !inside) ++runs;
    inside = space;
  }
  return runs + 1;
}

bool IsHan(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
         (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

std::u32string CodePoints(std::string_view text) {
  std::u32string points;
  for (size_t i = 0; i < text.size();) points += NextCodePoint(text, &i);
  return points;
}

}  // namespace crumb
