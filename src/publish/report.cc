#include "publish/report.h"

#include "base/files.h"
#include "publish/export.h"
#include "publish/html_report.h"
#include "publish/plots.h"
#include "publish/study_rows.h"
#include "publish/texts.h"

namespace crumb {
namespace {

Status WritePlots(const std::vector<Plot>& plots, const std::string& folder) {
  CRUMB_RETURN_IF_ERROR(MakeFolders(folder));
  for (const Plot& plot : plots) {
    const std::string base = JoinPath(folder, plot.name);
    CRUMB_RETURN_IF_ERROR(WriteFileAtomic(base + ".svg", plot.wide_svg));
    CRUMB_RETURN_IF_ERROR(WriteFileAtomic(base + ".png", plot.png));
    CRUMB_RETURN_IF_ERROR(WriteFileAtomic(base + ".json", plot.side_json));
  }
  return OkStatus();
}

}  // namespace

Status WriteReport(const std::vector<Evidence>& rows, const std::string& folder,
                   const ReportOptions& options) {
  CRUMB_ASSIGN_OR_RETURN(const Texts texts, Texts::For(options.language));
  CRUMB_ASSIGN_OR_RETURN(const StudyRows study, StudyRows::Index(rows));
  CRUMB_ASSIGN_OR_RETURN(const std::string json, StudyJson(study));
  CRUMB_ASSIGN_OR_RETURN(const std::string csv, StudyCsv(study));
  // A report without plots is still a report; it says what to do about them.
  const Result<std::vector<Plot>> drawn = DrawPlots(study, texts);
  const std::vector<Plot> plots = drawn.ok() ? *drawn : std::vector<Plot>();
  CRUMB_ASSIGN_OR_RETURN(
      const std::string html,
      HtmlReport(study, texts, plots, drawn.ok() ? "" : drawn.status().message()));
  CRUMB_RETURN_IF_ERROR(MakeFolders(folder));
  CRUMB_RETURN_IF_ERROR(WritePlots(plots, JoinPath(folder, "plots")));
  CRUMB_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(folder, "study.json"), json));
  CRUMB_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(folder, "study.csv"), csv));
  return WriteFileAtomic(JoinPath(folder, "report.html"), html);
}

}  // namespace crumb
