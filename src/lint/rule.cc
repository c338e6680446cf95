#include "lint/rule.h"

#include <algorithm>
#include <utility>

namespace crumb::lint {

std::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kPerson:
      return "person";
  }
  return "";
}

Subject::Subject(Document read)
    : document(std::move(read)), article(FindSections(document)), numerals(FindNumerals(document)) {
  utf16.reserve(document.blocks.size());
  for (const Block& block : document.blocks) utf16.emplace_back(block.text);
}

bool Subject::HasNumber(size_t block, Span span) const {
  return std::ranges::any_of(numerals, [&](const Numeral& numeral) {
    return numeral.block == block && numeral.closed.empty() && numeral.span.begin >= span.begin &&
           numeral.span.end <= span.end;
  });
}

bool Subject::HasNumber(const Section& section) const {
  return std::ranges::any_of(numerals, [&](const Numeral& numeral) {
    return numeral.closed.empty() && numeral.block >= section.begin && numeral.block < section.end;
  });
}

void Sink::Add(size_t block, Span span, std::string why, std::string suggestion) {
  const Block& where = subject_.document.blocks[block];
  AddAt(where.At(span.begin), where.text.substr(span.begin, span.end - span.begin), std::move(why),
        std::move(suggestion));
}

void Sink::AddBlock(size_t block, std::string why, std::string suggestion) {
  constexpr size_t kShownBytes = 36;  // of a text that may be long; whole characters
  const Block& where = subject_.document.blocks[block];
  size_t end = 0;
  while (end < where.text.size() && end < kShownBytes) NextCodePoint(where.text, &end);
  AddAt(where.At(0), where.text.substr(0, end), std::move(why), std::move(suggestion));
}

void Sink::AddAt(Position at, std::string text, std::string why, std::string suggestion) {
  findings_.push_back({std::string(rule_.id), rule_.severity, at, std::move(text),
                       why.empty() ? std::string(rule_.why) : std::move(why),
                       suggestion.empty() ? std::string(rule_.suggestion) : std::move(suggestion)});
}

bool Covers(Where where, const Block& block) {
  switch (where) {
    case Where::kAll:
      return true;
    case Where::kHeadings:
      return !block.IsBody();
    case Where::kBody:
      return block.IsBody();
    case Where::kSources:
      return block.kind == BlockKind::kSource;
  }
  return true;
}

}  // namespace crumb::lint
