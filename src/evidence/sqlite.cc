#include "evidence/sqlite.h"

#include <fmt/format.h>

#include <cstring>

namespace crumb {
namespace {

// A reader holds up a writer only as long as it selects rows.
constexpr int kBusyTimeoutMs = 20000;

Status FromSqlite(sqlite3* db, int code, const std::string& path) {
  const std::string said = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_NOTADB:
      return Corrupt(fmt::format(
          "{}: is not a ledger (not an SQLite file); choose another file with --ledger", path));
    case SQLITE_CORRUPT:
      return Corrupt(
          fmt::format("{}: the ledger's file is damaged ({}); restore it from a copy", path, said));
    case SQLITE_FULL:
      return IoError(
          fmt::format("{}: can not write: disk full; free some room and run it again", path));
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return IoError(fmt::format(
          "{}: can not write: {}; change its permissions or choose another file with --ledger",
          path, said));
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR: {
      const int error = sqlite3_system_errno(db);
      return IoError(
          fmt::format("{}: can not read or write: {}; choose another place with --ledger", path,
                      error != 0 ? std::strerror(error) : said.c_str()));
    }
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Busy(
          fmt::format("{}: another program holds the ledger open; close it and try again", path));
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
      return Corrupt(
          fmt::format("{}: is not a ledger ({}); choose another file with --ledger", path, said));
    case SQLITE_CONSTRAINT:
      return Corrupt(fmt::format("{}: the ledger refused the row ({})", path, said));
    default:
      return InternalError(fmt::format("{}: SQLite error {}: {}", path, code, said));
  }
}

// SQLite gives a meaning of its own to "", ":memory:" and "file:...".
std::string PlainPath(const std::string& path) {
  return path.empty() || path[0] == ':' || path.starts_with("file:") ? "./" + path : path;
}

}  // namespace

void SqliteStatement::Bind(int index, std::string_view text) {
  CRUMB_CHECK(sqlite3_bind_text(statement_.get(), index, text.data(), static_cast<int>(text.size()),
                                SQLITE_TRANSIENT) == SQLITE_OK);
}

void SqliteStatement::Bind(int index, int64_t value) {
  CRUMB_CHECK(sqlite3_bind_int64(statement_.get(), index, value) == SQLITE_OK);
}

void SqliteStatement::Bind(int index, double value) {
  CRUMB_CHECK(sqlite3_bind_double(statement_.get(), index, value) == SQLITE_OK);
}

void SqliteStatement::Bind(int index, std::optional<double> value) {
  if (value.has_value()) Bind(index, *value);  // what is not bound is NULL
}

Result<bool> SqliteStatement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return FromSqlite(db_, code, path_);
}

Status SqliteStatement::Run() {
  CRUMB_ASSIGN_OR_RETURN(const bool row, Step());
  CRUMB_CHECK(!row);
  return OkStatus();
}

std::string SqliteStatement::Text(int column) const {
  const auto* text = sqlite3_column_text(statement_.get(), column);
  if (text == nullptr) return {};
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column));
  return {reinterpret_cast<const char*>(text), size};
}

std::optional<double> SqliteStatement::OptionalReal(int column) const {
  if (sqlite3_column_type(statement_.get(), column) == SQLITE_NULL) return std::nullopt;
  return Real(column);
}

Result<SqliteDatabase> SqliteDatabase::Open(const std::string& path, bool writable) {
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | (writable ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(PlainPath(path).c_str(), &raw, flags, nullptr);
  SqliteDatabase db(path, raw);
  if (code != SQLITE_OK) return FromSqlite(raw, code, path);
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  // The file may come from a stranger: its schema gets no power beyond its own tables.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  CRUMB_RETURN_IF_ERROR(
      db.Execute(writable ? "PRAGMA synchronous = EXTRA" : "PRAGMA query_only = ON"));
  return db;
}

Result<SqliteStatement> SqliteDatabase::Prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) return FromSqlite(db_.get(), code, path_);
  return SqliteStatement(db_.get(), statement, path_);
}

Status SqliteDatabase::Execute(std::string_view sql) const {
  CRUMB_ASSIGN_OR_RETURN(SqliteStatement statement, Prepare(sql));
  for (bool row = true; row;) {
    CRUMB_ASSIGN_OR_RETURN(row, statement.Step());
  }
  return OkStatus();
}

Result<int64_t> SqliteDatabase::QueryInt(std::string_view sql) const {
  CRUMB_ASSIGN_OR_RETURN(SqliteStatement statement, Prepare(sql));
  CRUMB_ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Int(0) : 0;
}

void SqliteDatabase::EndWriteAheadLog() const {
  sqlite3_busy_timeout(db_.get(), 0);
  static_cast<void>(Execute("PRAGMA journal_mode = DELETE").ok());
}

Result<SqliteTransaction> SqliteTransaction::Begin(const SqliteDatabase& db, bool writing) {
  CRUMB_RETURN_IF_ERROR(db.Execute(writing ? "BEGIN IMMEDIATE" : "BEGIN"));
  return SqliteTransaction(db);
}

SqliteTransaction::~SqliteTransaction() {
  // After some errors SQLite has rolled back by itself, and this one then fails.
  if (db_ != nullptr) static_cast<void>(db_->Execute("ROLLBACK").ok());
}

Status SqliteTransaction::Commit() {
  CRUMB_RETURN_IF_ERROR(db_->Execute("COMMIT"));
  db_ = nullptr;
  return OkStatus();
}

}  // namespace crumb
