// Ledger::Verify: everything that the file itself can prove.
#include <fmt/format.h>

#include <algorithm>

#include "base/files.h"
#include "base/sha256.h"
#include "evidence/columns.h"
#include "evidence/ledger_state.h"
#include "evidence/schema.h"

namespace crumb {
namespace {

struct Input {
  std::string role;
  std::string name;
  std::string sha256;
  bool checked = false;
};

Status CheckPages(const SqliteDatabase& db, const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(SqliteStatement statement, db.Prepare("PRAGMA integrity_check(1)"));
  CRUMB_ASSIGN_OR_RETURN(const bool row, statement.Step());
  const std::string said = row ? statement.Text(0) : "no answer";
  if (said == "ok") return OkStatus();
  return Corrupt(
      fmt::format("{}: the ledger's file is damaged ({}); restore it from a copy", path, said));
}

// Follows one chain row by row.
class ChainCheck {
 public:
  ChainCheck(std::string path, std::string what)
      : path_(std::move(path)), what_(std::move(what)), head_(kChainStart) {}

  Status Next(int64_t id, std::string_view previous_hash, std::string_view hash,
              std::string_view computed) {
    ++rows_;
    if (id != rows_) {
      return Corrupt(fmt::format("{}: {} {} is missing: somebody removed it", path_, what_, rows_));
    }
    if (previous_hash != head_) {
      return Corrupt(fmt::format("{}: {} {} does not follow {} {}: one of them was replaced", path_,
                                 what_, id, what_, id - 1));
    }
    if (hash != computed) {
      return Corrupt(
          fmt::format("{}: {} {} is not what was written: its hash differs", path_, what_, id));
    }
    head_ = hash;
    return OkStatus();
  }

  Status End(const ChainEnd& recorded) const {
    if (recorded.rows == rows_ && recorded.head == head_) return OkStatus();
    return Corrupt(fmt::format(
        "{}: the ledger wrote {} {}s, the last with hash {:.12}, but ends at {} with {:.12}", path_,
        recorded.rows, what_, recorded.head, rows_, head_));
  }

  int64_t rows() const { return rows_; }
  const std::string& head() const { return head_; }

 private:
  std::string path_;
  std::string what_;
  int64_t rows_ = 0;
  std::string head_;
};

Status CheckEvidence(const SqliteDatabase& db, const std::string& path, ChainCheck& chain) {
  CRUMB_ASSIGN_OR_RETURN(SqliteStatement rows, db.Prepare(SelectRows() + "ORDER BY \"id\""));
  while (true) {
    CRUMB_ASSIGN_OR_RETURN(const bool found, rows.Step());
    if (!found) return OkStatus();
    const Evidence row = ReadRow(rows);
    CRUMB_RETURN_IF_ERROR(chain.Next(row.id, row.previous_hash, row.hash, EvidenceHash(row)));
    if (ReadKey(rows) != EvidenceKey(row)) {
      return Corrupt(
          fmt::format("{}: row {} is not what was written: its key differs", path, row.id));
    }
  }
}

Result<std::vector<Input>> CheckInputs(const SqliteDatabase& db, ChainCheck& chain) {
  CRUMB_ASSIGN_OR_RETURN(
      SqliteStatement rows,
      db.Prepare("SELECT id, role, name, sha256, previous_hash, hash FROM input ORDER BY id"));
  std::vector<Input> inputs;
  while (true) {
    CRUMB_ASSIGN_OR_RETURN(const bool found, rows.Step());
    if (!found) return inputs;
    Input input{rows.Text(1), rows.Text(2), rows.Text(3)};
    const std::string previous = rows.Text(4);
    CRUMB_RETURN_IF_ERROR(
        chain.Next(rows.Int(0), previous, rows.Text(5),
                   InputHash(previous, rows.Int(0), input.role, input.name, input.sha256)));
    inputs.push_back(std::move(input));
  }
}

Status CheckFile(const std::string& file, const std::string& path, std::vector<Input>& inputs) {
  std::string trimmed = file;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  const std::string name = BaseName(trimmed);
  const auto named = [&](const Input& input) { return input.name == name; };
  const auto first = std::find_if(inputs.begin(), inputs.end(), named);
  if (first == inputs.end()) {
    return InvalidArgument(
        fmt::format("{}: the ledger {} has no input named {}", file, path, name));
  }
  // Read anew: a remembered hash would prove nothing.
  CRUMB_ASSIGN_OR_RETURN(const std::string hash, Sha256OfPath(trimmed, /*use_cache=*/false));
  bool known = false;
  for (Input& input : inputs) {
    if (!named(input) || input.sha256 != hash) continue;
    input.checked = true;
    known = true;
  }
  if (known) return OkStatus();
  return Corrupt(
      fmt::format("{}: has SHA-256 {:.12}..., but the {} that was measured had {:.12}...; give the "
                  "file that was "
                  "measured",
                  file, hash, first->role, first->sha256));
}

}  // namespace

Result<Ledger::VerifyReport> Ledger::Verify(const std::vector<std::string>& input_paths) const {
  const SqliteDatabase& db = state_->db;
  VerifyReport report;
  std::vector<Input> inputs;
  {
    // One moment of the file, also while another process appends.
    CRUMB_ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(db, false));
    CRUMB_RETURN_IF_ERROR(CheckLedgerSchema(db, path()));
    CRUMB_RETURN_IF_ERROR(CheckPages(db, path()));
    ChainCheck evidence(path(), "row");
    CRUMB_RETURN_IF_ERROR(CheckEvidence(db, path(), evidence));
    CRUMB_ASSIGN_OR_RETURN(const ChainEnd evidence_end, state_->End("evidence"));
    CRUMB_RETURN_IF_ERROR(evidence.End(evidence_end));
    ChainCheck input_chain(path(), "input");
    CRUMB_ASSIGN_OR_RETURN(inputs, CheckInputs(db, input_chain));
    CRUMB_ASSIGN_OR_RETURN(const ChainEnd input_end, state_->End("input"));
    CRUMB_RETURN_IF_ERROR(input_chain.End(input_end));
    report.rows = evidence.rows();
    report.head_hash = evidence.head();
  }
  for (const std::string& file : input_paths) {
    CRUMB_RETURN_IF_ERROR(CheckFile(file, path(), inputs));
  }
  for (const Input& input : inputs) {
    if (input.checked) {
      ++report.inputs_checked;
    } else {
      report.missing_inputs.push_back(
          fmt::format("{} {} (SHA-256 {:.12}...)", input.role, input.name, input.sha256));
    }
  }
  return report;
}

}  // namespace crumb
