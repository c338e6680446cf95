// The alphabet of byte-level BPE (GPT-2): each of the 256 bytes is written as one printable
// character, so that a vocabulary file never holds a space or a control character. Printable
// Latin-1 stands for itself; the others follow in order from U+0100.
#ifndef CRUMB_TOKENIZERS_BYTE_ALPHABET_H_
#define CRUMB_TOKENIZERS_BYTE_ALPHABET_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace crumb {

// "\n the" -> "ĊĠthe". Any bytes.
std::string ToByteAlphabet(std::string_view bytes);
// The way back; nothing when `text` has a character outside the alphabet.
std::optional<std::string> FromByteAlphabet(std::string_view text);

// The byte that "<0x0A>" names, or nothing for any other text.
std::optional<uint8_t> ByteOfToken(std::string_view text);

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_BYTE_ALPHABET_H_
