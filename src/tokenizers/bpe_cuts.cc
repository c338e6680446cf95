#include "tokenizers/bpe_cuts.h"

#include "text/utf8.h"

namespace crumb {
namespace {

constexpr int kBits = 22;

// The first character of `text`; 0 for an empty one.
char32_t FirstCharacter(std::string_view text) {
  size_t i = 0;
  return text.empty() ? 0 : NextCodePoint(text, &i);
}

char32_t LastCharacter(std::string_view text) {
  size_t start = text.size();
  while (start > 0) {
    --start;
    if ((static_cast<uint8_t>(text[start]) & 0xC0) != 0x80) break;
  }
  return FirstCharacter(text.substr(start));
}

}  // namespace

BpeCuts::BpeCuts(std::span<const Token> tokens, std::span<const BpeMerge> merges)
    : joined_(size_t{1} << kBits) {
  for (const BpeMerge& merge : merges) {
    const Token& left = tokens[static_cast<size_t>(merge.left)];
    const Token& right = tokens[static_cast<size_t>(merge.right)];
    joined_[Bit(LastCharacter(left.text), FirstCharacter(right.text))] = true;
    // Such a token stands for a byte of some other character than those of its own text.
    if (left.type == TokenType::kByte || right.type == TokenType::kByte) possible_ = false;
  }
}

size_t BpeCuts::Bit(char32_t left, char32_t right) {
  const uint64_t key = ((static_cast<uint64_t>(left) << 21) | right) * 0x9E3779B97F4A7C15u;
  return static_cast<size_t>(key >> (64 - kBits));
}

std::vector<std::string_view> BpeCuts::Cut(std::string_view text) const {
  if (!possible_) return {text};
  std::vector<std::string_view> parts;
  size_t part_start = 0;
  char32_t left = FirstCharacter(text);
  for (size_t i = 0; i < text.size();) {
    const size_t at = i;
    const char32_t right = NextCodePoint(text, &i);
    if (at > part_start && !joined_[Bit(left, right)]) {
      parts.push_back(text.substr(part_start, at - part_start));
      part_start = at;
    }
    left = right;
  }
  parts.push_back(text.substr(part_start));
  return parts;
}

}  // namespace crumb
