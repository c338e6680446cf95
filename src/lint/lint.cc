#include "lint/lint.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace crumb::lint {

LintReport Lint(const Subject& subject) {
  LintReport report;
  report.file = subject.document.file;
  for (const Rule& rule : AllRules()) {
    if (!rule.check) continue;
    Sink sink(rule, subject, report.findings);
    rule.check(subject, sink);
  }
  std::ranges::stable_sort(report.findings, [](const Finding& a, const Finding& b) {
    return std::tie(a.at.line, a.at.column) < std::tie(b.at.line, b.at.column);
  });
  for (const Finding& finding : report.findings) {
    ++(finding.severity == Severity::kError ? report.errors : report.warnings);
  }
  report.numerals = subject.numerals;
  for (const Numeral& numeral : subject.numerals) {
    report.positions.push_back(subject.document.blocks[numeral.block].At(numeral.span.begin));
  }
  return report;
}

Result<LintReport> LintFile(const std::string& path, const std::optional<Trace>& trace,
                            const Rows* rows) {
  CRUMB_ASSIGN_OR_RETURN(Document document, ReadDocument(path));
  Subject subject(std::move(document));
  subject.trace = trace;
  subject.rows = rows;
  return Lint(subject);
}

std::string Fixed(std::string_view bytes, const Document& document) {
  if (document.form != Form::kText) return std::string(bytes);
  std::map<int, const Block*> of_line;
  for (const Block& block : document.blocks) of_line[block.At(0).line] = &block;
  std::string fixed;
  for (int number = 1; !bytes.empty(); ++number) {
    const size_t end = std::min(bytes.size(), bytes.find('\n'));
    std::string_view line = TrimRight(bytes.substr(0, end));
    const auto found = of_line.find(number);
    if (found != of_line.end() && found->second->IsBody()) {
      line.remove_prefix(BlankPrefix(line));
      fixed += "　　";
    }
    for (size_t at = 0; at < line.size();) {
      const char32_t c = NextCodePoint(line, &at);
      // The full-width forms lie in the order of ASCII.
      const bool wide = (c >= U'０' && c <= U'９') || (c >= U'Ａ' && c <= U'Ｚ') ||
                        (c >= U'ａ' && c <= U'ｚ') || c == U'％' || c == U'．';
      AppendUtf8(wide ? c - 0xFEE0 : c, &fixed);
    }
    if (end < bytes.size()) fixed += '\n';
    bytes.remove_prefix(std::min(bytes.size(), end + 1));
  }
  return fixed;
}

}  // namespace crumb::lint
