// Text for a terminal of 80 columns: widths as terminals count them, and lines broken between
// words.
#ifndef CRUMB_ADVICE_TEXT_LINES_H_
#define CRUMB_ADVICE_TEXT_LINES_H_

#include <string>
#include <string_view>

namespace crumb {

// Columns of UTF-8 text: East Asian wide characters take two.
size_t Columns(std::string_view text);
// `text` with spaces behind it up to `columns`, or cut to fit.
std::string Fit(std::string_view text, size_t columns);
// `text` in lines of at most 80 columns, each with `indent` spaces before it and a line break
// behind it. Broken at spaces, and anywhere beside a wide character.
std::string Wrapped(std::string_view text, size_t indent);

}  // namespace crumb

#endif  // CRUMB_ADVICE_TEXT_LINES_H_
