// crumb quantize MODEL -o DIR --bits N.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/files.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "quant/quantizer.h"

namespace crumb {
namespace {

struct QuantizeArguments {
  std::string model;
  std::string output;
  std::string bits;
  std::string embedding_bits = "8";
  std::string method = "rtn";
  bool force = false;
};

Status Run(const QuantizeArguments& arguments, const CommonOptions& common) {
  QuantizePlan plan;
  plan.method = arguments.method;
  CRUMB_ASSIGN_OR_RETURN(plan.block_codec, CodecForWidth(arguments.bits));
  CRUMB_ASSIGN_OR_RETURN(plan.embedding_codec, CodecForWidth(arguments.embedding_bits));
  CRUMB_ASSIGN_OR_RETURN(const std::string path, ResolveModel(arguments.model, common));
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<ThreadPool> pool, MakePool(common));
  // Loaded as the study loads its reference, so that the bytes are those that the study measured.
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model, Model::Load(path));
  QuantizeResult result;
  {
    ProgressLine line(common);
    WorkClock clock(line.AsFunction());
    clock.Expect(static_cast<double>(model->matrices().size()));
    const auto progress = [&](int done, int total) {
      clock.Done(1);
      return clock.Begin(fmt::format("matrix {} of {}", done, total)).ok();
    };
    CRUMB_ASSIGN_OR_RETURN(
        result, QuantizeModel(*model, plan, arguments.output, arguments.force, *pool, progress));
  }
  CRUMB_ASSIGN_OR_RETURN(const int64_t bytes, FolderSize(arguments.output));
  if (common.json) {
    Json json = Json::object();
    json["output"] = arguments.output;
    json["variant"] = VariantName(plan);
    json["matrix_bits_per_weight"] = result.matrix_bits_per_weight;
    json["total_bits_per_weight"] = result.total_bits_per_weight;
    json["disk_bytes"] = bytes;
    json["seconds"] = result.seconds;
    PrintJson(json);
    return OkStatus();
  }
  fmt::print("source     {}\nwritten    {} ({})\n", model->source(), arguments.output,
             HumanBytes(static_cast<double>(bytes)));
  fmt::print("bits       {:.3f} a weight of the block matrices, {:.3f} a parameter in all\n",
             result.matrix_bits_per_weight, result.total_bits_per_weight);
  fmt::print("time       {:.1f} s\n", result.seconds);
  return OkStatus();
}

}  // namespace

Runner AddQuantizeCommand(CLI::App& app) {
  auto arguments = std::make_shared<QuantizeArguments>();
  app.add_option("MODEL", arguments->model, "path or source of the model")->required();
  app.add_option("-o,--output", arguments->output, "folder to write")->type_name("DIR")->required();
  app.add_option("--bits", arguments->bits, "width of the block matrices: 8 4 3 2 1.58 1")
      ->type_name("N")
      ->required();
  app.add_option("--embedding-bits", arguments->embedding_bits, "width of embedding and head")
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--method", arguments->method, "how to quantize")->capture_default_str();
  app.add_flag("--force", arguments->force, "replace the folder if it exists");
  app.footer("Example:\n  crumb quantize smollm2 --bits 4 -o smollm2-int4");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
