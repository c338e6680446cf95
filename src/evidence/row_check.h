// What a row must be before the ledger takes it. Internal to src/evidence.
#ifndef CRUMB_EVIDENCE_ROW_CHECK_H_
#define CRUMB_EVIDENCE_ROW_CHECK_H_

#include <string>
#include <string_view>

#include "base/status.h"
#include "evidence/evidence.h"

namespace crumb {

// Now, as "2026-11-22T03:24:05Z".
std::string CurrentTimeUtc();

// "2026-11-22T03:24:05Z" -> "2026-Q4". kInvalidArgument when it is not such a time.
Result<std::string> QuarterOf(std::string_view time_utc);

// Whether it is written "2026-Q4".
bool IsQuarter(std::string_view text);

// Fills time_utc and quarter when they are empty, makes -0 to 0 (SQLite keeps no sign of zero), and
// refuses, naming the field: values that are not finite (kNumerics), unknown metrics and kinds, a
// unit that is not the metric's, a quarter that is not the time's (of a row from outside: is after
// it), intervals upside down, text that is not UTF-8, and anything that looks like a path (all
// kInvalidArgument).
Status CompleteAndCheck(Evidence& row);

// A base name as the ledger keeps it: not empty, UTF-8, no slash.
Status CheckBaseName(std::string_view field, std::string_view name);

}  // namespace crumb

#endif  // CRUMB_EVIDENCE_ROW_CHECK_H_
