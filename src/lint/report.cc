// Reports of findings: text within 80 columns, JSON, SARIF.
#include <fmt/format.h>

#include <array>

#include "base/json.h"
#include "base/version.h"
#include "lint/lint.h"
#include "lint/sample.h"

namespace crumb::lint {
namespace {

constexpr int kColumns = 80;

// Chinese characters and full-width marks take two columns.
int Width(char32_t c) {
  return c >= 0x1100 &&
                 (c <= 0x115F || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
                  (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) ||
                  (c >= 0xFF00 && c <= 0xFF60) || c >= 0x1F300)
             ? 2
             : 1;
}

// `text` in lines of at most 80 columns, the first behind `head`, the others behind `indent`
// blanks. Breaks at a space or, where there is none in the last words, anywhere; control characters
// are shown as a space.
std::string Wrapped(std::string_view head, size_t indent, std::string_view text) {
  std::string lines;
  std::string line(head);
  int width = static_cast<int>(head.size());
  size_t space = std::string::npos;  // where the line can be broken
  for (size_t at = 0; at < text.size();) {
    char32_t c = NextCodePoint(text, &at);
    if (c < 0x20 || c == 0x7F) c = ' ';
    if (width + Width(c) > kColumns) {
      std::string rest;
      if (space != std::string::npos && line.size() - space < 30) {
        rest = line.substr(space + 1);
        line.resize(space);
      }
      lines += line + "\n";
      line = std::string(indent, ' ') + rest;
      width = 0;
      for (size_t i = 0; i < line.size();) width += Width(NextCodePoint(line, &i));
      space = std::string::npos;
    }
    if (c == ' ') space = line.size();
    AppendUtf8(c, &line);
    width += Width(c);
  }
  return lines + line + "\n";
}

std::string_view FormName(NumberForm form) {
  constexpr std::array<std::string_view, 6> kNames = {"plain", "percent", "points",
                                                      "times", "tenths",  "fraction"};
  return kNames[static_cast<size_t>(form)];
}

Json FindingJson(const Finding& finding) {
  Json json = Json::object();
  json["rule"] = finding.rule;
  json["severity"] = SeverityName(finding.severity);
  json["line"] = finding.at.line;
  json["column"] = finding.at.column;
  json["text"] = finding.text;
  json["why"] = finding.why;
  json["suggestion"] = finding.suggestion;
  return json;
}

// A path as the URI reference that SARIF wants.
std::string UriOf(std::string_view path) {
  std::string uri;
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    uri += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return uri;
}

}  // namespace

std::string ReportText(const LintReport& report) {
  std::string text;
  for (const Finding& finding : report.findings) {
    text += Wrapped("", 2,
                    fmt::format("{}:{}:{}: {} {}", report.file, finding.at.line, finding.at.column,
                                SeverityName(finding.severity), finding.rule));
    if (!finding.text.empty()) text += Wrapped("  text  ", 8, finding.text);
    text += Wrapped("  why   ", 8, finding.why);
    text += Wrapped("  do    ", 8, finding.suggestion);
  }
  return text + Wrapped("", 2,
                        fmt::format("{}: {} error{}, {} warning{}", report.file, report.errors,
                                    report.errors == 1 ? "" : "s", report.warnings,
                                    report.warnings == 1 ? "" : "s"));
}

std::string ChecklistText() {
  std::string text = "For a person to judge:\n";
  for (const Rule& rule : AllRules()) {
    if (rule.severity == Severity::kPerson) {
      text += Wrapped(fmt::format("  {:<18} ", rule.id), 21, rule.why);
    }
  }
  return text;
}

std::string ExplainText(const Rule& rule) {
  std::string text = fmt::format("{}  {}\n", rule.id, SeverityName(rule.severity));
  text += Wrapped("  why     ", 10, rule.why);
  if (!rule.check) return text;
  text += Wrapped("  do      ", 10, rule.suggestion);
  for (const auto& [name, sample] :
       {std::pair<std::string_view, std::string_view>{"wrong", rule.failing},
        {"right", rule.passing}}) {
    // What is made from the sample article shows the changed words only.
    constexpr size_t kShown = 300;
    const size_t arrow = sample.find("=>");
    const bool edited = sample.starts_with('@') && arrow != std::string_view::npos;
    std::string shown(edited          ? fmt::format("the sample article with \"{}\" for \"{}\"",
                                                    sample.substr(arrow + 2), sample.substr(1, arrow - 1))
                      : sample == "@" ? std::string_view("the sample article")
                                      : sample);
    if (shown.size() > kShown) shown = "(long)";
    text += Wrapped(fmt::format("  {}   ", name), 10, shown);
  }
  return text;
}

std::string RulesText() {
  std::string text;
  for (const Rule& rule : AllRules()) {
    text +=
        Wrapped(fmt::format("{:<20} {:<8} ", rule.id, SeverityName(rule.severity)), 30, rule.why);
  }
  return text;
}

Json ReportsJson(const std::vector<LintReport>& reports) {
  Json files = Json::array();
  int errors = 0;
  int warnings = 0;
  for (const LintReport& report : reports) {
    Json file = Json::object();
    file["file"] = report.file;
    file["errors"] = report.errors;
    file["warnings"] = report.warnings;
    file["findings"] = Json::array();
    for (const Finding& finding : report.findings) file["findings"].push_back(FindingJson(finding));
    file["numerals"] = Json::array();
    for (size_t i = 0; i < report.numerals.size(); ++i) {
      const Numeral& numeral = report.numerals[i];
      Json json = Json::object();
      json["ordinal"] = i + 1;
      json["text"] = numeral.text;
      json["line"] = report.positions[i].line;
      json["column"] = report.positions[i].column;
      json["form"] = FormName(numeral.form);
      json["unit"] = numeral.unit;
      json["digits"] = numeral.digits;
      json["closed"] = numeral.closed.empty() ? Json() : Json(numeral.closed);
      file["numerals"].push_back(std::move(json));
    }
    files.push_back(std::move(file));
    errors += report.errors;
    warnings += report.warnings;
  }
  Json json = Json::object();
  json["errors"] = errors;
  json["warnings"] = warnings;
  json["files"] = std::move(files);
  json["checklist"] = Json::array();
  for (const Rule& rule : AllRules()) {
    if (rule.severity != Severity::kPerson) continue;
    json["checklist"].push_back({{"rule", rule.id}, {"question", rule.why}});
  }
  return json;
}

Json RuleJson(const Rule& rule) {
  Json json = Json::object();
  json["id"] = rule.id;
  json["severity"] = SeverityName(rule.severity);
  json["why"] = rule.why;
  json["suggestion"] = rule.suggestion;
  json["wrong"] = rule.failing;
  json["right"] = rule.passing;
  return json;
}

Json ReportsSarif(const std::vector<LintReport>& reports) {
  Json rules = Json::array();
  for (const Rule& rule : AllRules()) {
    if (!rule.check) continue;
    Json json = Json::object();
    json["id"] = rule.id;
    json["shortDescription"]["text"] = rule.why;
    json["help"]["text"] = rule.suggestion;
    json["defaultConfiguration"]["level"] = SeverityName(rule.severity);
    rules.push_back(std::move(json));
  }
  Json results = Json::array();
  for (const LintReport& report : reports) {
    for (const Finding& finding : report.findings) {
      Json region = Json::object();
      region["startLine"] = finding.at.line;
      region["startColumn"] = finding.at.column;
      if (!finding.text.empty()) region["snippet"]["text"] = finding.text;
      Json place = Json::object();
      place["artifactLocation"]["uri"] = UriOf(report.file);
      place["region"] = std::move(region);
      Json json = Json::object();
      json["ruleId"] = finding.rule;
      json["level"] = SeverityName(finding.severity);
      json["message"]["text"] = finding.why + "; " + finding.suggestion;
      json["locations"] = Json::array({{{"physicalLocation", std::move(place)}}});
      results.push_back(std::move(json));
    }
  }
  Json driver = Json::object();
  driver["name"] = "crumb lint";
  driver["version"] = CrumbVersion();
  driver["rules"] = std::move(rules);
  Json run = Json::object();
  run["tool"]["driver"] = std::move(driver);
  run["columnKind"] = "unicodeCodePoints";
  run["results"] = std::move(results);
  Json json = Json::object();
  json["$schema"] = "https://json.schemastore.org/sarif-2.1.0.json";
  json["version"] = "2.1.0";
  json["runs"] = Json::array({std::move(run)});
  return json;
}

}  // namespace crumb::lint
