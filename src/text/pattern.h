// A regular expression of ICU, run over the UTF-16 form of a text, with matches as bytes.
#ifndef CRUMB_TEXT_PATTERN_H_
#define CRUMB_TEXT_PATTERN_H_

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "text/utf8.h"

namespace crumb {

// Bytes [begin, end) of a text.
struct Span {
  size_t begin = 0;
  size_t end = 0;
};

// Safe to use from any thread once it is made.
class Pattern {
 public:
  // `expression`: UTF-8, of ours; one that does not compile is a fault of ours.
  explicit Pattern(std::string_view expression);
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  std::vector<Span> FindAll(const Utf16Text& text) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace crumb

#endif  // CRUMB_TEXT_PATTERN_H_
