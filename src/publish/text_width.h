// Text laid out in columns of a terminal, where a Chinese character takes two.
#ifndef CRUMB_PUBLISH_TEXT_WIDTH_H_
#define CRUMB_PUBLISH_TEXT_WIDTH_H_

#include <string>
#include <string_view>
#include <vector>

namespace crumb {

// Columns that `text` (UTF-8) takes: 2 for East Asian wide and full-width characters, 0 for
// combining marks and control characters, 1 for all others. A byte that is no UTF-8 counts 1.
int ColumnsOf(std::string_view text);

// The functions below leave control characters out: names come from outside, and a terminal obeys
// them.

// `text` with spaces up to `columns`; one that is wider is cut, with "~" as its last character.
std::string PadRight(std::string_view text, int columns);
std::string PadLeft(std::string_view text, int columns);

// Lines of at most `columns`: broken at spaces, and between Chinese characters, but not before
// closing punctuation.
std::vector<std::string> Wrap(std::string_view text, int columns);

}  // namespace crumb

#endif  // CRUMB_PUBLISH_TEXT_WIDTH_H_
