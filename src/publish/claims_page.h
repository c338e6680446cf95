// The report of claims as one page: a table with filters and the derivation of each bound. It loads
// nothing; the filters are a short script of its own, and without scripts the whole table is shown.
#ifndef CRUMB_PUBLISH_CLAIMS_PAGE_H_
#define CRUMB_PUBLISH_CLAIMS_PAGE_H_

#include <string>
#include <string_view>

#include "advice/claims_check.h"
#include "base/status.h"

namespace crumb {

// language: "en" or "zh"; anything else is kInvalidArgument.
Result<std::string> ClaimsPage(const ClaimsReport& report, std::string_view language);

}  // namespace crumb

#endif  // CRUMB_PUBLISH_CLAIMS_PAGE_H_
