// A ledger as advice takes it: whole, or not at all.
#ifndef CRUMB_CLI_VERIFIED_LEDGER_H_
#define CRUMB_CLI_VERIFIED_LEDGER_H_

#include <string>
#include <vector>

#include "base/status.h"
#include "evidence/evidence.h"

namespace crumb {

// All rows of a ledger, or of the ledger in a study's folder. A chain that is broken is kCorrupt
// with the first row that differs.
Result<std::vector<Evidence>> ReadVerifiedLedger(const std::string& path);

}  // namespace crumb

#endif  // CRUMB_CLI_VERIFIED_LEDGER_H_
