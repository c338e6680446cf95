// What could point to a person, a machine or an account, exact dates, and names of standards and
// works.
#include <algorithm>
#include <memory>

#include "lint/families.h"
#include "lint/word_list.h"
#include "text/identity.h"
#include "text/pattern.h"

namespace crumb::lint {
namespace {

// A pattern whose matches are allowed where they hold a word of `allowed`.
std::function<void(const Subject&, Sink&)> Matches(std::string_view expression,
                                                   std::string_view allowed = "") {
  const auto pattern = std::make_shared<const Pattern>(expression);
  return [pattern, allowed](const Subject& subject, Sink& sink) {
    for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
      const std::string_view text = subject.document.blocks[i].text;
      for (const Span& span : pattern->FindAll(subject.utf16[i])) {
        const std::string_view match = text.substr(span.begin, span.end - span.begin);
        if (!allowed.empty() && !Words(allowed).FindAll(match).empty()) continue;
        sink.Add(i, span);
      }
    }
  };
}

// Whatever has a shape of the family (text/identity.h).
std::function<void(const Subject&, Sink&)> Shapes(IdentityFamily family) {
  return [family](const Subject& subject, Sink& sink) {
    for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
      for (const IdentityMatch& match : FindIdentity(subject.utf16[i], family)) {
        sink.Add(i, match.span);
      }
    }
  };
}

// Identifiers by their shape, and words that are part of no ordinary text.
void Denied(const Subject& subject, Sink& sink) {
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    const std::string_view text = subject.document.blocks[i].text;
    for (const IdentityMatch& found : FindIdentity(subject.utf16[i], IdentityFamily::kIdentifier)) {
      const Span span = found.span;
      const std::string_view match = text.substr(span.begin, span.end - span.begin);
      const WordFinder::Match name = Words("names.txt").MatchAt(text, span.begin);
      if (name.line != nullptr && name.span.end >= span.end) continue;
      if (match == "tokens/s" || match == "bytes/s") continue;
      sink.Add(i, span);
    }
    for (const WordFinder::Match& match : Words("deny.txt").FindAll(text)) {
      sink.Add(i, match.span);
    }
  }
}

}  // namespace

std::vector<Rule> IdentityRules() {
  return {
      {"R30-named-work", Severity::kError, "a work in 《》 that no source of ours names",
       "name what the ledger holds, or write 公开报告", "　　见《人工智能白皮书》。",
       "　　文字取自《Debian参考手册》。", Matches("《[^》]*》?", "titles.txt")},
      {"R31-standard", Severity::kError, "a standard that no source of ours names",
       "write 国家技术指引", "　　按GB/T 12345执行。", "　　按国家技术指引执行。",
       Matches(
           R"((?<![A-Za-z])(?:GB(?:/T)?|YD/T|DB\d+/T|ISO(?:/IEC)?|IEEE|IEC|RFC|ITU-T)\s*[-A-Z]*\d[\d.\-]*)",
           "standards.txt")},
      {"R34-contact", Severity::kError,
       "an address: URL, domain, e-mail, IP, telephone, card number", "leave it out",
       "　　见www.example.com。", "　　见公开报告。", Shapes(IdentityFamily::kContact)},
      {"R35-identifier", Severity::kError,
       "an identifier of a machine, a user, a folder or a repository", "leave it out",
       "　　结果来自gpu-node-07。", "　　结果来自机房里的一台服务器。", Denied},
      {"R36-date", Severity::kError, "a date more exact than a quarter",
       "write the year or the quarter: 2026年第四季度", "　　测于2026年11月。",
       "　　测于2026年第四季度。", Shapes(IdentityFamily::kDate)},
  };
}

}  // namespace crumb::lint
