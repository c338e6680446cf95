// A regular expression of ICU, run over the UTF-16 form of a block, with matches as bytes.
#ifndef CRUMB_LINT_PATTERN_H_
#define CRUMB_LINT_PATTERN_H_

#include <memory>
#include <string_view>
#include <vector>

#include "lint/document.h"
#include "text/utf8.h"

namespace crumb::lint {

class Pattern {
 public:
  // `expression`: UTF-8, of ours; one that does not compile is a fault of ours.
  explicit Pattern(std::string_view expression);
  ~Pattern();
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  std::vector<Span> FindAll(const Utf16Text& text) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace crumb::lint

#endif  // CRUMB_LINT_PATTERN_H_
