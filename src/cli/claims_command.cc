// crumb claims check: a table of claims against bounds, published results and what was measured.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "advice/claims_check.h"
#include "base/files.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/verified_ledger.h"
#include "publish/claims_page.h"

namespace crumb {
namespace {

struct ClaimsArguments {
  std::string file;
  std::string facts;
  std::string ledger;
  std::string html;
  std::string language = "en";
  std::vector<std::string> only;
};

Result<std::vector<ClaimVerdict>> VerdictsOf(const std::vector<std::string>& names) {
  std::vector<ClaimVerdict> verdicts;
  for (const std::string& name : names) {
    if (name == "impossible") verdicts.push_back(ClaimVerdict::kImpossible);
    if (name == "contradicted") verdicts.push_back(ClaimVerdict::kContradicted);
    if (name == "confirmed") verdicts.push_back(ClaimVerdict::kConfirmed);
    if (name == "not-testable") verdicts.push_back(ClaimVerdict::kNotTestable);
  }
  return verdicts;
}

Status Check(const ClaimsArguments& arguments, const CommonOptions& common) {
  std::string text(ShippedClaims());
  std::string name = "claims.csv (shipped)";
  if (!arguments.file.empty()) {
    CRUMB_ASSIGN_OR_RETURN(text, ReadFile(arguments.file));
    name = arguments.file;
  }
  CRUMB_ASSIGN_OR_RETURN(Facts facts, Facts::Shipped());
  if (!arguments.facts.empty()) {
    CRUMB_ASSIGN_OR_RETURN(const std::string own, ReadFile(arguments.facts));
    CRUMB_ASSIGN_OR_RETURN(facts, Facts::Parse(own, arguments.facts));
  }
  std::vector<Evidence> rows;
  if (!arguments.ledger.empty()) {
    CRUMB_ASSIGN_OR_RETURN(rows, ReadVerifiedLedger(arguments.ledger));
  }
  CRUMB_ASSIGN_OR_RETURN(const ClaimsReport report, CheckClaims(text, name, facts, rows));
  if (!arguments.html.empty()) {
    CRUMB_ASSIGN_OR_RETURN(const std::string page, ClaimsPage(report, arguments.language));
    CRUMB_RETURN_IF_ERROR(WriteFileAtomic(arguments.html, page));
  }
  if (common.json) {
    PrintJson(ClaimsJson(report));
    return OkStatus();
  }
  CRUMB_ASSIGN_OR_RETURN(const std::vector<ClaimVerdict> only, VerdictsOf(arguments.only));
  fmt::print("{}", ClaimsText(report, only, arguments.language));
  if (!arguments.html.empty()) fmt::print("page       {}\n", arguments.html);
  return OkStatus();
}

}  // namespace

Runner AddClaimsCommand(CLI::App& app) {
  auto arguments = std::make_shared<ClaimsArguments>();
  app.require_subcommand(1);
  CLI::App* check = app.add_subcommand("check", "judge every claim of a table");
  check->add_option("FILE", arguments->file,
                    "table of claims, CSV (default: the source note's, shipped)");
  check
      ->add_option("--ledger", arguments->ledger,
                   "ledger, or folder of a study: what was measured here")
      ->type_name("PATH");
  check->add_option("--facts", arguments->facts, "table of facts in place of the shipped one")
      ->type_name("FILE");
  check->add_option("--verdict", arguments->only, "print only these, apart by commas")
      ->delimiter(',')
      ->check(CLI::IsMember({"impossible", "contradicted", "confirmed", "not-testable"}))
      ->type_name("NAME");
  check->add_option("--html", arguments->html, "write the page with filters and derivations")
      ->type_name("FILE");
  check->add_option("--lang", arguments->language, "language: en, zh")
      ->check(CLI::IsMember({"en", "zh"}))
      ->capture_default_str();
  check->footer(
      "Examples:\n  crumb claims check --verdict impossible,contradicted\n"
      "  crumb claims check own.csv --ledger crumb-study --html claims.html");
  app.footer("Example:\n  crumb claims check --verdict impossible");
  return [arguments](const CommonOptions& common) { return Check(*arguments, common); };
}

}  // namespace crumb
