// crumb report DIR: the report once more from the ledger, for example in the other language.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "base/files.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "evidence/ledger.h"
#include "publish/report.h"
#include "publish/study_rows.h"

namespace crumb {
namespace {

struct ReportArguments {
  std::string folder = "crumb-study";
  std::string ledger;
  std::string output;
  std::string language = "en";
};

Status Run(const ReportArguments& arguments, const CommonOptions& common) {
  const std::string path =
      arguments.ledger.empty() ? JoinPath(arguments.folder, "ledger.db") : arguments.ledger;
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Ledger> ledger, Ledger::OpenForReading(path));
  CRUMB_ASSIGN_OR_RETURN(std::vector<Evidence> rows, ledger->Select({}));
  std::erase_if(rows, IsOfOtherCommand);
  const std::string output = arguments.output.empty() ? arguments.folder : arguments.output;
  CRUMB_RETURN_IF_ERROR(MakeFolders(output));
  ReportOptions options;
  options.language = arguments.language;
  CRUMB_RETURN_IF_ERROR(WriteReport(rows, output, options));
  if (common.json) {
    CRUMB_ASSIGN_OR_RETURN(const std::string text, ReadFile(JoinPath(output, "study.json")));
    fmt::print("{}", text);
    return OkStatus();
  }
  CRUMB_ASSIGN_OR_RETURN(const std::string screen, OneScreen(rows, arguments.language));
  fmt::print("{}\nreport     {}\n", screen, JoinPath(output, "report.html"));
  return OkStatus();
}

}  // namespace

Runner AddReportCommand(CLI::App& app) {
  auto arguments = std::make_shared<ReportArguments>();
  app.add_option("DIR", arguments->folder, "folder of the study")->capture_default_str();
  app.add_option("--ledger", arguments->ledger, "ledger file (default: DIR/ledger.db)")
      ->type_name("FILE");
  app.add_option("-o,--output", arguments->output, "folder to write to (default: DIR)")
      ->type_name("DIR");
  app.add_option("--lang", arguments->language, "language of the report")
      ->check(CLI::IsMember({"en", "zh"}))
      ->capture_default_str();
  app.footer("Example:\n  crumb report crumb-study --lang zh");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
