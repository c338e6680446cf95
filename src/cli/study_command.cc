// crumb study MODEL: everything, from a model to a report.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/files.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/eval_tasks.h"
#include "eval/embedding.h"
#include "fetch/fetch.h"
#include "lab/study.h"
#include "publish/report.h"

namespace crumb {
namespace {

struct StudyArguments {
  std::string model{kDefaultModel};
  std::string output = "crumb-study";
  std::string ledger;
  std::string method = "best";
  std::vector<std::string> widths;
  bool embedding_at_width = false;
  std::vector<std::string> calibration_files;
  int64_t calibration_windows = 16;
  int64_t activation_windows = 4;
  bool allow_overlap = false;
  std::string language = "en";
  std::string activations = "int8";
  TextOptions texts;
  TaskOptions tasks;
  int repetitions = 5;
  bool speeds_again = false;
  double energy_seconds = kLeastEnergySeconds;
  std::string meter;
  bool dry_run = false;
};

constexpr int64_t kStandardWindows = 10;

void PrintEstimate(const Study& study, const StudyArguments& arguments) {
  const StudyEstimate& estimate = study.estimate();
  fmt::print("model      {}\n", study.reference().source());
  fmt::print("variants   {} ({} with the reference)\n", estimate.variants - 1, estimate.variants);
  if (estimate.windows > 0) fmt::print("text       {} windows of 512 tokens\n", estimate.windows);
  if (estimate.calibration_windows > 0) {
    fmt::print("calibrate  {} windows of other text\n", estimate.calibration_windows);
  }
  fmt::print("estimate   {}, {} on disk in {}\n", HumanSeconds(estimate.seconds),
             HumanBytes(static_cast<double>(estimate.disk_bytes)), arguments.output);
  std::fflush(stdout);
}

// Peak memory of a fresh process that loads and runs the model.
Result<int64_t> ProbePeak(const std::string& path, const CommonOptions& common,
                          const std::string& activations) {
  std::vector<std::string> arguments = {"bench",         path,
                                        "--peak-only",   "--json",
                                        "--threads",     std::to_string(common.threads),
                                        "--activations", activations};
  if (!common.isa.empty()) {
    arguments.push_back("--isa");
    arguments.push_back(common.isa);
  }
  CRUMB_ASSIGN_OR_RETURN(const std::string text, RunSelf(arguments));
  CRUMB_ASSIGN_OR_RETURN(const Json json, ParseJson(text, "crumb bench --peak-only"));
  return JsonInt(json, "peak_resident_bytes", "crumb bench --peak-only");
}

Status CheckDisk(const Study& study, const std::string& output) {
  CRUMB_ASSIGN_OR_RETURN(const int64_t free_bytes, FreeDiskBytes(output));
  const int64_t needed = study.estimate().disk_bytes + (64 << 20);
  if (free_bytes >= needed) return OkStatus();
  return IoError(
      fmt::format("{}: needs {} and has {} free; free some room or choose another place "
                  "with -o",
                  output, HumanBytes(static_cast<double>(needed)),
                  HumanBytes(static_cast<double>(free_bytes))));
}

Status PrintResult(const std::vector<Evidence>& rows, const StudyArguments& arguments,
                   const CommonOptions& common) {
  const std::string report = JoinPath(arguments.output, "report.html");
  if (common.json) {
    CRUMB_ASSIGN_OR_RETURN(const std::string text,
                           ReadFile(JoinPath(arguments.output, "study.json")));
    fmt::print("{}", text);
    return OkStatus();
  }
  CRUMB_ASSIGN_OR_RETURN(const std::string screen, OneScreen(rows, arguments.language));
  fmt::print("{}\nreport     {}\n", screen, report);
  return OkStatus();
}

Result<StudyOptions> MakeOptions(const StudyArguments& arguments, const CommonOptions& common) {
  StudyOptions options;
  options.output = arguments.output;
  options.method = arguments.method;
  options.widths = arguments.widths;
  options.embedding_at_width = arguments.embedding_at_width;
  CRUMB_ASSIGN_OR_RETURN(const bool calibrated, StudyNeedsCalibration(options));
  if (calibrated) {
    CRUMB_ASSIGN_OR_RETURN(options.calibration_texts,
                           LoadCalibrationTexts(arguments.calibration_files));
  }
  options.calibration_windows = arguments.calibration_windows;
  options.activation_windows = arguments.activation_windows;
  options.allow_overlap = arguments.allow_overlap;
  CRUMB_ASSIGN_OR_RETURN(options.activations, ParseActivationType(arguments.activations));
  CRUMB_ASSIGN_OR_RETURN(options.windows, WindowsOf(arguments.texts, kStandardWindows));
  CRUMB_ASSIGN_OR_RETURN(options.texts, LoadTexts(arguments.texts));
  CRUMB_ASSIGN_OR_RETURN(options.model_path, ResolveModel(arguments.model, common));
  options.repetitions = arguments.repetitions;
  options.speeds_again = arguments.speeds_again;
  options.energy.work_seconds = arguments.energy_seconds;
  options.energy_search.meter_file = arguments.meter;
  if (!arguments.tasks.names.empty()) {
    CRUMB_ASSIGN_OR_RETURN(options.tasks, LoadTasks(arguments.tasks));
  }
  const Result<std::string> stsb = FindDataFile("stsb/sts-test.tsv");
  if (stsb.ok()) options.stsb_path = *stsb;
  options.probe_peak_bytes = [common,
                              activations = arguments.activations](const std::string& path) {
    return ProbePeak(path, common, activations);
  };
  return options;
}

Status Run(const StudyArguments& arguments, const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const StudyOptions options, MakeOptions(arguments, common));
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<ThreadPool> pool, MakePool(common));
  CRUMB_RETURN_IF_ERROR(MakeFolders(arguments.output));
  const std::string ledger_path =
      arguments.ledger.empty() ? JoinPath(arguments.output, "ledger.db") : arguments.ledger;
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Ledger> ledger, Ledger::OpenForWriting(ledger_path));
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Study> study,
                         Study::Prepare(options, *ledger, *pool));
  if (!common.json) PrintEstimate(*study, arguments);
  if (arguments.dry_run) return OkStatus();
  CRUMB_RETURN_IF_ERROR(CheckDisk(*study, arguments.output));
  {
    ProgressLine line(common);
    CRUMB_RETURN_IF_ERROR(study->Run(line.AsFunction()));
  }
  CRUMB_ASSIGN_OR_RETURN(const std::vector<Evidence> rows, study->rows());
  ReportOptions report;
  report.language = arguments.language;
  CRUMB_RETURN_IF_ERROR(WriteReport(rows, arguments.output, report));
  return PrintResult(rows, arguments, common);
}

}  // namespace

Runner AddStudyCommand(CLI::App& app) {
  auto arguments = std::make_shared<StudyArguments>();
  app.add_option("MODEL", arguments->model, "path, smollm2, pypi:NAME, hf:OWNER/NAME, file:PATH")
      ->capture_default_str();
  app.add_option("-o,--output", arguments->output, "folder for report, ledger, packed models")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--ledger", arguments->ledger, "ledger file (default: DIR/ledger.db)")
      ->type_name("FILE");
  app.add_option("--bits", arguments->widths, "widths: 8 4 3 2 1.58 1 (default: all of the method)")
      ->type_name("N")
      ->delimiter(',');
  app.add_option("--method", arguments->method, "best, or a method's name; rtn is beside it")
      ->capture_default_str();
  app.add_flag("--embedding-at-width", arguments->embedding_at_width,
               "also with the embedding at the width itself");
  app.add_option("--calibration-text", arguments->calibration_files,
                 "a text of your own to calibrate on; repeatable")
      ->type_name("FILE");
  app.add_option("--calibration-windows", arguments->calibration_windows,
                 "windows of 512 tokens to calibrate on")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_flag("--allow-overlap", arguments->allow_overlap,
               "measure on text that was calibrated on, and mark it");
  app.add_option("--activation-windows", arguments->activation_windows,
                 "windows to compare activation types on; 0: none")
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  AddTaskOptions(app, "questions that every variant answers, one or several (crumb eval --help)",
                 arguments->tasks);
  app.add_option("--lang", arguments->language, "language of the report")
      ->check(CLI::IsMember({"en", "zh"}))
      ->capture_default_str();
  app.add_option("--repetitions", arguments->repetitions, "repetitions of each speed")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--speeds-again", arguments->speeds_again,
               "measure the speeds anew: the machine was busy");
  app.add_option("--energy-seconds", arguments->energy_seconds,
                 "of work for each variant where there is an energy counter; 0: none")
      ->type_name("S")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  app.add_option("--meter", arguments->meter, "log of an external meter (crumb bench --energy)")
      ->type_name("FILE");
  app.add_flag("--dry-run", arguments->dry_run, "print the estimate and stop");
  AddActivationOption(app, arguments->activations);
  AddTextOptions(app, arguments->texts);
  app.footer(
      "Examples:\n  crumb study\n  crumb study smollm2 --quick --lang zh\n"
      "  crumb study ./my-model --bits 4,2 --text notes.txt -o my-study\n"
      "Stopped at any moment, the same command goes on where it was.");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
