// The tables of a ledger, their triggers, and whether a file holds exactly them. The same text
// stands in docs/formats/ledger.md. Internal to src/evidence.
#ifndef CRUMB_EVIDENCE_SCHEMA_H_
#define CRUMB_EVIDENCE_SCHEMA_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/status.h"
#include "evidence/sqlite.h"

namespace crumb {

inline constexpr int64_t kLedgerApplicationId = 0x6372756d;  // "crum"
inline constexpr int64_t kLedgerSchemaVersion = 1;

// previous_hash of the first row of a chain.
inline constexpr std::string_view kChainStart =
    "0000000000000000000000000000000000000000000000000000000000000000";

// Name of each table, index and trigger, and the statement that makes it.
const std::map<std::string, std::string>& LedgerSchema();

// Makes the tables in an empty file.
Status CreateLedgerSchema(const SqliteDatabase& db);

// Whether nothing was ever written into the file.
Result<bool> IsEmptyDatabase(const SqliteDatabase& db);

// kCorrupt when the file is no ledger, kUnsupported when its schema is newer than this program.
Status CheckLedgerVersion(const SqliteDatabase& db, const std::string& path);

// kCorrupt names what is missing, changed or too much: a trigger that is gone lets rows be changed.
Status CheckLedgerSchema(const SqliteDatabase& db, const std::string& path);

// "\"kind\", \"metric\", ...": the columns of EvidenceColumns(), quoted.
std::string QuotedColumns();

}  // namespace crumb

#endif  // CRUMB_EVIDENCE_SCHEMA_H_
