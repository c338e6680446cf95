#include "evidence/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <type_traits>
#include <utility>

#include "base/files.h"
#include "base/sha256.h"
#include "evidence/columns.h"
#include "evidence/ledger_state.h"
#include "evidence/row_check.h"
#include "evidence/schema.h"

namespace crumb {
namespace {

constexpr std::string_view kInputFormat = "crumb-input-1";

bool IsSha256(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Makes the tables when the file is new. A crash here leaves an empty file, which is new again.
Status PrepareForWriting(const SqliteDatabase& db, const std::string& path) {
  if (db.IsReadOnly()) {
    return IoError(fmt::format(
        "{}: is read-only; change its permissions or choose another file with --ledger", path));
  }
  CRUMB_ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(db, true));
  CRUMB_ASSIGN_OR_RETURN(const bool fresh, IsEmptyDatabase(db));
  if (fresh) CRUMB_RETURN_IF_ERROR(CreateLedgerSchema(db));
  CRUMB_RETURN_IF_ERROR(CheckLedgerVersion(db, path));
  CRUMB_RETURN_IF_ERROR(CheckLedgerSchema(db, path));
  CRUMB_RETURN_IF_ERROR(transaction.Commit());
  return db.BeginWriteAheadLog();
}

Status CheckSupersedes(const Evidence& row, const ChainEnd& end) {
  if (row.supersedes.empty()) return OkStatus();
  int64_t id = 0;
  const char* last = row.supersedes.data() + row.supersedes.size();
  const auto parsed = std::from_chars(row.supersedes.data(), last, id);
  if (parsed.ec == std::errc() && parsed.ptr == last && id >= 1 && id <= end.rows) {
    return OkStatus();
  }
  return InvalidArgument(fmt::format("a row can not supersede \"{}\": the ledger holds {} rows",
                                     row.supersedes, end.rows));
}

// Binds every column from `index` on and returns the next index.
int BindColumns(SqliteStatement& statement, const Evidence& row, int index) {
  for (const EvidenceColumn& column : EvidenceColumns()) {
    std::visit(
        [&](auto member) {
          const auto& value = row.*member;
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, int>) {
            statement.Bind(index, int64_t{value});
          } else if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
            statement.Bind(index, std::string_view(value));
          } else {
            statement.Bind(index, value);
          }
        },
        column.member);
    ++index;
  }
  return index;
}

void ReadMember(const SqliteStatement& statement, int column, std::string& value) {
  value = statement.Text(column);
}
void ReadMember(const SqliteStatement& statement, int column, int64_t& value) {
  value = statement.Int(column);
}
void ReadMember(const SqliteStatement& statement, int column, int& value) {
  // What does not fit was not written by crumb; it must not turn into something that was.
  value = static_cast<int>(std::clamp<int64_t>(statement.Int(column), INT_MIN, INT_MAX));
}
void ReadMember(const SqliteStatement& statement, int column, double& value) {
  value = statement.Real(column);
}
void ReadMember(const SqliteStatement& statement, int column, std::optional<double>& value) {
  value = statement.OptionalReal(column);
}

}  // namespace

Result<ChainEnd> Ledger::State::End(std::string_view chain) const {
  CRUMB_ASSIGN_OR_RETURN(SqliteStatement statement,
                         db.Prepare("SELECT rows, head FROM chain WHERE name = ?1"));
  statement.Bind(1, chain);
  CRUMB_ASSIGN_OR_RETURN(const bool found, statement.Step());
  if (!found) return Corrupt(fmt::format("{}: the ledger's chain \"{}\" is missing", path, chain));
  return ChainEnd{statement.Int(0), statement.Text(1)};
}

std::string SelectRows() {
  return fmt::format("SELECT \"id\", {}, \"previous_hash\", \"hash\", \"key\" FROM evidence ",
                     QuotedColumns());
}

Evidence ReadRow(const SqliteStatement& statement) {
  Evidence row;
  row.id = statement.Int(0);
  int index = 1;
  for (const EvidenceColumn& column : EvidenceColumns()) {
    std::visit([&](auto member) { ReadMember(statement, index, row.*member); }, column.member);
    ++index;
  }
  row.previous_hash = statement.Text(index);
  row.hash = statement.Text(index + 1);
  return row;
}

std::string ReadKey(const SqliteStatement& statement) {
  return statement.Text(static_cast<int>(EvidenceColumns().size()) + 3);
}

std::string InputHash(std::string_view previous_hash, int64_t id, std::string_view role,
                      std::string_view name, std::string_view sha256) {
  std::string canonical;
  AppendField(canonical, kInputFormat);
  AppendField(canonical, previous_hash);
  AppendField(canonical, id);
  for (const std::string_view text : {role, name, sha256}) AppendField(canonical, text);
  return Sha256Hex(canonical);
}

Ledger::Ledger() = default;
Ledger::~Ledger() = default;

const std::string& Ledger::path() const { return state_->path; }

Result<std::unique_ptr<Ledger>> Ledger::OpenForWriting(const std::string& path) {
  if (IsFolder(path)) return InvalidArgument(fmt::format("{}: is a folder, not a ledger", path));
  CRUMB_ASSIGN_OR_RETURN(WriterLock lock, WriterLock::Acquire(path));
  CRUMB_ASSIGN_OR_RETURN(SqliteDatabase db, SqliteDatabase::Open(path, true));
  CRUMB_RETURN_IF_ERROR(PrepareForWriting(db, path));
  auto ledger = std::unique_ptr<Ledger>(new Ledger());
  ledger->state_ = std::make_unique<State>(path, std::move(lock), std::move(db));
  return ledger;
}

Result<std::unique_ptr<Ledger>> Ledger::OpenForReading(const std::string& path) {
  if (!PathExists(path)) {
    return NotFound(fmt::format("{}: there is no ledger; crumb study makes one", path));
  }
  if (IsFolder(path)) return InvalidArgument(fmt::format("{}: is a folder, not a ledger", path));
  CRUMB_ASSIGN_OR_RETURN(SqliteDatabase db, SqliteDatabase::Open(path, false));
  CRUMB_RETURN_IF_ERROR(CheckLedgerVersion(db, path));
  auto ledger = std::unique_ptr<Ledger>(new Ledger());
  ledger->state_ = std::make_unique<State>(path, std::nullopt, std::move(db));
  return ledger;
}

Result<int64_t> Ledger::Append(Evidence row) {
  const SqliteDatabase& db = state_->db;
  CRUMB_RETURN_IF_ERROR(CompleteAndCheck(row));
  CRUMB_ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(db, true));
  CRUMB_ASSIGN_OR_RETURN(const ChainEnd end, state_->End("evidence"));
  CRUMB_RETURN_IF_ERROR(CheckSupersedes(row, end));
  row.id = end.rows + 1;
  row.previous_hash = end.head;
  row.hash = EvidenceHash(row);

  std::string places = "?1";
  const int last = static_cast<int>(EvidenceColumns().size()) + 4;
  for (int i = 2; i <= last; ++i) places += fmt::format(", ?{}", i);
  CRUMB_ASSIGN_OR_RETURN(
      SqliteStatement insert,
      db.Prepare(fmt::format("INSERT INTO evidence(\"id\", {}, \"previous_hash\", \"hash\", "
                             "\"key\") VALUES({})",
                             QuotedColumns(), places)));
  insert.Bind(1, row.id);
  const int next = BindColumns(insert, row, 2);
  insert.Bind(next, std::string_view(row.previous_hash));
  insert.Bind(next + 1, std::string_view(row.hash));
  insert.Bind(next + 2, std::string_view(EvidenceKey(row)));
  CRUMB_RETURN_IF_ERROR(insert.Run());
  CRUMB_RETURN_IF_ERROR(transaction.Commit());
  return row.id;
}

Result<Evidence> Ledger::Get(int64_t id) const {
  CRUMB_ASSIGN_OR_RETURN(SqliteStatement statement,
                         state_->db.Prepare(SelectRows() + "WHERE \"id\" = ?1"));
  statement.Bind(1, id);
  CRUMB_ASSIGN_OR_RETURN(const bool found, statement.Step());
  if (found) return ReadRow(statement);
  CRUMB_ASSIGN_OR_RETURN(const ChainEnd end, state_->End("evidence"));
  return NotFound(end.rows == 0
                      ? fmt::format("{}: there is no row {}; the ledger is empty", path(), id)
                      : fmt::format("{}: there is no row {}; the ledger holds rows 1 to {}", path(),
                                    id, end.rows));
}

Result<std::vector<Evidence>> Ledger::Select(const EvidenceFilter& filter) const {
  CRUMB_ASSIGN_OR_RETURN(
      SqliteStatement statement,
      state_->db.Prepare(
          SelectRows() +
          "WHERE (?1 = '' OR \"metric\" = ?1) AND (?2 = '' OR \"subject\" = ?2) AND "
          "(?3 = '' OR \"text\" = ?3) AND (?4 = '' OR \"kind\" = ?4) ORDER BY \"id\""));
  int index = 1;
  for (const std::string* wanted : {&filter.metric, &filter.subject, &filter.text, &filter.kind}) {
    statement.Bind(index++, std::string_view(*wanted));
  }
  std::vector<Evidence> rows;
  while (true) {
    CRUMB_ASSIGN_OR_RETURN(const bool found, statement.Step());
    if (!found) return rows;
    rows.push_back(ReadRow(statement));
  }
}

Result<std::optional<Evidence>> Ledger::FindByKey(const std::string& key) const {
  CRUMB_ASSIGN_OR_RETURN(
      SqliteStatement statement,
      state_->db.Prepare(SelectRows() + "WHERE \"key\" = ?1 ORDER BY \"id\" DESC LIMIT 1"));
  statement.Bind(1, std::string_view(key));
  CRUMB_ASSIGN_OR_RETURN(const bool found, statement.Step());
  return found ? std::optional<Evidence>(ReadRow(statement)) : std::nullopt;
}

Status Ledger::RecordInput(std::string_view role, std::string_view base_name,
                           std::string_view sha256) {
  if (role != "model" && role != "text") {
    return InvalidArgument(fmt::format("an input is a model or a text, not \"{}\"", role));
  }
  CRUMB_RETURN_IF_ERROR(CheckBaseName("name", base_name));
  if (!IsSha256(sha256)) {
    return InvalidArgument(fmt::format("\"{}\" is no SHA-256 of {}", sha256, base_name));
  }
  const SqliteDatabase& db = state_->db;
  CRUMB_ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(db, true));
  CRUMB_ASSIGN_OR_RETURN(
      SqliteStatement known,
      db.Prepare("SELECT 1 FROM input WHERE role = ?1 AND name = ?2 AND sha256 = ?3"));
  CRUMB_ASSIGN_OR_RETURN(
      SqliteStatement insert,
      db.Prepare("INSERT INTO input(role, name, sha256, id, previous_hash, hash) "
                 "VALUES(?1, ?2, ?3, ?4, ?5, ?6)"));
  for (SqliteStatement* statement : {&known, &insert}) {
    statement->Bind(1, role);
    statement->Bind(2, base_name);
    statement->Bind(3, sha256);
  }
  CRUMB_ASSIGN_OR_RETURN(const bool is_known, known.Step());
  if (is_known) return OkStatus();
  CRUMB_ASSIGN_OR_RETURN(const ChainEnd end, state_->End("input"));
  insert.Bind(4, end.rows + 1);
  insert.Bind(5, std::string_view(end.head));
  insert.Bind(6, std::string_view(InputHash(end.head, end.rows + 1, role, base_name, sha256)));
  CRUMB_RETURN_IF_ERROR(insert.Run());
  return transaction.Commit();
}

}  // namespace crumb
