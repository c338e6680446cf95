// The rows of a study for other programs: study.json and study.csv. Described in docs/reports.md.
#ifndef CRUMB_PUBLISH_EXPORT_H_
#define CRUMB_PUBLISH_EXPORT_H_

#include <string>

#include "publish/study_rows.h"

namespace crumb {

// What was measured where, then all rows grouped by subject.
Result<std::string> StudyJson(const StudyRows& study);

// One line per row after a line of names; RFC 4180 (CRLF; quotes doubled).
Result<std::string> StudyCsv(const StudyRows& study);

}  // namespace crumb

#endif  // CRUMB_PUBLISH_EXPORT_H_
