// The word lists of src/lint/data: one entry a line, fields parted by tabs, # begins a comment
// line.
#ifndef CRUMB_LINT_WORD_LIST_H_
#define CRUMB_LINT_WORD_LIST_H_

#include <span>
#include <string_view>
#include <vector>

#include "base/embedded.h"
#include "lint/document.h"

namespace crumb {
std::span<const EmbeddedFile> LintData();
}

namespace crumb::lint {

// The whole file NAME. A file that is not there is a fault of ours.
std::string_view DataFile(std::string_view name);

// Lines of NAME as fields. Read once for a run; any thread.
using Fields = std::vector<std::string_view>;
const std::vector<Fields>& DataLines(std::string_view name);
// The same of any text, whose bytes the fields point into.
std::vector<Fields> ParseLines(std::string_view text);

// Words, found longest first at each place, without overlaps.
class WordFinder {
 public:
  // A line's first field is the word; `line` of a match is that line.
  explicit WordFinder(const std::vector<Fields>& lines);
  struct Match {
    Span span;
    const Fields* line;
  };
  std::vector<Match> FindAll(std::string_view text) const;
  // The longest word at `at`, 0 bytes where there is none.
  Match MatchAt(std::string_view text, size_t at) const;

 private:
  std::vector<std::pair<std::string_view, const Fields*>> by_first_[256];
};

// The finder of one file, made once.
const WordFinder& Words(std::string_view name);

// Bytes that begin a code point.
inline bool BeginsCodePoint(char c) { return (c & 0xC0) != 0x80; }

// The sentence and the clause around a place: a sentence ends at 。；？ or the end of the text, a
// clause at ， too (and at 、 not).
Span SentenceAround(std::string_view text, size_t at);
Span ClauseAround(std::string_view text, size_t at);

}  // namespace crumb::lint

#endif  // CRUMB_LINT_WORD_LIST_H_
