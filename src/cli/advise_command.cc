// crumb advise [STUDY]: the decision matrix filled from evidence, overrides, pitfalls and the best
// versions for three readers; with --scenarios the note's list of uses.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "advice/advice.h"
#include "advice/scenarios.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/verified_ledger.h"

namespace crumb {
namespace {

struct AdviseArguments {
  std::string study;
  std::string memory;
  AdviceInput input;
  std::optional<std::string> scenarios;
  std::string language = "en";
};

Status ListScenarios(const AdviseArguments& arguments, const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const std::vector<Scenario> all, ShippedScenarios());
  const std::vector<Scenario> found = FindScenarios(all, *arguments.scenarios);
  if (common.json) {
    PrintJson(ScenariosJson(found));
  } else {
    fmt::print("{}", ScenariosText(found, arguments.language));
  }
  return OkStatus();
}

Status CheckInput(const AdviceInput& input) {
  if (input.price_per_hour < 0) {
    return InvalidArgument(
        fmt::format("--price {:g}: the price of an hour must be above 0", input.price_per_hour));
  }
  for (const auto& [name, value] :
       {std::pair{"--budget", input.budget}, std::pair{"--reference-cost", input.reference_cost}}) {
    if (value.has_value() && !(*value > 0)) {
      return InvalidArgument(fmt::format("{} {:g}: must be above 0", name, *value));
    }
  }
  if (input.accepted_loss.has_value() &&
      !(*input.accepted_loss >= 0 && *input.accepted_loss <= 100)) {
    return InvalidArgument(
        fmt::format("--accept-loss {:g}: points of accuracy, 0 to 100", *input.accepted_loss));
  }
  return OkStatus();
}

Status Run(const AdviseArguments& arguments, const CommonOptions& common) {
  if (arguments.scenarios.has_value()) return ListScenarios(arguments, common);
  AdviceInput input = arguments.input;
  if (!arguments.memory.empty()) {
    CRUMB_ASSIGN_OR_RETURN(const int64_t bytes, ParseByteSize(arguments.memory, "--memory"));
    input.memory_limit = static_cast<double>(bytes);
  }
  CRUMB_RETURN_IF_ERROR(CheckInput(input));
  std::vector<Evidence> rows;
  std::optional<StudyView> study;
  if (!arguments.study.empty()) {
    CRUMB_ASSIGN_OR_RETURN(rows, ReadVerifiedLedger(arguments.study));
    CRUMB_ASSIGN_OR_RETURN(study, ViewStudy(rows));
  }
  CRUMB_ASSIGN_OR_RETURN(const Advice advice, Advise(input, study ? &*study : nullptr));
  if (common.json) {
    PrintJson(AdviceJson(advice));
  } else {
    fmt::print("{}", AdviceText(advice, arguments.language));
  }
  return OkStatus();
}

}  // namespace

Runner AddAdviseCommand(CLI::App& app) {
  auto arguments = std::make_shared<AdviseArguments>();
  AdviceInput& input = arguments->input;
  app.add_option("STUDY", arguments->study, "folder of a study, or its ledger");
  app.add_option("--memory", arguments->memory, "memory that there is; fills R")->type_name("SIZE");
  app.add_option("--budget", input.budget, "dollars a month; fills R with --reference-cost")
      ->type_name("USD");
  app.add_option("--reference-cost", input.reference_cost,
                 "dollars a month of the reference, as crumb cost prints")
      ->type_name("USD");
  app.add_option("--accept-loss", input.accepted_loss,
                 "points of task accuracy that may be lost; fills A; 0: accuracy is critical")
      ->type_name("POINTS");
  app.add_option("--hardware", input.hardware, "asic, fpga, arm, cpu, gpu; fills H")
      ->check(CLI::IsMember({"asic", "fpga", "arm", "cpu", "gpu"}))
      ->type_name("NAME");
  for (const auto& [name, target, text] :
       {std::tuple{"--r", &input.r, "R: resources, 0 to 10; before all evidence"},
        std::tuple{"--a", &input.a, "A: tolerance of loss, 0 to 10"},
        std::tuple{"--s", &input.s, "S: size of the model, 0 to 10"},
        std::tuple{"--h", &input.h, "H: hardware, 0 to 10"}}) {
    app.add_option(name, *target, text)->type_name("N");
  }
  app.add_option("--field", input.field, "medical, driving, finance, legal: high risk")
      ->check(CLI::IsMember({"medical", "driving", "finance", "legal"}))
      ->type_name("NAME");
  app.add_option("--task", input.task, "code, proof, cryptography: exact memory")
      ->check(CLI::IsMember({"code", "proof", "cryptography"}))
      ->type_name("NAME");
  app.add_option("--price", input.price_per_hour, "dollars an hour: compares cost as well")
      ->type_name("USD");
  app.add_option("--scenarios", arguments->scenarios,
                 "the note's uses that have these words; alone: all")
      ->expected(0, 1)
      ->type_name("WORDS");
  app.add_option("--lang", arguments->language, "language: en, zh")
      ->check(CLI::IsMember({"en", "zh"}))
      ->capture_default_str();
  app.footer(
      "Examples:\n  crumb advise crumb-study --memory 40MB --accept-loss 5\n"
      "  crumb advise --r 10 --a 0 --s 10 --h 10 --field medical --lang zh\n"
      "  crumb advise --scenarios \"unsuitable code\"");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
