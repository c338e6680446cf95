// SQLite as the ledger uses it: RAII over the C interface, errors as Status. Internal to
// src/evidence.
#ifndef CRUMB_EVIDENCE_SQLITE_H_
#define CRUMB_EVIDENCE_SQLITE_H_

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace crumb {

// One prepared statement. Indices of Bind start at 1, of the readers at 0, as SQLite counts.
class SqliteStatement {
 public:
  SqliteStatement(sqlite3* db, sqlite3_stmt* statement, const std::string& path)
      : db_(db), path_(path), statement_(statement) {}

  void Bind(int index, std::string_view text);
  void Bind(int index, int64_t value);
  void Bind(int index, double value);
  void Bind(int index, std::optional<double> value);  // NULL when empty

  // True: there is a row to read. False: the statement has run to its end.
  Result<bool> Step();
  // Runs a statement that gives no rows.
  Status Run();

  std::string Text(int column) const;
  int64_t Int(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  double Real(int column) const { return sqlite3_column_double(statement_.get(), column); }
  std::optional<double> OptionalReal(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  sqlite3* db_;
  std::string path_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class SqliteDatabase {
 public:
  // Opens an existing file, or for writing creates it. Readers ask for write access too where they
  // can get it: SQLite then undoes what a killed writer left half done.
  static Result<SqliteDatabase> Open(const std::string& path, bool writable);

  Result<SqliteStatement> Prepare(std::string_view sql) const;
  Status Execute(std::string_view sql) const;
  Result<int64_t> QueryInt(std::string_view sql) const;
  // While a ledger is written its rows go into a write-ahead log beside it: one flush to the disk
  // for a row instead of four. Afterwards the file stands alone again, so that it can be read from
  // a place where nothing can be written. Where either does not work (some network file systems; a
  // reader that is still there) SQLite goes on in the mode it is in, as safe as before.
  Status BeginWriteAheadLog() const { return Execute("PRAGMA journal_mode = WAL"); }
  void EndWriteAheadLog() const;

  bool IsReadOnly() const { return sqlite3_db_readonly(db_.get(), "main") != 0; }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  SqliteDatabase(std::string path, sqlite3* db) : path_(std::move(path)), db_(db) {}
  std::string path_;
  std::unique_ptr<sqlite3, Close> db_;
};

// A transaction that is undone unless it was committed.
class SqliteTransaction {
 public:
  // For writing, takes the write lock at once, so that what is read first can not change.
  static Result<SqliteTransaction> Begin(const SqliteDatabase& db, bool writing);
  SqliteTransaction(SqliteTransaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  SqliteTransaction& operator=(SqliteTransaction&&) = delete;
  ~SqliteTransaction();
  Status Commit();

 private:
  explicit SqliteTransaction(const SqliteDatabase& db) : db_(&db) {}
  const SqliteDatabase* db_;  // null: nothing left to undo
};

}  // namespace crumb

#endif  // CRUMB_EVIDENCE_SQLITE_H_
