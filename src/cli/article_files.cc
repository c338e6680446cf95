#include "cli/article_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "article/figures.h"
#include "article/render_docx.h"
#include "article/render_html.h"
#include "article/render_text.h"
#include "base/files.h"
#include "base/json.h"
#include "cli/verified_ledger.h"
#include "evidence/ledger.h"
#include "lint/lint.h"
#include "publish/study_rows.h"

namespace crumb {
namespace {

constexpr const char* kTrace = "article.trace.json";
constexpr const char* kLedger = "ledger.db";
constexpr const char* kFigures = "figures";
constexpr size_t kFindingsTold = 12;

// The forms of the article that the linter reads, with their bytes.
Result<std::vector<std::pair<std::string, std::string>>> Render(const article::Article& article) {
  std::vector<std::pair<std::string, std::string>> files;
  files.emplace_back("article.source.txt", article::RenderSource(article.document));
  files.emplace_back("article.txt", article::RenderPlain(article.document));
  files.emplace_back("article.html", article::RenderHtml(article.document));
  CRUMB_ASSIGN_OR_RETURN(std::string docx, article::RenderDocx(article.document));
  files.emplace_back("article.docx", std::move(docx));
  return files;
}

// Each picture with its side file, in a folder of their own; their names.
Result<std::vector<std::string>> WriteFigures(const std::vector<article::Figure>& figures,
                                              const std::string& folder) {
  std::vector<std::string> names;
  if (figures.empty()) return names;
  CRUMB_RETURN_IF_ERROR(MakeFolders(JoinPath(folder, kFigures)));
  const auto write = [&](const std::string& name, std::string_view bytes) -> Status {
    names.push_back(JoinPath(kFigures, name));
    return WriteFileAtomic(JoinPath(folder, names.back()), bytes);
  };
  for (const article::Figure& figure : figures) {
    CRUMB_RETURN_IF_ERROR(write(figure.name + ".png", figure.png));
    CRUMB_RETURN_IF_ERROR(write(figure.name + ".json", article::FigureSideFile(figure)));
  }
  return names;
}

// Rows behind those of the ledger, with the ids that it gives them. Raw sums stay where they are:
// no number of an article is one.
Status AppendStudy(Ledger& ledger, std::vector<Evidence>& study) {
  std::map<std::string, std::string> ids;  // of replaced rows: old, new
  std::vector<Evidence> rows;
  for (const Evidence& row : study) {
    if (IsRaw(row)) continue;
    Evidence moved = row;
    moved.id = 0;
    moved.supersedes = row.supersedes.empty() ? "" : ids[row.supersedes];
    CRUMB_ASSIGN_OR_RETURN(const int64_t id, ledger.Append(moved));
    ids[std::to_string(row.id)] = std::to_string(id);
    CRUMB_ASSIGN_OR_RETURN(moved, ledger.Get(id));
    rows.push_back(std::move(moved));
  }
  study = std::move(rows);
  return OkStatus();
}

}  // namespace

Result<std::deque<article::Study>> GatherStudies(const std::vector<std::string>& paths,
                                                 const Evidence& load, const std::string& ledger) {
  std::vector<std::vector<Evidence>> rows;
  for (const std::string& path : paths) {
    CRUMB_ASSIGN_OR_RETURN(std::vector<Evidence> read, ReadVerifiedLedger(path));
    if (read.empty()) {
      return NotFound(
          fmt::format("{}: the ledger is empty; run crumb study MODEL -o {}", path, path));
    }
    rows.push_back(std::move(read));
  }
  const std::string first =
      IsFolder(paths.front()) ? JoinPath(paths.front(), kLedger) : paths.front();
  CRUMB_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(first));
  CRUMB_RETURN_IF_ERROR(WriteFileAtomic(ledger, bytes));
  if (rows.size() > 1 || !load.metric.empty()) {
    CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Ledger> copy, Ledger::OpenForWriting(ledger));
    for (size_t i = 1; i < rows.size(); ++i) CRUMB_RETURN_IF_ERROR(AppendStudy(*copy, rows[i]));
    if (!load.metric.empty()) {
      CRUMB_ASSIGN_OR_RETURN(const int64_t id, copy->Append(load));
      CRUMB_ASSIGN_OR_RETURN(Evidence row, copy->Get(id));
      rows.front().push_back(std::move(row));
    }
  }
  // The rows that the article is made from have to be those of the copy.
  CRUMB_ASSIGN_OR_RETURN(const std::vector<Evidence> copied, ReadVerifiedLedger(ledger));
  std::deque<article::Study> studies;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].back().id > static_cast<int64_t>(copied.size())) {
      return Busy(fmt::format("{}: is being written; wait until the study ends", paths[i]));
    }
    CRUMB_ASSIGN_OR_RETURN(article::Study study, article::MakeStudy(std::move(rows[i]), paths[i]));
    studies.push_back(std::move(study));
  }
  return studies;
}

Result<ArticleFiles> WriteArticleFiles(const article::Article& article, bool own_title,
                                       const std::string& folder) {
  const auto path = [&](const std::string& name) { return JoinPath(folder, name); };
  CRUMB_ASSIGN_OR_RETURN(const auto rendered, Render(article));
  ArticleFiles written;
  for (const auto& [name, bytes] : rendered) {
    CRUMB_RETURN_IF_ERROR(WriteFileAtomic(path(name), bytes));
    written.names.push_back(name);
  }
  CRUMB_ASSIGN_OR_RETURN(const std::vector<std::string> figures,
                         WriteFigures(article.document.figures, folder));
  written.names.insert(written.names.end(), figures.begin(), figures.end());
  CRUMB_RETURN_IF_ERROR(
      WriteFileAtomic(path(kTrace), article::TraceJson(article.document, article.numerals)));
  CRUMB_ASSIGN_OR_RETURN(const lint::Trace trace, lint::ReadTrace(path(kTrace)));
  CRUMB_ASSIGN_OR_RETURN(const lint::Rows rows, lint::ReadRows(path(kLedger)));
  std::vector<lint::LintReport> reports;
  std::vector<std::string> errors;
  // Errors of the text forms, whose first line is the title; in a page it stands anywhere.
  size_t in_title = 0;
  size_t in_text = 0;
  for (const auto& file : rendered) {
    CRUMB_ASSIGN_OR_RETURN(lint::LintReport report, lint::LintFile(path(file.first), trace, &rows));
    report.file = file.first;
    for (const lint::Finding& finding : report.findings) {
      if (finding.severity == lint::Severity::kPerson) continue;
      const bool error = finding.severity == lint::Severity::kError;
      if (error && file.first.ends_with(".txt")) {
        ++in_text;
        if (finding.at.line == 1) ++in_title;
      }
      (error ? errors : written.warnings)
          .push_back(fmt::format("{}:{}:{} {} {} {}", file.first, finding.at.line,
                                 finding.at.column, finding.rule, finding.text, finding.why));
    }
    reports.push_back(std::move(report));
  }
  CRUMB_RETURN_IF_ERROR(
      WriteFileAtomic(path("lint.json"), DumpJson(lint::ReportsJson(reports), 1) + "\n"));
  if (own_title && in_text > 0 && in_title == in_text) {
    return InvalidArgument(fmt::format("--title \"{}\": the linter refuses it: {}",
                                       article.document.Title(), errors.front()));
  }
  if (!errors.empty()) {
    std::string told;
    for (size_t i = 0; i < std::min(errors.size(), kFindingsTold); ++i) told += "\n  " + errors[i];
    return InternalError(
        fmt::format("nothing was written: the linter finds {} error{} in the article, a fault of "
                    "its library:{}",
                    errors.size(), errors.size() == 1 ? "" : "s", told));
  }
  for (const char* name : {kTrace, "lint.json", kLedger}) written.names.emplace_back(name);
  return written;
}

}  // namespace crumb
