// crumb cost: machines, months and millions of tokens, from rows of a ledger or typed-in rates.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "advice/cost.h"
#include "advice/data.h"
#include "base/files.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/verified_ledger.h"

namespace crumb {
namespace {

// What the source note's table 14 was made with.
constexpr double kNoteMonth = 1800;
constexpr double kNoteQps = 1000;

struct CostArguments {
  double price = 0;
  double price_month = 0;
  std::optional<double> qps;
  double utilization = 0.7;
  int64_t redundancy = 1;
  double latency_ms = 0;
  double goodput = 0;
  double tokens = 0;
  double p99_ms = 0;
  double tokens_per_request = 0;
  double reference_goodput = 0;
  double reference_tokens = 0;
  double reference_p99_ms = 0;
  std::string ledger = "crumb-study";
  int64_t row = 0;
  int64_t reference_row = 0;
  std::string table;
  bool note = false;
  std::string language = "en";
};

// A row's rate: tokens/s, or requests/s.
Result<Serving> ServingOfRow(const std::vector<Evidence>& rows, int64_t id) {
  const auto row = std::ranges::find(rows, id, &Evidence::id);
  if (row == rows.end()) {
    return NotFound(fmt::format("row {}: the ledger has rows 1 to {}", id, rows.size()));
  }
  Serving serving;
  serving.name = row->subject;
  serving.ledger_id = id;
  if (row->unit == "tokens/s") {
    serving.tokens_per_second = row->value;
  } else if (row->unit == "requests/s" || row->unit == "req/s") {
    serving.goodput = row->value;
  } else {
    return InvalidArgument(
        fmt::format("row {}: {} in {} is no rate; take a row in tokens/s or requests/s", id,
                    row->metric, row->unit.empty() ? "no unit" : row->unit));
  }
  return serving;
}

Serving Typed(std::string name, double goodput, double tokens, double p99_ms) {
  Serving serving;
  serving.name = std::move(name);
  serving.goodput = goodput;
  serving.tokens_per_second = tokens;
  serving.p99_seconds = p99_ms / 1e3;
  return serving;
}

// The reference, if one was named, then what is priced.
Result<std::vector<Serving>> Servings(const CostArguments& arguments) {
  if (arguments.note) return ReadServings(AdviceFile("serving.csv"), "serving.csv (shipped)");
  if (!arguments.table.empty()) {
    CRUMB_ASSIGN_OR_RETURN(const std::string text, ReadFile(arguments.table));
    return ReadServings(text, arguments.table);
  }
  std::vector<Serving> servings;
  std::vector<Evidence> rows;
  if (arguments.row != 0 || arguments.reference_row != 0) {
    CRUMB_ASSIGN_OR_RETURN(rows, ReadVerifiedLedger(arguments.ledger));
  }
  if (arguments.reference_row != 0) {
    CRUMB_ASSIGN_OR_RETURN(Serving reference, ServingOfRow(rows, arguments.reference_row));
    servings.push_back(std::move(reference));
  } else if (arguments.reference_goodput != 0 || arguments.reference_tokens != 0) {
    servings.push_back(Typed("reference", arguments.reference_goodput, arguments.reference_tokens,
                             arguments.reference_p99_ms));
  }
  if (arguments.row != 0) {
    CRUMB_ASSIGN_OR_RETURN(Serving serving, ServingOfRow(rows, arguments.row));
    serving.p99_seconds = arguments.p99_ms / 1e3;
    servings.push_back(std::move(serving));
  } else if (arguments.goodput != 0 || arguments.tokens != 0) {
    servings.push_back(Typed("version", arguments.goodput, arguments.tokens, arguments.p99_ms));
  }
  if (servings.empty()) {
    return InvalidArgument(
        "nothing to price: give --goodput, --tokens-per-second, --row, --table or --note-table-14");
  }
  for (Serving& serving : servings) {
    if (serving.goodput == 0 && arguments.tokens_per_request > 0) {
      serving.goodput = serving.tokens_per_second / arguments.tokens_per_request;
    }
  }
  return servings;
}

Status Run(const CostArguments& arguments, const CommonOptions& common) {
  CostPlan plan;
  plan.price_per_hour =
      arguments.price_month != 0 ? arguments.price_month / kHoursPerMonth : arguments.price;
  plan.utilization = arguments.utilization;
  plan.reserve = arguments.redundancy;
  plan.latency_seconds = arguments.latency_ms / 1e3;
  if (arguments.qps.has_value() && *arguments.qps <= 0) {
    return InvalidArgument(
        fmt::format("--qps {:g}: the load must be above 0 requests a second", *arguments.qps));
  }
  plan.target_qps = arguments.qps.value_or(0);
  if (arguments.note) {
    plan = {kNoteMonth / kHoursPerMonth, kNoteQps, 1, 0, 0};
  } else if (!arguments.table.empty() && plan.target_qps == 0) {
    return InvalidArgument("--table needs the load: give --qps");
  }
  if (arguments.tokens_per_request < 0) {
    return InvalidArgument(
        fmt::format("--tokens-per-request {:g}: must be above 0", arguments.tokens_per_request));
  }
  CRUMB_ASSIGN_OR_RETURN(const std::vector<Serving> servings, Servings(arguments));
  CRUMB_ASSIGN_OR_RETURN(const CostReport report, PlanCost(plan, servings));
  if (common.json) {
    PrintJson(CostJson(report));
  } else {
    fmt::print("{}", CostText(report, arguments.language));
  }
  return OkStatus();
}

}  // namespace

Runner AddCostCommand(CLI::App& app) {
  auto arguments = std::make_shared<CostArguments>();
  const auto number = [&app](const char* name, auto& target, const char* text, const char* type) {
    return app.add_option(name, target, text)->type_name(type);
  };
  number("--price", arguments->price, "dollars an hour for one machine", "USD");
  number("--price-month", arguments->price_month, "the same for a month of 730 hours", "USD");
  number("--qps", arguments->qps, "requests a second to be served", "N");
  number("--utilization", arguments->utilization, "share of a machine that is planned with", "X")
      ->capture_default_str();
  number("--redundancy", arguments->redundancy, "machines in reserve", "N")->capture_default_str();
  number("--latency", arguments->latency_ms, "bound on the P99 latency", "MS");
  number("--goodput", arguments->goodput, "requests/s of one machine under that bound", "N");
  number("--tokens-per-second", arguments->tokens, "tokens/s of one machine", "N");
  number("--tokens-per-request", arguments->tokens_per_request,
         "tokens of a request: makes requests/s of tokens/s", "N");
  number("--p99", arguments->p99_ms, "P99 latency at that rate", "MS");
  number("--reference-goodput", arguments->reference_goodput, "of what is saved against", "N");
  number("--reference-tokens-per-second", arguments->reference_tokens, "the same in tokens", "N");
  number("--reference-p99", arguments->reference_p99_ms, "its P99 latency", "MS");
  number("--ledger", arguments->ledger, "ledger, or folder of a study", "PATH")
      ->capture_default_str();
  number("--row", arguments->row, "ledger row with the rate (tokens/s, requests/s)", "ID");
  number("--reference-row", arguments->reference_row, "ledger row of the reference", "ID");
  number("--table", arguments->table, "CSV: name, goodput, p99_ms, batch; first: reference",
         "FILE");
  app.add_flag("--note-table-14", arguments->note,
               "the source note's table 14 from its table 13, and what is unfair in it");
  number("--lang", arguments->language, "language: en, zh", "LANG")
      ->check(CLI::IsMember({"en", "zh"}))
      ->capture_default_str();
  app.footer(
      "Examples:\n  crumb cost --price 2.466 --tokens-per-second 1200 --utilization 1\n"
      "  crumb cost --price-month 1800 --qps 1000 --goodput 68 --latency 850\n"
      "  crumb cost --price 0.20 --ledger crumb-study --row 40 --reference-row 12\n"
      "  crumb cost --note-table-14");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
