// Text as code points, and as UTF-16 for ICU with the way back to byte positions.
//
// Ill-formed bytes read as U+FFFD, one for each maximal ill-formed part (Unicode 15, section 3.9).
#ifndef CRUMB_TEXT_UTF8_H_
#define CRUMB_TEXT_UTF8_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace crumb {

// The code point at `position` (which must be inside), and moves the position behind it.
char32_t NextCodePoint(std::string_view text, size_t* position);
// Appends `c` as UTF-8; surrogates and values above U+10FFFF append U+FFFD.
void AppendUtf8(char32_t c, std::string* out);
// Position of the first byte that begins no code point, or -1.
int64_t FirstInvalidUtf8(std::string_view text);
bool IsValidUtf8(std::string_view text);
// `text` with ill-formed parts replaced by U+FFFD.
std::string ToValidUtf8(std::string_view text);

// text in UTF-16; byte_of[i] is the byte position of unit i, byte_of[units.size()] the length.
struct Utf16Text {
  explicit Utf16Text(std::string_view text);
  std::u16string units;
  std::vector<uint32_t> byte_of;
};

// U+2581, which SentencePiece writes for a space.
inline constexpr std::string_view kSpaceMark = "\xe2\x96\x81";
// Every `from` (not empty) in `text` replaced by `to`.
std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to);

}  // namespace crumb

#endif  // CRUMB_TEXT_UTF8_H_
