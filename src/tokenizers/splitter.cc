#include "tokenizers/splitter.h"

#include <fmt/format.h>
#include <unicode/regex.h>
#include <unicode/unistr.h>

#include "text/utf8.h"

namespace crumb {
namespace {

// A vocabulary file is untrusted: its pattern may backtrack for ever. ICU reports after each 10 000
// steps of one match; the patterns of real models match in a few steps.
constexpr int64_t kMaxRegexReports = 2000;
constexpr int32_t kRegexStackBytes = 16 << 20;

// A word as positions in UTF-16 units.
struct Range {
  int32_t begin;
  int32_t end;
};

// Called by ICU while a match goes on; false stops it. `context`: the reports left for this text.
UBool MayGoOn(const void* context, int32_t) {
  return --*static_cast<int64_t*>(const_cast<void*>(context)) > 0;
}

struct Piece {
  Range range;
  bool is_match;
};

// Whether `piece` continues the word that the piece before it is in.
bool Continues(const Piece& before, const Piece& piece, SplitBehavior behavior) {
  switch (behavior) {
    case SplitBehavior::kMergedWithPrevious:
      return piece.is_match && !before.is_match;
    case SplitBehavior::kMergedWithNext:
      return !piece.is_match && before.is_match;
    case SplitBehavior::kContiguous:
      return piece.is_match == before.is_match;
    case SplitBehavior::kIsolated:
    case SplitBehavior::kRemoved:
      return false;
  }
  return false;
}

void AppendWords(const std::vector<Piece>& pieces, SplitBehavior behavior,
                 std::vector<Range>* words) {
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (behavior == SplitBehavior::kRemoved && pieces[i].is_match) continue;
    if (i > 0 && Continues(pieces[i - 1], pieces[i], behavior)) {
      words->back().end = pieces[i].range.end;
    } else {
      words->push_back(pieces[i].range);
    }
  }
}

// The matches in `word` and the text between them, in order.
Result<std::vector<Piece>> FindPieces(icu::RegexMatcher* matcher, Range word, bool invert) {
  std::vector<Piece> pieces;
  const auto add = [&](int32_t begin, int32_t end, bool is_match) {
    if (begin < end) pieces.push_back({{begin, end}, is_match != invert});
  };
  UErrorCode error = U_ZERO_ERROR;
  matcher->region(word.begin, word.end, error);
  int32_t at = word.begin;
  while (matcher->find(error) && U_SUCCESS(error)) {
    const int32_t begin = matcher->start(error);
    const int32_t end = matcher->end(error);
    add(at, begin, false);
    add(begin, end, true);
    at = end;
  }
  if (U_FAILURE(error)) {
    return InvalidArgument(
        fmt::format("the tokenizer's pattern can not be matched against this text "
                    "({}); use a shorter text",
                    u_errorName(error)));
  }
  add(at, word.end, false);
  return pieces;
}

}  // namespace

struct Splitter::Rule {
  std::unique_ptr<icu::RegexPattern> pattern;
  SplitBehavior behavior;
  bool invert;
};

Status Splitter::AddRegex(std::string_view pattern, SplitBehavior behavior, bool invert,
                          const std::string& name) {
  UErrorCode error = U_ZERO_ERROR;
  UParseError place;
  const icu::UnicodeString text = icu::UnicodeString::fromUTF8(
      icu::StringPiece(pattern.data(), static_cast<int32_t>(pattern.size())));
  auto rule = std::make_shared<Rule>();
  rule->pattern.reset(icu::RegexPattern::compile(text, 0, place, error));
  if (U_FAILURE(error)) {
    return Unsupported(fmt::format("{}: ICU does not take the pattern \"{}\" ({} at character {})",
                                   name, pattern, u_errorName(error), place.offset));
  }
  rule->behavior = behavior;
  rule->invert = invert;
  rules_.push_back(std::move(rule));
  return OkStatus();
}

Status Splitter::AddLiteral(std::string_view text, SplitBehavior behavior, bool invert,
                            const std::string& name) {
  std::string pattern;
  for (const char c : text) {
    if (static_cast<uint8_t>(c) < 0x80 && !std::isalnum(static_cast<unsigned char>(c))) {
      pattern += '\\';
    }
    pattern += c;
  }
  return AddRegex(pattern, behavior, invert, name);
}

Result<std::vector<std::string_view>> Splitter::Split(std::string_view text) const {
  if (text.empty()) return std::vector<std::string_view>{};
  if (rules_.empty()) return std::vector<std::string_view>{text};
  const Utf16Text utf16(text);
  const icu::UnicodeString units(false, utf16.units.data(),
                                 static_cast<int32_t>(utf16.units.size()));
  std::vector<Range> words = {{0, units.length()}};
  int64_t reports_left = kMaxRegexReports;
  for (const auto& rule : rules_) {
    UErrorCode error = U_ZERO_ERROR;
    const std::unique_ptr<icu::RegexMatcher> matcher(rule->pattern->matcher(units, error));
    if (matcher != nullptr) {
      matcher->setMatchCallback(MayGoOn, &reports_left, error);
      matcher->setStackLimit(kRegexStackBytes, error);
    }
    if (U_FAILURE(error)) return InternalError(fmt::format("ICU: {}", u_errorName(error)));
    std::vector<Range> finer;
    for (const Range& word : words) {
      CRUMB_ASSIGN_OR_RETURN(const std::vector<Piece> pieces,
                             FindPieces(matcher.get(), word, rule->invert));
      AppendWords(pieces, rule->behavior, &finer);
    }
    words = std::move(finer);
  }
  std::vector<std::string_view> parts;
  parts.reserve(words.size());
  for (const Range& word : words) {
    const uint32_t begin = utf16.byte_of[static_cast<size_t>(word.begin)];
    const uint32_t end = utf16.byte_of[static_cast<size_t>(word.end)];
    if (begin < end) parts.push_back(text.substr(begin, end - begin));
  }
  return parts;
}

}  // namespace crumb
