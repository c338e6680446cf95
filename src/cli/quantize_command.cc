// crumb quantize MODEL -o DIR --bits N, or a budget for mixed widths.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>

#include "base/files.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/mixed_quantize.h"
#include "model/float_weights.h"
#include "quant/quantize_model.h"

namespace crumb {
namespace {

struct QuantizeArguments {
  std::string model;
  std::string output;
  std::string bits;
  double matrix_bits = 0;
  double total_bits = 0;
  std::string size;
  double max_ppl_ratio = 0;
  std::string embedding_bits;
  std::string method = "best";
  std::vector<std::string> texts;
  int64_t windows = 0;  // 0: the standard
  std::string calibration;
  uint64_t seed = 1;
  double loss_scale = 1;
  bool no_tuning = false;
  int64_t tune_epochs = 0;
  int64_t tune_windows = 0;  // 0: those of the calibration
  bool no_check = false;
  bool dry_run = false;
  bool force = false;

  // Budgets that were given.
  int budgets() const {
    return (matrix_bits > 0 ? 1 : 0) + (total_bits > 0 ? 1 : 0) + (size.empty() ? 0 : 1) +
           (max_ppl_ratio > 0 ? 1 : 0);
  }
  bool mixed() const { return budgets() > 0; }
};

// Windows that a budget's plan is measured on afterwards.
constexpr int64_t kHeldOutWindows = 8;
// QuantizeModelResult::head_error from which the command warns (docs/methods/blocks.md).
constexpr double kLostHeadError = 0.5;

Result<QuantizePlan> PlanForWidth(const QuantizeArguments& arguments) {
  QuantizePlan plan;
  CRUMB_ASSIGN_OR_RETURN(plan.block, ChoiceForWidth(arguments.bits, arguments.method));
  // Tables are rarely the place to save; a width of their own takes the best method.
  const std::string width = arguments.embedding_bits.empty() ? "8" : arguments.embedding_bits;
  CRUMB_ASSIGN_OR_RETURN(plan.embedding,
                         ChoiceForWidth(width, arguments.method == "rtn" ? "rtn" : "best"));
  return plan;
}

// Moves windows that were cut beside those of the calibration to `tuning`, and leaves `check`
// windows, spread between them, to be measured on.
Status TakeTuningWindows(int64_t count, int64_t check, CalibrationTokens& tokens,
                         std::vector<std::vector<int32_t>>& tuning) {
  if (count == 0) return OkStatus();
  const int64_t all = std::ssize(tokens.held_out);
  if (all < count + check) {
    return InvalidArgument(
        fmt::format("the calibration text has {} windows beside those of the calibration, and {} "
                    "are asked for; give more text, or less --tune-windows",
                    all, count + check));
  }
  std::vector<HeldOutWindow> left;
  for (int64_t i = 0; i < all; ++i) {
    HeldOutWindow& window = tokens.held_out[static_cast<size_t>(i)];
    if ((i + 1) * check / all > i * check / all) {
      left.push_back(std::move(window));
    } else {
      tuning.push_back(std::move(window.tokens));
    }
  }
  tokens.held_out = std::move(left);
  return OkStatus();
}

Result<MixedPlanOptions> BudgetOf(const QuantizeArguments& arguments) {
  MixedPlanOptions options;
  options.loss_scale = arguments.loss_scale;
  if (arguments.matrix_bits > 0) {
    options.kind = BudgetKind::kMatrixBits;
    options.budget = arguments.matrix_bits;
    const std::string width = arguments.embedding_bits.empty() ? "8" : arguments.embedding_bits;
    CRUMB_ASSIGN_OR_RETURN(options.embedding, ChoiceForWidth(width, "best"));
    return options;
  }
  if (!arguments.embedding_bits.empty()) {
    return InvalidArgument(
        "--embedding-bits goes with --bits and --matrix-bits; with the other budgets the width of "
        "the embedding is chosen like all others");
  }
  if (arguments.total_bits > 0) {
    options.kind = BudgetKind::kTotalBits;
    options.budget = arguments.total_bits;
  } else if (!arguments.size.empty()) {
    options.kind = BudgetKind::kBytes;
    CRUMB_ASSIGN_OR_RETURN(const int64_t bytes, ParseByteSize(arguments.size, "--size"));
    options.budget = static_cast<double>(bytes);
  } else {
    options.kind = BudgetKind::kMaxPplRatio;
    options.budget = arguments.max_ppl_ratio;
  }
  return options;
}

Status Print(const QuantizeArguments& arguments, const Model& model, const QuantizePlan& plan,
             const EndToEndOptions& options, const QuantizeModelResult& result, const Mixed* mixed,
             const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const int64_t bytes, FolderSize(arguments.output));
  if (common.json) {
    Json json = mixed != nullptr ? MixedJson(*mixed) : Json::object();
    json["output"] = arguments.output;
    json["variant"] = VariantName(plan);
    json["method"] = plan.block.method;
    json["codec"] = plan.block.codec;
    json["matrix_bits_per_weight"] = result.matrix_bits_per_weight;
    json["total_bits_per_weight"] = result.total_bits_per_weight;
    json["disk_bytes"] = bytes;
    json["seconds"] = result.seconds;
    json["layers_resumed"] = result.layers_resumed;
    if (result.head_error.has_value()) json["head_error"] = *result.head_error;
    if (result.tuning.has_value()) json["end_to_end"] = EndToEndJson(options, *result.tuning);
    PrintJson(json);
    return OkStatus();
  }
  fmt::print("source     {}\nmethod     {}\nwritten    {} ({})\n", model.source(),
             VariantName(plan), arguments.output, HumanBytes(static_cast<double>(bytes)));
  fmt::print("bits       {:.3f} a weight of the block matrices, {:.3f} a parameter in all\n",
             result.matrix_bits_per_weight, result.total_bits_per_weight);
  if (result.layers_resumed > 0) {
    fmt::print("resumed    {} blocks were there from a stopped run\n", result.layers_resumed);
  }
  if (result.tuning.has_value()) {
    const EndToEndReport& tuning = *result.tuning;
    fmt::print(
        "tuned      {} windows, {:.0f} s; on {} others KL from the source {:.4f}, was {:.4f}\n",
        tuning.windows, tuning.seconds, tuning.held_out,
        tuning.held_out_losses[static_cast<size_t>(tuning.kept_epoch)].divergence,
        tuning.held_out_losses.front().divergence);
  }
  if (mixed != nullptr) PrintCheck(*mixed);
  if (result.head_error.value_or(0) >= kLostHeadError) {
    fmt::print(
        "WARNING    half or more of what the head reads is lost: it is off by {:.2f} of\n"
        "           its squared size; measure the model before you use it (crumb eval)\n",
        *result.head_error);
  }
  fmt::print("time       {:.1f} s\n", result.seconds);
  return OkStatus();
}

Status Run(const QuantizeArguments& arguments, const CommonOptions& common) {
  if (arguments.output.empty() && !arguments.dry_run) {
    return InvalidArgument("name a folder to write with -o, or say --dry-run");
  }
  if (arguments.budgets() + (arguments.bits.empty() ? 0 : 1) != 1) {
    return InvalidArgument(
        "say how wide by one of --bits N and the budgets --matrix-bits, --total-bits, --size, "
        "--max-ppl-ratio");
  }
  if (arguments.dry_run && !arguments.mixed()) {
    return InvalidArgument("--dry-run goes with a budget; `crumb inspect` shows sizes at a width");
  }
  if (arguments.tune_windows > 0 && arguments.tune_epochs == 0) {
    return InvalidArgument("--tune-windows says what is tuned on; add --tune-epochs 1");
  }
  QuantizeModelOptions options;
  MixedPlanOptions budget;
  if (arguments.mixed()) {
    CRUMB_ASSIGN_OR_RETURN(budget, BudgetOf(arguments));
  } else {
    CRUMB_ASSIGN_OR_RETURN(options.plan, PlanForWidth(arguments));
  }
  CRUMB_ASSIGN_OR_RETURN(const std::string path, ResolveModel(arguments.model, common));
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<ThreadPool> pool, MakePool(common));
  // Loaded as the study loads its reference, so that the bytes are those that the study measured.
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model, Model::Load(path));
  CRUMB_RETURN_IF_ERROR(CheckNotQuantized(*model));
  CalibrationTokens tokens;
  if (arguments.mixed() || NeedsCalibration(options.plan) || arguments.tune_epochs > 0) {
    const int64_t check = arguments.mixed() ? kHeldOutWindows : 0;
    const int64_t tune = arguments.tune_epochs > 0 ? arguments.tune_windows : 0;
    CRUMB_ASSIGN_OR_RETURN(
        tokens, CutCalibration(*model, arguments.texts, arguments.windows, 512, check + tune));
    CRUMB_RETURN_IF_ERROR(TakeTuningWindows(tune, check, tokens, options.tuning_windows));
    options.calibration = &tokens;
  }
  options.folder = arguments.output;
  options.replace = arguments.force;
  options.blocks.seed = arguments.seed;
  options.blocks.correct_inputs = !arguments.no_tuning;
  options.blocks.tune_norms = !arguments.no_tuning;
  options.blocks.tune_biases = !arguments.no_tuning;
  options.tuning.epochs = arguments.tune_epochs;
  options.tuning.seed = arguments.seed;
  if (!arguments.mixed()) {
    CRUMB_ASSIGN_OR_RETURN(const QuantizeModelResult result,
                           QuantizeShown(*model, options, common, *pool));
    return Print(arguments, *model, options.plan, options.tuning, result, nullptr, common);
  }
  CRUMB_ASSIGN_OR_RETURN(Mixed mixed,
                         PlanMixed(*model, tokens, arguments.calibration, budget, common, *pool));
  mixed.check_wanted = !arguments.no_check;
  if (!common.json) PrintMixed(mixed);
  if (arguments.dry_run) {
    if (common.json) PrintJson(MixedJson(mixed));
    return OkStatus();
  }
  CRUMB_ASSIGN_OR_RETURN(const QuantizeModelResult result,
                         QuantizeMixed(*model, options, mixed, common, *pool));
  CRUMB_RETURN_IF_ERROR(
      Print(arguments, *model, mixed.best.plan, options.tuning, result, &mixed, common));
  return CheckReached(mixed, arguments.output);
}

void AddBudgetOptions(CLI::App& app, QuantizeArguments& arguments) {
  app.add_option("--bits", arguments.bits, "width of the block matrices: 8 4 3 2 1.58 1")
      ->type_name("N");
  app.add_option("--matrix-bits", arguments.matrix_bits, "budget: mean bits of block weights")
      ->type_name("X")
      ->check(CLI::PositiveNumber);
  app.add_option("--total-bits", arguments.total_bits, "budget: bits a parameter, all counted")
      ->type_name("X")
      ->check(CLI::PositiveNumber);
  app.add_option("--size", arguments.size, "budget: size of the file, as 45MB")->type_name("SIZE");
  app.add_option("--max-ppl-ratio", arguments.max_ppl_ratio,
                 "budget: smallest with this perplexity ratio")
      ->type_name("R")
      ->check(CLI::Range(1.0001, 1000.0));
}

}  // namespace

Runner AddQuantizeCommand(CLI::App& app) {
  auto arguments = std::make_shared<QuantizeArguments>();
  app.add_option("MODEL", arguments->model, "path or source of the model")->required();
  app.add_option("-o,--output", arguments->output, "folder to write")->type_name("DIR");
  AddBudgetOptions(app, *arguments);
  app.add_option("--embedding-bits", arguments->embedding_bits, "width of embedding and head (8)")
      ->type_name("N");
  app.add_option("--method", arguments->method, "best, or the name of a method")
      ->capture_default_str();
  app.add_option("--calibration-text", arguments->texts, "a text of your own (UTF-8); repeatable")
      ->type_name("FILE");
  app.add_option("--calibration-windows", arguments->windows,
                 "windows of 512 tokens (64; encoders: 1024 lines)")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--calibration", arguments->calibration, "file of `crumb calibrate`, for a budget")
      ->type_name("FILE");
  app.add_option("--seed", arguments->seed, "of rotations")->type_name("N")->capture_default_str();
  app.add_option("--loss-scale", arguments->loss_scale,
                 "measured over predicted loss of an earlier plan")
      ->type_name("X")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--no-tuning", arguments->no_tuning,
               "do not correct for earlier errors, nor tune norms");
  app.add_flag("--no-check", arguments->no_check,
               "do not measure a budget's plan on held-out text");
  app.add_option("--tune-epochs", arguments->tune_epochs,
                 "passes that tune scales and norms end to end")
      ->type_name("N")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  app.add_option("--tune-windows", arguments->tune_windows,
                 "windows kept for this tuning alone (0: those of the calibration)")
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  app.add_flag("--dry-run", arguments->dry_run, "print the plan of a budget and stop");
  app.add_flag("--force", arguments->force, "replace the folder if it exists");
  app.footer(
      "Examples:\n  crumb quantize smollm2 --bits 2 -o smollm2-2bit\n"
      "  crumb quantize smollm2 --matrix-bits 2.5 --dry-run");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
