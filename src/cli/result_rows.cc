#include "cli/result_rows.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "base/files.h"
#include "base/json.h"
#include "cli/verified_ledger.h"
#include "evidence/ledger.h"
#include "evidence/metrics.h"
#include "measure/machine.h"

namespace crumb {

void AddLedgerOption(CLI::App& app, std::string& place) {
  app.add_option("--ledger", place,
                 "also append the results to a ledger: its file (.db), or a study's folder")
      ->type_name("PATH");
}

Result<ResultRows> ResultRows::Begin(const std::string& place) {
  ResultRows rows;
  if (place.empty()) return rows;
  CRUMB_ASSIGN_OR_RETURN(rows.file_, LedgerToWrite(place));
  if (!PathExists(rows.file_)) return rows;
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Ledger> ledger, Ledger::OpenForReading(rows.file_));
  // Only a study weighs its reference.
  CRUMB_ASSIGN_OR_RETURN(
      const std::vector<Evidence> of_study,
      ledger->Select({.metric = std::string(metric::kTotalBits), .subject = "reference"}));
  if (!of_study.empty()) {
    rows.study_name_ = of_study.back().model;
    rows.study_sha256_ = of_study.back().model_sha256;
  }
  return rows;
}

Result<RowModel> ResultRows::ModelOf(const Model& model) {
  CRUMB_ASSIGN_OR_RETURN(RowModel row, RowModelOf(model));
  if (!study_sha256_.empty() && study_sha256_ != row.sha256) {
    return InvalidArgument(
        fmt::format("--ledger {}: is of a study of {}, and these results are of {}; choose another "
                    "file",
                    file_, study_name_, row.name));
  }
  AddInput("model", row.name, row.sha256);
  return row;
}

void ResultRows::AddInput(std::string_view role, std::string_view name, std::string_view sha256) {
  inputs_.push_back({std::string(role), std::string(name), std::string(sha256)});
}

// Whether a row would stand in the report of the ledger's study in place of one of its own: the
// same figure, measured in another way (other windows, other activations).
Result<bool> ResultRows::Shadows(const Ledger& ledger, const Evidence& row) const {
  if (study_sha256_.empty()) return false;
  CRUMB_ASSIGN_OR_RETURN(
      const std::vector<Evidence> rows,
      ledger.Select({.metric = row.metric, .subject = row.subject, .text = row.text}));
  for (const Evidence& other : rows) {
    CRUMB_ASSIGN_OR_RETURN(const Json options, ParseJson(other.options, "options of a row"));
    if (!options.contains("command") && !options.contains("axis")) return true;
  }
  return false;
}

Status ResultRows::Write(const CommonOptions& common) {
  if (!wanted() || rows_.empty()) return OkStatus();
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Ledger> ledger, Ledger::OpenForWriting(file_));
  for (const Input& input : inputs_) {
    CRUMB_RETURN_IF_ERROR(ledger->RecordInput(input.role, input.name, input.sha256));
  }
  int64_t written = 0;
  for (Evidence& row : rows_) {
    CRUMB_ASSIGN_OR_RETURN(std::optional<Evidence> known, ledger->FindByKey(EvidenceKey(row)));
    if (!known.has_value()) {
      CRUMB_ASSIGN_OR_RETURN(const bool shadows, Shadows(*ledger, row));
      if (shadows) {
        CRUMB_ASSIGN_OR_RETURN(Json options, ParseJson(row.options, "options of a row"));
        options["command"] = "eval";
        row.options = DumpJson(options);
        CRUMB_ASSIGN_OR_RETURN(known, ledger->FindByKey(EvidenceKey(row)));
      }
    }
    if (known.has_value()) {
      if (known->value == row.value && known->low == row.low && known->high == row.high) continue;
      row.supersedes = std::to_string(known->id);
    }
    CRUMB_RETURN_IF_ERROR(ledger->Append(std::move(row)).status());
    ++written;
  }
  if (!common.json && !common.quiet) {
    const auto there = std::ssize(rows_) - written;
    fmt::print("ledger     {} rows written{}\n", written,
               there > 0 ? fmt::format(", {} were there with the same values", there) : "");
  }
  rows_.clear();
  return OkStatus();
}

RowMaker MakerFor(const RowModel& model, int threads, const Json& more) {
  return [model, threads, more, cpu = DescribeMachine().cpu_model](
             std::string_view name, std::string_view method, const Json& options) {
    Json all = options;
    for (const auto& [key, value] : more.items()) all[key] = value;
    return MakeRow(model, name, method, all, cpu, threads);
  };
}

}  // namespace crumb
