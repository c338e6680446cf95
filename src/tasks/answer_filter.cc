// FilterAnswer and ExactMatch of generated.h: regular expressions over generated text.
#include <fmt/format.h>
#include <unicode/regex.h>
#include <unicode/unistr.h>

#include <memory>

#include "tasks/generated.h"
#include "text/unicode.h"

namespace crumb {
namespace {

// What one match may take, in ICU's unit of about a millisecond: patterns come with files.
constexpr int32_t kTimeLimit = 200;

Result<std::unique_ptr<icu::RegexMatcher>> Matcher(const std::string& pattern,
                                                   const icu::UnicodeString& text) {
  UErrorCode error = U_ZERO_ERROR;
  auto matcher =
      std::make_unique<icu::RegexMatcher>(icu::UnicodeString::fromUTF8(pattern), text, 0, error);
  if (U_SUCCESS(error)) matcher->setTimeLimit(kTimeLimit, error);
  if (U_SUCCESS(error)) return matcher;
  return Unsupported(
      fmt::format("the pattern \"{}\" is no regular expression: {}", pattern, u_errorName(error)));
}

Status CheckMatch(const std::string& pattern, UErrorCode error) {
  if (U_SUCCESS(error)) return OkStatus();
  return Unsupported(
      fmt::format("the pattern \"{}\" takes too long: {}", pattern, u_errorName(error)));
}

std::string ToUtf8(const icu::UnicodeString& text) {
  std::string utf8;
  text.toUTF8String(utf8);
  return utf8;
}

// The first group that took part, or the whole match of a pattern without groups.
icu::UnicodeString Taken(icu::RegexMatcher& matcher) {
  UErrorCode error = U_ZERO_ERROR;
  if (matcher.groupCount() == 0) return matcher.group(error);
  for (int32_t group = 1; group <= matcher.groupCount(); ++group) {
    icu::UnicodeString text = matcher.group(group, error);
    if (!text.isEmpty()) return text;
  }
  return {};
}

}  // namespace

Result<std::string> FilterAnswer(const AnswerFilter& filter, const std::string& text) {
  if (filter.pattern.empty()) return text;
  const icu::UnicodeString subject = icu::UnicodeString::fromUTF8(text);
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<icu::RegexMatcher> matcher,
                         Matcher(filter.pattern, subject));
  std::string answer = "[invalid]";
  UErrorCode error = U_ZERO_ERROR;
  while (matcher->find(error) != 0) {
    answer = StripWhiteSpace(ToUtf8(Taken(*matcher)), true, true);
    if (filter.group_select == 0) break;
  }
  CRUMB_RETURN_IF_ERROR(CheckMatch(filter.pattern, error));
  return answer;
}

Result<bool> ExactMatch(const Task& task, const std::string& answer, const std::string& target) {
  std::string sides[] = {answer, target};
  for (std::string& side : sides) {
    for (const std::string& pattern : task.ignored) {
      const icu::UnicodeString subject = icu::UnicodeString::fromUTF8(side);
      CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<icu::RegexMatcher> matcher,
                             Matcher(pattern, subject));
      UErrorCode error = U_ZERO_ERROR;
      side = ToUtf8(matcher->replaceAll(icu::UnicodeString(), error));
      CRUMB_RETURN_IF_ERROR(CheckMatch(pattern, error));
    }
    if (task.ignore_case) side = ToLower(side);
  }
  return sides[0] == sides[1];
}

}  // namespace crumb
