// What a Ledger holds, and how rows are read. Internal to src/evidence.
#ifndef CRUMB_EVIDENCE_LEDGER_STATE_H_
#define CRUMB_EVIDENCE_LEDGER_STATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "evidence/ledger.h"
#include "evidence/sqlite.h"
#include "evidence/writer_lock.h"

namespace crumb {

// Where a chain ends.
struct ChainEnd {
  int64_t rows = 0;
  std::string head;  // hash of the last row
};

struct Ledger::State {
  State(std::string ledger_path, std::optional<WriterLock> writer_lock, SqliteDatabase database)
      : path(std::move(ledger_path)), lock(std::move(writer_lock)), db(std::move(database)) {}

  ~State() {
    if (lock.has_value()) db.EndWriteAheadLog();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::string path;
  std::optional<WriterLock> lock;  // only when opened for writing
  SqliteDatabase db;               // closed before the lock is given up

  // chain: "evidence" or "input".
  Result<ChainEnd> End(std::string_view chain) const;
};

// "SELECT ... FROM evidence " with the columns in the order that ReadRow wants, then `key`.
std::string SelectRows();
Evidence ReadRow(const SqliteStatement& statement);
// The column `key` of a row selected by SelectRows().
std::string ReadKey(const SqliteStatement& statement);

// Hash of a row of the table `input`.
std::string InputHash(std::string_view previous_hash, int64_t id, std::string_view role,
                      std::string_view name, std::string_view sha256);

}  // namespace crumb

#endif  // CRUMB_EVIDENCE_LEDGER_STATE_H_
