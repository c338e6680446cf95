#include "cli/ledger_add.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/json.h"
#include "cli/common.h"
#include "cli/verified_ledger.h"
#include "evidence/ledger.h"

namespace crumb {

Status RunLedgerAdd(const ExternalRow& external, const std::string& path,
                    const CommonOptions& common) {
  // Whatever is wrong with the row is found before a file is made or locked.
  CRUMB_ASSIGN_OR_RETURN(Evidence row, MakeExternalRow(external));
  CRUMB_ASSIGN_OR_RETURN(const std::string file, LedgerToWrite(path));
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Ledger> ledger, Ledger::OpenForWriting(file));
  CRUMB_ASSIGN_OR_RETURN(const std::vector<Evidence> rows, ledger->Select({}));
  CRUMB_RETURN_IF_ERROR(CheckExternalRow(row, rows));
  CRUMB_ASSIGN_OR_RETURN(const int64_t id, ledger->Append(std::move(row)));
  CRUMB_ASSIGN_OR_RETURN(const Evidence written, ledger->Get(id));
  if (common.json) {
    Json json = Json::object();
    json["id"] = id;
    json["kind"] = written.kind;
    json["metric"] = written.metric;
    json["value"] = written.value;
    json["unit"] = written.unit;
    json["quarter"] = written.quarter;
    json["supersedes"] = written.supersedes;
    json["hash"] = written.hash;
    PrintJson(json);
    return OkStatus();
  }
  fmt::print("row        {}\nhead       {}\n", id, written.hash);
  return OkStatus();
}

void AddLedgerAddOptions(CLI::App& app, ExternalRow& row) {
  app.add_option("--kind", row.kind,
                 "public (published), deployment (a record), audit (a finding), manual (a person)")
      ->type_name("KIND")
      ->required();
  app.add_option("--source", row.source, "who published or recorded it, without address or date")
      ->type_name("TEXT");
  app.add_option("--by-role", row.by_role, "manual: who gives the number, a role and no name")
      ->type_name("ROLE");
  app.add_option("--reason", row.reason, "manual: why")->type_name("TEXT");
  app.add_option("--metric", row.metric, "name of a metric (docs/measuring.md)")
      ->type_name("NAME")
      ->required();
  app.add_option("--subject", row.subject, "what the value is of, for example int4")
      ->type_name("TEXT")
      ->required();
  app.add_option("--baseline", row.baseline, "what it is compared with")->type_name("TEXT");
  app.add_option("--value", row.value, "in the unit of the metric; a share as 0.8, not 80")
      ->type_name("X")
      ->required();
  app.add_option("--low", row.low, "lower end of its 95 % interval")->type_name("X");
  app.add_option("--high", row.high, "upper end of its 95 % interval")->type_name("X");
  app.add_option("--unit", row.unit, "its unit, to be checked against the metric's")
      ->type_name("UNIT");
  app.add_option("--n", row.n, "size of the sample")->type_name("N")->capture_default_str();
  app.add_option("--n-of", row.n_of, "what --n counts, for example requests")->type_name("WORD");
  app.add_option("--quarter", row.quarter, "of the evidence, for example 2026-Q4")
      ->type_name("QUARTER")
      ->required();
  app.add_option("--supersedes", row.supersedes, "row that was added and is now replaced")
      ->type_name("ID");
  app.add_flag("--confirm-own-source", row.confirm_own_source,
               "it is a figure of your own, though it equals an example of the specification");
  app.footer(
      "Examples:\n"
      "  crumb ledger add --kind public --source \"Qwen2 technical report, table 9\" \\\n"
      "      --metric task_accuracy --subject int4 --value 0.651 --quarter 2024-Q3\n"
      "  crumb ledger add --kind manual --by-role \"hotline operations manager\" \\\n"
      "      --reason \"requests of one day, counted\" --metric request_throughput \\\n"
      "      --subject \"state hotline\" --value 0.41 --unit requests/s --quarter 2026-Q3");
}

}  // namespace crumb
