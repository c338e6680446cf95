// The report as one HTML page: no script, no link to anything but itself.
#ifndef CRUMB_PUBLISH_HTML_REPORT_H_
#define CRUMB_PUBLISH_HTML_REPORT_H_

#include <string>
#include <string_view>
#include <vector>

#include "publish/plots.h"
#include "publish/study_rows.h"
#include "publish/texts.h"

namespace crumb {

// `plots_missing`: why there are no plots, for the reader; empty when there are.
Result<std::string> HtmlReport(const StudyRows& study, const Texts& texts,
                               const std::vector<Plot>& plots, const std::string& plots_missing);

// The Mustache template of the page (report_template.inc), for tests.
std::string_view ReportTemplate();

}  // namespace crumb

#endif  // CRUMB_PUBLISH_HTML_REPORT_H_
