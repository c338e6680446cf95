// The report of a study: one HTML file that opens from disk without network, study.json, study.csv,
// and the plots as SVG and PNG. Reads ledger rows and nothing else; computes no measured number
// anew.
#ifndef CRUMB_PUBLISH_REPORT_H_
#define CRUMB_PUBLISH_REPORT_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "evidence/evidence.h"

namespace crumb {

struct ReportOptions {
  std::string language = "en";  // "en" or "zh"
};

// Writes report.html, study.json, study.csv and plots/*.svg, plots/*.png into `folder`, each
// atomically. kNotFound says which measurement is missing when `rows` can not make a report;
// kInvalidArgument when they are of more than one model. Without gnuplot the report is written
// without plots and says what to install.
Status WriteReport(const std::vector<Evidence>& rows, const std::string& folder,
                   const ReportOptions& options);

// The result as one screen of plain text, 80 columns.
Result<std::string> OneScreen(const std::vector<Evidence>& rows, std::string_view language);

}  // namespace crumb

#endif  // CRUMB_PUBLISH_REPORT_H_
