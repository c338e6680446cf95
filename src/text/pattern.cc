#include "text/pattern.h"

#include <unicode/regex.h>
#include <unicode/unistr.h>

#include "base/check.h"

namespace crumb {

struct Pattern::Compiled {
  std::unique_ptr<icu::RegexPattern> pattern;
};

Pattern::Pattern(std::string_view expression) : compiled_(std::make_unique<Compiled>()) {
  UErrorCode code = U_ZERO_ERROR;
  UParseError where;
  compiled_->pattern.reset(
      icu::RegexPattern::compile(icu::UnicodeString::fromUTF8(icu::StringPiece(
                                     expression.data(), static_cast<int32_t>(expression.size()))),
                                 0, where, code));
  CRUMB_CHECK(U_SUCCESS(code));
}

Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;

std::vector<Span> Pattern::FindAll(const Utf16Text& text) const {
  std::vector<Span> spans;
  UErrorCode code = U_ZERO_ERROR;
  // An alias, no copy: both outlive the matcher.
  const icu::UnicodeString alias(false, text.units.data(), static_cast<int32_t>(text.units.size()));
  const std::unique_ptr<icu::RegexMatcher> matcher(compiled_->pattern->matcher(alias, code));
  while (U_SUCCESS(code) && matcher->find(code)) {
    const auto begin = static_cast<size_t>(matcher->start(code));
    const auto end = static_cast<size_t>(matcher->end(code));
    if (U_FAILURE(code)) break;
    spans.push_back({text.byte_of[begin], text.byte_of[end]});
  }
  return spans;
}

}  // namespace crumb
