// crumb calibrate MODEL -o FILE: what quantizers need to know of a model's activations.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/files.h"
#include "base/json.h"
#include "calibration/calibration.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "measure/machine.h"

namespace crumb {
namespace {

struct CalibrateArguments {
  std::string model;
  std::string output;
  std::vector<std::string> texts;
  int64_t windows = 0;  // 0: the standard
  int64_t context = 512;
  std::string memory;
  bool force = false;
};

Status CheckOutput(const CalibrateArguments& arguments) {
  if (IsFolder(arguments.output)) {
    return InvalidArgument(fmt::format("{}: is a folder; name a file", arguments.output));
  }
  if (PathExists(arguments.output) && !arguments.force) {
    return InvalidArgument(
        fmt::format("{}: exists already; choose another file or say --force", arguments.output));
  }
  return OkStatus();
}

Status CalibrateShown(const Model& model, const CalibrationTokens& tokens,
                      const std::string& output, const CalibrateOptions& options,
                      const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<ThreadPool> pool, MakePool(common));
  ProgressLine line(common);
  WorkClock clock(line.AsFunction());
  const int64_t windows = std::ssize(tokens.windows);
  int64_t before = -1;  // where the last call was; a run that goes on starts in the middle
  const auto progress = [&](int64_t done, int64_t total) {
    if (before < 0) {
      clock.Expect(static_cast<double>(total - done));
      before = done;
    }
    clock.Done(static_cast<double>(done - before));
    before = done;
    return clock
        .Begin(fmt::format("step {} of {}, window {} of {}", done / windows + 1, total / windows,
                           done % windows + 1, windows))
        .ok();
  };
  return Calibrate(model, tokens, output, options, *pool, progress);
}

Json Summary(const CalibrationFile& file, const std::string& path, int64_t bytes, double seconds) {
  Json json = Json::object();
  json["output"] = path;
  json["sha256"] = file.sha256();
  for (const char* key : {"model", "texts", "windows", "context", "tokens", "tokens_sha256"}) {
    json[key] = file.manifest().at(key);
  }
  int64_t left_out = 0;
  for (const Json& input : file.manifest().at("inputs")) {
    left_out += input.at("not_finite").get<int64_t>();
  }
  json["inputs"] = file.manifest().at("inputs").size();
  json["rows_not_finite"] = left_out;
  json["line_hashes"] = file.line_hashes().size();
  json["disk_bytes"] = bytes;
  json["seconds"] = seconds;
  return json;
}

void Print(const Json& json, const Model& model) {
  fmt::print("source     {}\n", model.source());
  for (const Json& text : json["texts"]) {
    fmt::print("text       {}\n", text["source"].get<std::string>());
  }
  const char* what = model.config().encoder ? "sentences of up to" : "windows of";
  fmt::print("read       {} {} {} tokens, {} tokens in all\n", json["windows"].get<int64_t>(), what,
             json["context"].get<int64_t>(), json["tokens"].get<int64_t>());
  fmt::print("written    {} ({})\n", json["output"].get<std::string>(),
             HumanBytes(json["disk_bytes"].get<double>()));
  fmt::print("holds      second moments of {} inputs, hash {:.12}\n", json["inputs"].get<int64_t>(),
             json["sha256"].get<std::string>());
  const auto left_out = json["rows_not_finite"].get<int64_t>();
  if (left_out > 0) fmt::print("left out   {} rows with NaN or Inf\n", left_out);
  fmt::print("time       {:.1f} s\n", json["seconds"].get<double>());
}

Status Run(const CalibrateArguments& arguments, const CommonOptions& common) {
  CRUMB_RETURN_IF_ERROR(CheckOutput(arguments));
  CalibrateOptions options;
  if (!arguments.memory.empty()) {
    CRUMB_ASSIGN_OR_RETURN(options.memory_bytes, ParseByteSize(arguments.memory, "--memory"));
  }
  const double start = Now();
  CRUMB_ASSIGN_OR_RETURN(const std::string path, ResolveModel(arguments.model, common));
  // Loaded as crumb quantize loads it.
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model, Model::Load(path));
  CRUMB_ASSIGN_OR_RETURN(
      const CalibrationTokens tokens,
      CutCalibration(*model, arguments.texts, arguments.windows, arguments.context));
  CRUMB_RETURN_IF_ERROR(CalibrateShown(*model, tokens, arguments.output, options, common));
  CRUMB_ASSIGN_OR_RETURN(const auto file, CalibrationFile::Open(arguments.output));
  CRUMB_ASSIGN_OR_RETURN(const int64_t bytes, FileSize(arguments.output));
  const Json json = Summary(*file, arguments.output, bytes, Now() - start);
  if (common.json) {
    PrintJson(json);
  } else {
    Print(json, *model);
  }
  return OkStatus();
}

}  // namespace

Runner AddCalibrateCommand(CLI::App& app) {
  auto arguments = std::make_shared<CalibrateArguments>();
  app.add_option("MODEL", arguments->model, "path or source of the model")->required();
  app.add_option("-o,--output", arguments->output, "file to write")->type_name("FILE")->required();
  app.add_option("--text", arguments->texts, "a text of your own (UTF-8); may be repeated")
      ->type_name("FILE");
  app.add_option("--windows", arguments->windows, "windows to read (64; encoders: 1024 lines)")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--context", arguments->context, "tokens of a window")
      ->type_name("N")
      ->check(CLI::Range(8, 1 << 20))
      ->capture_default_str();
  app.add_option("--memory", arguments->memory, "memory to stay below, such as 2GB")
      ->type_name("SIZE");
  app.add_flag("--force", arguments->force, "replace the file if it exists");
  app.footer(
      "Without --text: chapters of the Debian Reference in English and Chinese that\n"
      "crumb never evaluates on. A run that was stopped goes on where it was.\n"
      "Examples:\n  crumb calibrate smollm2 -o smollm2.calibration\n"
      "  crumb calibrate smollm2 -o mine.calibration --text notes.txt --windows 16");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
