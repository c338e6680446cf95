// Rows that newer ones replace: they stay in the ledger and count no more.
#ifndef CRUMB_EVIDENCE_SUPERSEDED_H_
#define CRUMB_EVIDENCE_SUPERSEDED_H_

#include <cstdint>
#include <set>
#include <vector>

#include "evidence/evidence.h"

namespace crumb {

// The ids that the rows name in `supersedes`; what is no number is passed over.
std::set<int64_t> SupersededIds(const std::vector<Evidence>& rows);

}  // namespace crumb

#endif  // CRUMB_EVIDENCE_SUPERSEDED_H_
