// crumb ledger list|show|verify|export: reading the evidence. add: ledger_add.h.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/files.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/ledger_add.h"
#include "evidence/ledger.h"
#include "evidence/metrics.h"

namespace crumb {
namespace {

struct LedgerArguments {
  std::string path = "crumb-study";
  EvidenceFilter filter;
  bool windows = false;
  int64_t id = 0;
  std::vector<std::string> inputs;
  ExternalRow added;
};

// A study's folder stands for the ledger in it.
std::string LedgerPath(const std::string& path) {
  return IsFolder(path) ? JoinPath(path, "ledger.db") : path;
}

std::string IntervalText(const Evidence& row) {
  if (!row.low.has_value() || !row.high.has_value()) return "";
  return fmt::format("[{:.4g}, {:.4g}]", *row.low, *row.high);
}

Status List(const LedgerArguments& arguments, const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Ledger> ledger,
                         Ledger::OpenForReading(LedgerPath(arguments.path)));
  CRUMB_ASSIGN_OR_RETURN(const std::vector<Evidence> rows, ledger->Select(arguments.filter));
  if (common.json) fmt::print("[\n");
  bool first = true;
  for (const Evidence& row : rows) {
    // Window rows are raw material: hundreds of them, shown when asked for.
    const bool raw = row.metric == metric::kWindowScores;
    if (raw && !arguments.windows && arguments.filter.metric.empty()) continue;
    if (common.json) {
      fmt::print("{}{}", first ? "" : ",\n", EvidenceToJson(row));
    } else {
      fmt::print("{:>5}  {:<22.22} {:<30.30} {:<4.4} {:.6g} {} {}\n", row.id, row.subject,
                 row.metric, row.text, row.value, row.unit, IntervalText(row));
    }
    first = false;
  }
  if (common.json) fmt::print("\n]\n");
  return OkStatus();
}

Status Show(const LedgerArguments& arguments, const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Ledger> ledger,
                         Ledger::OpenForReading(LedgerPath(arguments.path)));
  CRUMB_ASSIGN_OR_RETURN(const Evidence row, ledger->Get(arguments.id));
  if (common.json) {
    fmt::print("{}\n", EvidenceToJson(row, 2));
    return OkStatus();
  }
  CRUMB_ASSIGN_OR_RETURN(const Json json, ParseJson(EvidenceToJson(row), "row"));
  for (const auto& [key, value] : json.items()) {
    if (value.is_null() || value == "") continue;
    fmt::print("{:<18} {}\n", key, value.is_string() ? value.get<std::string>() : DumpJson(value));
  }
  return OkStatus();
}

Status Verify(const LedgerArguments& arguments, const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Ledger> ledger,
                         Ledger::OpenForReading(LedgerPath(arguments.path)));
  CRUMB_ASSIGN_OR_RETURN(const Ledger::VerifyReport report, ledger->Verify(arguments.inputs));
  if (common.json) {
    Json json = Json::object();
    json["rows"] = report.rows;
    json["head_hash"] = report.head_hash;
    json["inputs_checked"] = report.inputs_checked;
    json["inputs_not_checked"] = report.missing_inputs;
    PrintJson(json);
    return OkStatus();
  }
  fmt::print("chain      {} rows, whole\nhead       {}\ninputs     {} checked\n", report.rows,
             report.head_hash, report.inputs_checked);
  for (const std::string& name : report.missing_inputs) {
    fmt::print("           {}: not checked; name the file with --input\n", name);
  }
  return OkStatus();
}

Status Export(const LedgerArguments& arguments) {
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Ledger> ledger,
                         Ledger::OpenForReading(LedgerPath(arguments.path)));
  CRUMB_ASSIGN_OR_RETURN(const std::vector<Evidence> rows, ledger->Select(arguments.filter));
  for (const Evidence& row : rows) fmt::print("{}\n", EvidenceToJson(row));
  return OkStatus();
}

void AddFilters(CLI::App& app, LedgerArguments& arguments) {
  app.add_option("--metric", arguments.filter.metric, "only this metric")->type_name("NAME");
  app.add_option("--subject", arguments.filter.subject, "only this variant")->type_name("NAME");
  app.add_option("--of-text", arguments.filter.text, "only this text")->type_name("NAME");
}

void AddPath(CLI::App& app, LedgerArguments& arguments) {
  app.add_option("--ledger", arguments.path, "ledger file, or folder of a study")
      ->type_name("PATH")
      ->capture_default_str();
}

}  // namespace

Runner AddLedgerCommand(CLI::App& app) {
  auto arguments = std::make_shared<LedgerArguments>();
  app.require_subcommand(1);
  CLI::App* list = app.add_subcommand("list", "rows, one a line");
  AddFilters(*list, *arguments);
  list->add_flag("--window-scores", arguments->windows, "also the raw rows of single windows");
  CLI::App* show = app.add_subcommand("show", "one row with everything in it");
  show->add_option("ID", arguments->id, "number of the row")->required();
  CLI::App* verify = app.add_subcommand("verify", "recompute the chain and the input hashes");
  verify->add_option("--input", arguments->inputs, "model or text file that rows refer to")
      ->type_name("FILE");
  CLI::App* exported = app.add_subcommand("export", "all rows as JSON lines");
  AddFilters(*exported, *arguments);
  CLI::App* add = app.add_subcommand("add", "a row of evidence that was not measured here");
  AddLedgerAddOptions(*add, arguments->added);
  for (CLI::App* sub : {list, show, verify, exported, add}) AddPath(*sub, *arguments);
  app.footer(
      "Examples:\n  crumb ledger list --metric perplexity_ratio\n  crumb ledger show 12\n"
      "  crumb ledger verify --ledger my-study\n  crumb ledger add --help");
  return [arguments, list, show, verify, exported, add](const CommonOptions& common) {
    if (list->parsed()) return List(*arguments, common);
    if (show->parsed()) return Show(*arguments, common);
    if (verify->parsed()) return Verify(*arguments, common);
    if (exported->parsed()) return Export(*arguments);
    if (add->parsed()) return RunLedgerAdd(arguments->added, arguments->path, common);
    return OkStatus();
  };
}

}  // namespace crumb
