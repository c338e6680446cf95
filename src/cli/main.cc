// The program: parse the line, run one command, print its error, give the exit code.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include "base/version.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "kernels/kernel_set.h"

namespace crumb {
namespace {

struct Entry {
  const char* name;
  const char* summary;
  AddCommand add;
};

constexpr std::array kCommands = {
    Entry{"study", "measure a model at many widths and write a report", AddStudyCommand},
    Entry{"inspect", "what a model holds and what this machine offers", AddInspectCommand},
    Entry{"calibrate", "what a model's matrices read, for later quantizing", AddCalibrateCommand},
    Entry{"quantize", "write a model with fewer bits", AddQuantizeCommand},
    Entry{"eval", "perplexity, divergence from a reference, questions", AddEvalCommand},
    Entry{"diff", "two models side by side: where they part", AddDiffCommand},
    Entry{"score", "metrics of your own predictions, with intervals", AddScoreCommand},
    Entry{"perplexity", "a perplexity in other units, where exact", AddPerplexityCommand},
    Entry{"scale", "how losses fall with size: fit and residuals", AddScaleCommand},
    Entry{"bench", "speed and memory of a model", AddBenchCommand},
    Entry{"generate", "continue a text", AddGenerateCommand},
    Entry{"chat", "talk to a model", AddChatCommand},
    Entry{"report", "write the report of a finished study again", AddReportCommand},
    Entry{"ledger", "list, show, verify and export measured rows", AddLedgerCommand},
    Entry{"cost", "machines and money for a load", AddCostCommand},
    Entry{"advise", "which width, for whom, and why", AddAdviseCommand},
    Entry{"claims", "put a table of claims to the test", AddClaimsCommand},
    Entry{"article", "write an article from a study, every number a row", AddArticleCommand},
    Entry{"lint", "check an article against the rules and the ledger", AddLintCommand},
    Entry{"pull", "bring a model into the cache", AddPullCommand},
    Entry{"cache", "list or clean the cache", AddCacheCommand},
};

constexpr const char* kFooter = R"(Examples:
  crumb study                       the default model, all widths, a report
  crumb inspect smollm2             shapes, bytes at each width, this machine
  crumb quantize smollm2 --bits 4 -o smollm2-int4
  crumb generate smollm2-int4 -p "Once upon a time"

Exit codes: 0 done, 1 fault of crumb, 2 wrong usage, 3 not found, 4 bad or
unknown content, 5 input/output error, 6 in use by another process,
7 network, 130 stopped by the user.)";

constexpr const char* kCommonHint =
    "\nAlso: --json --threads N --pin --isa SET --quiet (crumb --help).";

// Help that fits a terminal of 80 columns however long a description is: CLI11 indents every line
// of it but breaks none.
class EightyColumns : public CLI::Formatter {
 public:
  static constexpr size_t kNames = 28;
  static constexpr size_t kDescriptions = 80 - kNames - 1;

  std::string make_option_desc(const CLI::Option* option) const override {
    const std::string text = option->get_description();
    std::string lines;
    for (std::string_view rest = text; !rest.empty();) {
      size_t length = rest.size();
      if (length > kDescriptions) {
        length = rest.rfind(' ', kDescriptions);
        if (length == std::string_view::npos) length = kDescriptions;
      }
      if (!lines.empty()) lines += '\n';
      lines += rest.substr(0, length);
      rest.remove_prefix(std::min(length + 1, rest.size()));
    }
    return lines;
  }
};

int Main(int argc, char** argv) {
  CLI::App app{"crumb: what very low bit widths cost and gain, measured on this machine", "crumb"};
  app.require_subcommand(1);
  app.fallthrough();  // common options may stand behind the command
  app.footer(kFooter);
  app.set_version_flag("--version", fmt::format("crumb {} ({})", CrumbVersion(), CrumbCommit()));
  app.formatter(std::make_shared<EightyColumns>());
  app.get_formatter()->column_width(EightyColumns::kNames);
  CommonOptions common;
  app.add_flag("--json", common.json, "print one JSON document");
  app.add_option("--threads", common.threads, "threads (0: all usable CPUs)")->type_name("N");
  app.add_flag("--pin", common.pin, "tie each thread to one CPU");
  app.add_option("--isa", common.isa, "kernel set to use instead of the best one")
      ->type_name("SET");
  app.add_flag("--quiet", common.quiet, "no progress line");

  std::array<CLI::App*, kCommands.size()> apps{};
  std::array<Runner, kCommands.size()> runners;
  for (size_t i = 0; i < kCommands.size(); ++i) {
    apps[i] = app.add_subcommand(kCommands[i].name, kCommands[i].summary);
    runners[i] = kCommands[i].add(*apps[i]);
    apps[i]->footer(apps[i]->get_footer() + kCommonHint);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }
  Status status;
  if (!common.isa.empty()) status = SelectKernelSet(common.isa);
  CatchStopSignals();
  for (size_t i = 0; i < kCommands.size() && status.ok(); ++i) {
    if (apps[i]->parsed()) status = runners[i](common);
  }
  if (status.ok() && std::fflush(stdout) != 0) status = IoError("can not write the output");
  if (!status.ok()) fmt::print(stderr, "crumb: {}\n", status.message());
  return ExitCode(status);
}

}  // namespace
}  // namespace crumb

// crumb itself throws nothing; what libraries still throw (no memory) ends in one line all the
// same.
int main(int argc, char** argv) {
  try {
    return crumb::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "crumb: fault in the program: %s\n", error.what());
  } catch (...) {
    std::fputs("crumb: fault in the program\n", stderr);
  }
  return 1;
}
