// Lints articles: every rule over one document, findings in the order of the text.
#ifndef CRUMB_LINT_LINT_H_
#define CRUMB_LINT_LINT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "lint/rule.h"

namespace crumb::lint {

struct LintReport {
  std::string file;
  std::vector<Finding> findings;
  std::vector<Numeral> numerals;    // as they were read: what a trace has to hold
  std::vector<Position> positions;  // of the numerals
  int errors = 0;
  int warnings = 0;
};

LintReport Lint(const Subject& subject);
// Reads `path` and lints it.
Result<LintReport> LintFile(const std::string& path, const std::optional<Trace>& trace,
                            const Rows* rows);

// For people: FILE:LINE:COLUMN, what, why and what to do, within 80 columns; without the checklist.
std::string ReportText(const LintReport& report);
std::string ChecklistText();
std::string ExplainText(const Rule& rule);
std::string RulesText();
// For programs: docs/lint.md has the keys; SARIF as OASIS 2.1.0.
Json ReportsJson(const std::vector<LintReport>& reports);
Json RuleJson(const Rule& rule);
Json ReportsSarif(const std::vector<LintReport>& reports);

// A text file with what is certain put right: full-width digits, white space at the end of lines,
// indents of paragraphs. Other forms come back as they are.
std::string Fixed(std::string_view bytes, const Document& document);

}  // namespace crumb::lint

#endif  // CRUMB_LINT_LINT_H_
