#include "tokenizers/byte_alphabet.h"

#include <array>

#include "text/utf8.h"

namespace crumb {
namespace {

// The bytes that are not printable Latin-1 get the code points from here on.
constexpr char32_t kFirstSubstitute = 0x100;
constexpr char32_t kSubstitutes = 68;

constexpr bool StandsForItself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<char32_t, 256> character{};
  std::array<uint8_t, kFirstSubstitute + kSubstitutes> byte{};
  std::array<bool, kFirstSubstitute + kSubstitutes> known{};
};

constexpr Alphabet MakeAlphabet() {
  Alphabet alphabet;
  char32_t next = kFirstSubstitute;
  for (int byte = 0; byte < 256; ++byte) {
    const char32_t c = StandsForItself(byte) ? static_cast<char32_t>(byte) : next++;
    alphabet.character[static_cast<size_t>(byte)] = c;
    alphabet.byte[c] = static_cast<uint8_t>(byte);
    alphabet.known[c] = true;
  }
  return alphabet;
}
constexpr Alphabet kAlphabet = MakeAlphabet();

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string ToByteAlphabet(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) AppendUtf8(kAlphabet.character[static_cast<uint8_t>(byte)], &text);
  return text;
}

std::optional<std::string> FromByteAlphabet(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size();) {
    const char32_t c = NextCodePoint(text, &i);
    if (c >= kAlphabet.known.size() || !kAlphabet.known[c]) return std::nullopt;
    bytes.push_back(static_cast<char>(kAlphabet.byte[c]));
  }
  return bytes;
}

std::optional<uint8_t> ByteOfToken(std::string_view text) {
  if (text.size() != 6 || text.substr(0, 3) != "<0x" || text[5] != '>') return std::nullopt;
  const int high = HexDigit(text[3]);
  const int low = HexDigit(text[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<uint8_t>(high * 16 + low);
}

}  // namespace crumb
