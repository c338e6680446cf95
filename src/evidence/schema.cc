#include "evidence/schema.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "evidence/columns.h"

namespace crumb {
namespace {

// By the index of the variant in EvidenceColumn.
constexpr std::array<std::string_view, 5> kColumnTypes = {
    "TEXT NOT NULL", "INTEGER NOT NULL", "INTEGER NOT NULL", "REAL NOT NULL", "REAL"};

std::string EvidenceTable() {
  std::string sql = "CREATE TABLE evidence(\"id\" INTEGER PRIMARY KEY";
  for (const EvidenceColumn& column : EvidenceColumns()) {
    sql += fmt::format(", \"{}\" {}", column.name, kColumnTypes[column.member.index()]);
  }
  return sql +
         ", \"previous_hash\" TEXT NOT NULL, \"hash\" TEXT NOT NULL, \"key\" TEXT NOT NULL) STRICT";
}

// What makes a table append-only: no change, no removal, and no insertion but of the next row of
// the chain, whose length and last hash the table `chain` keeps.
void AddTriggers(const std::string& table, std::map<std::string, std::string>& schema) {
  constexpr std::string_view kRefuse = "SELECT RAISE(ABORT, 'the ledger is append-only');";
  const auto add = [&](std::string_view suffix, const std::string& rest) {
    const std::string name = fmt::format("{}_{}", table, suffix);
    schema[name] = fmt::format("CREATE TRIGGER {} {}", name, rest);
  };
  add("no_update", fmt::format("BEFORE UPDATE ON {} BEGIN {} END", table, kRefuse));
  add("no_delete", fmt::format("BEFORE DELETE ON {} BEGIN {} END", table, kRefuse));
  add("in_order",
      fmt::format(
          "BEFORE INSERT ON {0} WHEN NOT EXISTS (SELECT 1 FROM chain WHERE name = '{0}' AND "
          "NEW.id = rows + 1 AND NEW.previous_hash = head) BEGIN {1} END",
          table, kRefuse));
  add("count", fmt::format("AFTER INSERT ON {0} BEGIN UPDATE chain SET rows = NEW.id, head = "
                           "NEW.hash WHERE name = '{0}'; END",
                           table));
}

std::map<std::string, std::string> MakeSchema() {
  std::map<std::string, std::string> schema;
  schema["evidence"] = EvidenceTable();
  schema["evidence_key"] = "CREATE INDEX evidence_key ON evidence(\"key\")";
  schema["input"] =
      "CREATE TABLE input(\"id\" INTEGER PRIMARY KEY, \"role\" TEXT NOT NULL, \"name\" TEXT NOT "
      "NULL, \"sha256\" TEXT NOT NULL, \"previous_hash\" TEXT NOT NULL, \"hash\" TEXT NOT NULL) "
      "STRICT";
  schema["chain"] =
      "CREATE TABLE chain(\"name\" TEXT NOT NULL PRIMARY KEY, \"rows\" INTEGER NOT NULL, \"head\" "
      "TEXT NOT NULL) STRICT";
  schema["chain_no_delete"] =
      "CREATE TRIGGER chain_no_delete BEFORE DELETE ON chain BEGIN SELECT RAISE(ABORT, 'the ledger "
      "is append-only'); END";
  AddTriggers("evidence", schema);
  AddTriggers("input", schema);
  return schema;
}

}  // namespace

const std::map<std::string, std::string>& LedgerSchema() {
  static const auto* const schema = new std::map<std::string, std::string>(MakeSchema());
  return *schema;
}

Status CreateLedgerSchema(const SqliteDatabase& db) {
  // Tables before the indices and triggers on them.
  for (const bool tables : {true, false}) {
    for (const auto& entry : LedgerSchema()) {
      if (entry.second.starts_with("CREATE TABLE") == tables) {
        CRUMB_RETURN_IF_ERROR(db.Execute(entry.second));
      }
    }
  }
  for (const std::string_view chain : {"evidence", "input"}) {
    CRUMB_RETURN_IF_ERROR(
        db.Execute(fmt::format("INSERT INTO chain VALUES('{}', 0, '{}')", chain, kChainStart)));
  }
  CRUMB_RETURN_IF_ERROR(
      db.Execute(fmt::format("PRAGMA application_id = {}", kLedgerApplicationId)));
  return db.Execute(fmt::format("PRAGMA user_version = {}", kLedgerSchemaVersion));
}

Result<bool> IsEmptyDatabase(const SqliteDatabase& db) {
  CRUMB_ASSIGN_OR_RETURN(const int64_t id, db.QueryInt("PRAGMA application_id"));
  CRUMB_ASSIGN_OR_RETURN(const int64_t objects, db.QueryInt("SELECT count(*) FROM sqlite_master"));
  return id == 0 && objects == 0;
}

Status CheckLedgerVersion(const SqliteDatabase& db, const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(const int64_t id, db.QueryInt("PRAGMA application_id"));
  if (id != kLedgerApplicationId) {
    return Corrupt(fmt::format(
        "{}: is an SQLite file, but not a ledger of crumb; choose another file with --ledger",
        path));
  }
  CRUMB_ASSIGN_OR_RETURN(const int64_t version, db.QueryInt("PRAGMA user_version"));
  if (version > kLedgerSchemaVersion) {
    return Unsupported(fmt::format(
        "{}: has ledger schema {}, this program knows {}; use a newer crumb, or another file with "
        "--ledger",
        path, version, kLedgerSchemaVersion));
  }
  if (version < 1) {
    return Corrupt(fmt::format("{}: has ledger schema {}, which never was; restore it from a copy",
                               path, version));
  }
  return OkStatus();
}

Status CheckLedgerSchema(const SqliteDatabase& db, const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(SqliteStatement statement,
                         db.Prepare("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"));
  std::map<std::string, std::string> found;
  while (true) {
    CRUMB_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) break;
    found[statement.Text(0)] = statement.Text(1);
  }
  for (const auto& wanted : LedgerSchema()) {
    const auto it = found.find(wanted.first);
    if (it == found.end()) {
      return Corrupt(fmt::format("{}: the ledger's \"{}\" is missing: somebody removed it", path,
                                 wanted.first));
    }
    if (it->second != wanted.second) {
      return Corrupt(
          fmt::format("{}: the ledger's \"{}\" is not what crumb made: somebody changed it", path,
                      wanted.first));
    }
    found.erase(it);
  }
  if (found.empty()) return OkStatus();
  return Corrupt(fmt::format("{}: holds \"{}\", which crumb did not make: somebody added it", path,
                             found.begin()->first));
}

std::string QuotedColumns() {
  std::string columns;
  for (const EvidenceColumn& column : EvidenceColumns()) {
    columns += fmt::format("{}\"{}\"", columns.empty() ? "" : ", ", column.name);
  }
  return columns;
}

}  // namespace crumb
