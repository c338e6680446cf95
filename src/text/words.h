// Words as the published metrics cut them. Ill-formed bytes count as U+FFFD.
#ifndef CRUMB_TEXT_WORDS_H_
#define CRUMB_TEXT_WORDS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace crumb {

// White space as Python's str.split and \s see it, in which the tools that crumb is compared with
// are written: Unicode's, and the separators U+001C to U+001F.
bool IsPythonSpace(char32_t c);

// Pieces between runs of white space, none of them empty.
std::vector<std::string> SplitWords(std::string_view text);

// Pieces that re.split(r"\s+", text) of Python gives: runs of white space and one more, so that
// white space at an end makes an empty piece there, which counts. lm-evaluation-harness counts the
// words of a document so.
int64_t CountSplitPieces(std::string_view text);

// Blocks of Han ideographs (the list of google-research/bert).
bool IsHan(char32_t c);

std::u32string CodePoints(std::string_view text);

}  // namespace crumb

#endif  // CRUMB_TEXT_WORDS_H_
