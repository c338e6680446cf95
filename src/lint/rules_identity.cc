// What could point to a person, a machine or an account, exact dates, and names of standards and
// works.
#include <algorithm>
#include <memory>

#include "lint/families.h"
#include "lint/pattern.h"
#include "lint/word_list.h"

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

// Words that are part of no ordinary text; each is an identifier wherever it stands.
void Denied(const Subject& subject, Sink& sink) {
  static const Pattern shapes(
      R"((?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
      R"(|(?<![A-Za-z0-9_/])(?:/[A-Za-z0-9_.-]+){2,}|[a-zA-Z]:\\[A-Za-z0-9_\\.-]+|\\\\[A-Za-z0-9_.-]+)"
      R"(|(?<![A-Za-z0-9_-])[a-z][a-z0-9]*(?:(?:-[a-z0-9]+)*-?\d{2,}|(?:-[a-z0-9]+)*-\d+)(?:[.-][a-z0-9-]+)*(?![A-Za-z0-9_%])(?<!\d[a-z]))"
      R"(|(?<![A-Za-z0-9_.])[A-Za-z0-9_.-]+@[A-Za-z0-9_-]+(?!\.[a-z]{2,})|[0-9a-f]{2}(?::[0-9a-f]{2}){3,}|(?<![0-9a-f])[0-9a-f]{12,}(?![0-9a-f])|(?-i:(?<![A-Za-z0-9_./])[a-z0-9_.-]{3,}/[a-z0-9_.-]{3,}))");
  for (size_t i = 0; i < subject.document.blocks.size(); ++i) {
    const std::string_view text = subject.document.blocks[i].text;
    for (const Span& span : shapes.FindAll(subject.utf16[i])) {
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

// A month is one wherever it stands; a day only with one, or as a weekday.
constexpr std::string_view kDates =
    R"((?:[0-9０-９]{1,2}|十[一二]?|[一二三四五六七八九])\s*月(?:份|[0-9０-９一二三四五六七八九十]+[日号]?)?(?!亮))"
    R"(|[0-9０-９]{1,2}\s*[日号](?!线|楼|机|称)|(?:周|星期|礼拜)[一二三四五六日天])"
    R"(|(?:19|20)\d{2}\s*[-/.]\s*\d{1,2}(?:\s*[-/.]\s*\d{1,2})?(?!\d)|\d{1,2}:\d{2})"
    R"(|(?i)(?<![a-z])(?:january|february|march|april|may|june|july|august|september|october|november|december)(?![a-z]))"
    R"(|[上下本当]个?月|[一二三四五六七八九十]+[日号](?=[上下]午|凌晨|当天))";

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
       "　　见www.example.com。", "　　见公开报告。",
       Matches(
           R"((?i)(?:https?|ftp|file)[:：]/{0,2}[^\s，。；、）”]+|www\.[^\s，。；、）”]+)"
           R"(|(?<![A-Za-z0-9_.-])[A-Za-z0-9_.+-]+@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+)"
           R"(|(?<![A-Za-z0-9_.-])(?:[a-z0-9-]+\.)+(?:com|cn|net|org|gov|edu|io|ai|top|xyz|dev|info|local|internal|co|me|tv|cc)(?![A-Za-z0-9_]))"
           R"(|(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])|(?<!\d)1[3-9]\d[\s-]?\d{4}[\s-]?\d{4}(?!\d))"
           R"(|(?<!\d)0\d{2,3}[-\s]\d{7,8}(?!\d)|(?<!\d)(?:400|800)[-\s]?\d{3}[-\s]?\d{4}(?!\d)|(?<!\d)\d{17}[\dXx](?!\d)|(?<!\d)\d{16,19}(?!\d)|(?i)微信号|(?<![a-z])QQ\s*群?[:：]?\s*\d{5,})")},
      {"R35-identifier", Severity::kError,
       "an identifier of a machine, a user, a folder or a repository", "leave it out",
       "　　结果来自gpu-node-07。", "　　结果来自机房里的一台服务器。", Denied},
      {"R36-date", Severity::kError, "a date more exact than a quarter",
       "write the year or the quarter: 2026年第四季度", "　　测于2026年11月。",
       "　　测于2026年第四季度。", Matches(kDates)},
  };
}

}  // namespace crumb::lint
