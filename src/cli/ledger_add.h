// crumb ledger add: evidence that was not measured here becomes a row.
#ifndef CRUMB_CLI_LEDGER_ADD_H_
#define CRUMB_CLI_LEDGER_ADD_H_

#include <string>

#include "base/status.h"
#include "cli/command.h"
#include "evidence/external_row.h"

namespace CLI {
class App;
}

namespace crumb {

void AddLedgerAddOptions(CLI::App& app, ExternalRow& row);

// `path`: of the ledger, which is made when it is not there.
Status RunLedgerAdd(const ExternalRow& row, const std::string& path, const CommonOptions& common);

}  // namespace crumb

#endif  // CRUMB_CLI_LEDGER_ADD_H_
