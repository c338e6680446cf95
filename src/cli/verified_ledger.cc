#include "cli/verified_ledger.h"

#include <memory>

#include "base/files.h"
#include "evidence/ledger.h"

namespace crumb {

Result<std::vector<Evidence>> ReadVerifiedLedger(const std::string& path) {
  const std::string file = IsFolder(path) ? JoinPath(path, "ledger.db") : path;
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Ledger> ledger, Ledger::OpenForReading(file));
  CRUMB_RETURN_IF_ERROR(ledger->Verify({}).status());
  return ledger->Select({});
}

}  // namespace crumb
