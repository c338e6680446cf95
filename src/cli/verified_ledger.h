// A ledger as commands name it: to read as advice does, whole or not at all; to append to.
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

// The ledger that is meant by a path: the file, or the one in a study's folder. kInvalidArgument
// for what is neither and does not end in ".db", which would be a new ledger of an odd name.
Result<std::string> LedgerToWrite(const std::string& path);

}  // namespace crumb

#endif  // CRUMB_CLI_VERIFIED_LEDGER_H_
