// crumb lint FILE...: an article checked against the rules, its numbers against the ledger.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/files.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "lint/lint.h"

namespace crumb {
namespace {

struct LintArguments {
  std::vector<std::string> files;
  std::string trace;
  std::string ledger;
  std::string format = "text";
  std::string explain;
  bool rules = false;
  bool fix = false;
};

Status Explain(const std::string& id, bool json) {
  const lint::Rule* rule = lint::FindRule(id);
  if (rule == nullptr) {
    return NotFound(fmt::format("no rule {}; crumb lint --rules lists them", id));
  }
  if (json) {
    PrintJson(lint::RuleJson(*rule));
  } else {
    fmt::print("{}", lint::ExplainText(*rule));
  }
  return OkStatus();
}

Status ListRules(bool json) {
  if (!json) {
    fmt::print("{}", lint::RulesText());
    return OkStatus();
  }
  Json rules = Json::array();
  for (const lint::Rule& rule : lint::AllRules()) rules.push_back(lint::RuleJson(rule));
  PrintJson(rules);
  return OkStatus();
}

Status FixFile(const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(const lint::Document document, lint::ReadDocument(path));
  CRUMB_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, lint::kMaxFileBytes));
  const std::string fixed = lint::Fixed(bytes, document);
  return fixed == bytes ? OkStatus() : WriteFileAtomic(path, fixed);
}

Status Run(const LintArguments& arguments, const CommonOptions& common) {
  if (arguments.rules) return ListRules(common.json);
  if (!arguments.explain.empty()) return Explain(arguments.explain, common.json);
  if (arguments.files.empty()) return InvalidArgument("crumb lint: name an article file");
  if (!arguments.trace.empty() && arguments.fix) {
    return InvalidArgument("crumb lint --fix: changes no text that a trace describes");
  }
  std::optional<lint::Trace> trace;
  if (!arguments.trace.empty()) {
    CRUMB_ASSIGN_OR_RETURN(trace, lint::ReadTrace(arguments.trace));
  }
  std::optional<lint::Rows> rows;
  if (!arguments.ledger.empty()) {
    CRUMB_ASSIGN_OR_RETURN(rows, lint::ReadRows(arguments.ledger));
  }
  std::vector<lint::LintReport> reports;
  int errors = 0;
  for (const std::string& file : arguments.files) {
    if (arguments.fix) CRUMB_RETURN_IF_ERROR(FixFile(file));
    CRUMB_ASSIGN_OR_RETURN(lint::LintReport report,
                           lint::LintFile(file, trace, rows.has_value() ? &*rows : nullptr));
    errors += report.errors;
    reports.push_back(std::move(report));
  }
  if (arguments.format == "sarif") {
    PrintJson(lint::ReportsSarif(reports));
  } else if (common.json || arguments.format == "json") {
    PrintJson(lint::ReportsJson(reports));
  } else {
    for (const lint::LintReport& report : reports) fmt::print("{}", lint::ReportText(report));
    if (!common.quiet) fmt::print("{}", lint::ChecklistText());
  }
  if (errors == 0) return OkStatus();
  return Corrupt(fmt::format(
      "{}{}: {} error{}; crumb lint --explain RULE says more", arguments.files.front(),
      arguments.files.size() > 1 ? fmt::format(" and {} more", arguments.files.size() - 1) : "",
      errors, errors == 1 ? "" : "s"));
}

}  // namespace

Runner AddLintCommand(CLI::App& app) {
  auto arguments = std::make_shared<LintArguments>();
  app.add_option("FILE", arguments->files, "article: .txt (source or plain), .html, .docx");
  app.add_option("--trace", arguments->trace, "the article's trace: which row each number is")
      ->type_name("FILE");
  app.add_option("--ledger", arguments->ledger, "ledger file, or folder of a study")
      ->type_name("PATH");
  app.add_option("--format", arguments->format, "how findings are printed")
      ->check(CLI::IsMember({"text", "json", "sarif"}))
      ->capture_default_str();
  app.add_option("--explain", arguments->explain, "say what a rule wants, with samples")
      ->type_name("RULE");
  app.add_flag("--rules", arguments->rules, "list the rules");
  app.add_flag("--fix", arguments->fix,
               "put right what is certain in a text file: full-width digits, spaces at line ends, "
               "indents");
  app.footer(
      "Exit code 0: no error (warnings are allowed); 4: errors were found.\n\nExamples:\n"
      "  crumb lint article.txt --trace article.trace.json --ledger crumb-study\n"
      "  crumb lint page.html --format sarif\n  crumb lint --explain R39");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
