#include "text/unicode.h"

#include <unicode/bytestream.h>
#include <unicode/casemap.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <cstdint>

#include "text/utf8.h"

namespace crumb {
namespace {

UChar32 Icu(char32_t c) { return static_cast<UChar32>(c); }

using InstanceGetter = const icu::Normalizer2* (*)(UErrorCode&);

std::string Normalize(InstanceGetter get, std::string_view text) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* form = get(error);
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  const icu::StringPiece piece(text.data(), static_cast<int32_t>(text.size()));
  if (U_FAILURE(error) || form->isNormalizedUTF8(piece, error)) return std::string(text);
  form->normalizeUTF8(0, piece, sink, nullptr, error);
  return U_SUCCESS(error) ? out : std::string(text);
}

// The blocks of Han ideographs that BERT's own code lists.
bool IsHanForBert(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
         (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

bool IsControlForBert(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  const int8_t category = u_charType(Icu(c));
  return category == U_CONTROL_CHAR || category == U_FORMAT_CHAR || category == U_SURROGATE ||
         category == U_PRIVATE_USE_CHAR || category == U_UNASSIGNED;
}

std::string CleanCharacters(std::string_view text, const BertCleaning& cleaning) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const char32_t c = NextCodePoint(text, &i);
    if (cleaning.clean_text && (c == 0 || c == 0xFFFD || IsControlForBert(c))) continue;
    if (cleaning.clean_text && IsWhiteSpace(c)) {
      out += ' ';
    } else if (cleaning.space_around_han && IsHanForBert(c)) {
      out += ' ';
      AppendUtf8(c, &out);
      out += ' ';
    } else {
      AppendUtf8(c, &out);
    }
  }
  return out;
}

}  // namespace

std::string ToNfc(std::string_view text) {
  return Normalize(icu::Normalizer2::getNFCInstance, text);
}
std::string ToNfd(std::string_view text) {
  return Normalize(icu::Normalizer2::getNFDInstance, text);
}
std::string ToNfkc(std::string_view text) {
  return Normalize(icu::Normalizer2::getNFKCInstance, text);
}
std::string ToNfkd(std::string_view text) {
  return Normalize(icu::Normalizer2::getNFKDInstance, text);
}

std::string ToLower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const char32_t c = NextCodePoint(text, &i);
    // The one character whose lower case without context is two (U+0130).
    if (c == 0x130) {
      out += "i\xcc\x87";
    } else {
      AppendUtf8(static_cast<char32_t>(u_tolower(Icu(c))), &out);
    }
  }
  return out;
}

std::string RemoveMarks(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const char32_t c = NextCodePoint(text, &i);
    if (u_charType(Icu(c)) != U_NON_SPACING_MARK) AppendUtf8(c, &out);
  }
  return out;
}

std::string StripWhiteSpace(std::string_view text, bool left, bool right) {
  size_t begin = std::string_view::npos;
  size_t end = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    if (IsWhiteSpace(NextCodePoint(text, &i))) continue;
    if (begin == std::string_view::npos) begin = start;
    end = i;
  }
  if (begin == std::string_view::npos) return left || right ? "" : std::string(text);
  if (!left) begin = 0;
  if (!right) end = text.size();
  return std::string(text.substr(begin, end - begin));
}

std::string CleanForBert(std::string_view text, const BertCleaning& cleaning) {
  std::string out = CleanCharacters(text, cleaning);
  if (cleaning.strip_accents) out = RemoveMarks(ToNfd(out));
  return cleaning.lowercase ? ToLower(out) : out;
}

bool IsWhiteSpace(char32_t c) { return u_isUWhiteSpace(Icu(c)) != 0; }

bool IsBertPunctuation(char32_t c) {
  if ((c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
      (c >= 123 && c <= 126)) {
    return true;
  }
  return u_ispunct(Icu(c)) != 0;
}

}  // namespace crumb
