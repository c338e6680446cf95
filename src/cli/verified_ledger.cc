#include "cli/verified_ledger.h"

#include <fmt/format.h>

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

Result<std::string> LedgerToWrite(const std::string& path) {
  if (IsFolder(path)) return JoinPath(path, "ledger.db");
  if (PathExists(path) || path.ends_with(".db")) return path;
  return InvalidArgument(fmt::format(
      "{}: is no ledger and no folder of a study; a new ledger needs a name that ends in .db "
      "(--ledger)",
      path));
}

}  // namespace crumb
