// Rewritings of whole texts by Unicode properties (ICU). Ill-formed bytes come out as U+FFFD,
// except that a text which needs no change comes back as it is.
#ifndef CRUMB_TEXT_UNICODE_H_
#define CRUMB_TEXT_UNICODE_H_

#include <string>
#include <string_view>

namespace crumb {

// Unicode normalization forms (UAX #15).
std::string ToNfc(std::string_view text);
std::string ToNfd(std::string_view text);
std::string ToNfkc(std::string_view text);
std::string ToNfkd(std::string_view text);

// Full lower case without a language.
std::string ToLower(std::string_view text);
// Without nonspacing marks (category Mn).
std::string RemoveMarks(std::string_view text);
std::string StripWhiteSpace(std::string_view text, bool left, bool right);

// The text cleaning of BERT (google-research/bert, tokenization.py).
struct BertCleaning {
  bool clean_text = true;        // control characters go, white space becomes a space
  bool space_around_han = true;  // each Han character becomes a word
  bool strip_accents = true;
  bool lowercase = true;
};
std::string CleanForBert(std::string_view text, const BertCleaning& cleaning);

bool IsWhiteSpace(char32_t c);
// BERT's idea of punctuation: category P and the ASCII signs.
bool IsBertPunctuation(char32_t c);

}  // namespace crumb

#endif  // CRUMB_TEXT_UNICODE_H_
