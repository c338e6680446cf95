// Which models a study compares, and the text that the calibrated ones are made with.
#include <fmt/format.h>

#include <algorithm>

#include "base/files.h"
#include "base/json.h"
#include "lab/study_state.h"
#include "quant/quantize_model.h"
#include "quant/quantizer.h"
#include "text/fingerprint.h"

namespace crumb {
namespace {

constexpr std::string_view kAllWidths[] = {"8", "4", "3", "2", "1.58", "1"};

Variant MakeVariant(const StudyOptions& options, const MatrixChoice& block,
                    const MatrixChoice& embedding, bool primary) {
  Variant variant;
  variant.plan.block = block;
  variant.plan.embedding = embedding;
  variant.name = VariantName(variant.plan);
  variant.path = JoinPath(JoinPath(options.output, "models"), variant.name);
  variant.primary = primary;
  return variant;
}

// The widths asked for, or all that the method can make.
Result<std::vector<std::string>> WidthsOf(const StudyOptions& options) {
  if (!options.widths.empty()) return options.widths;
  std::vector<std::string> widths;
  Status last = OkStatus();
  for (const std::string_view width : kAllWidths) {
    const Result<MatrixChoice> choice = ChoiceForWidth(width, options.method);
    if (choice.ok()) {
      widths.emplace_back(width);
    } else {
      last = choice.status();
    }
  }
  if (widths.empty()) return last;
  return widths;
}

}  // namespace

Result<std::vector<Variant>> VariantsFor(const StudyOptions& options) {
  CRUMB_ASSIGN_OR_RETURN(const std::vector<std::string> widths, WidthsOf(options));
  CRUMB_ASSIGN_OR_RETURN(const MatrixChoice eight, ChoiceForWidth("8", "rtn"));
  std::vector<Variant> variants;
  std::vector<Variant> at_width;  // the embedding too
  for (const std::string& width : widths) {
    CRUMB_ASSIGN_OR_RETURN(const MatrixChoice choice, ChoiceForWidth(width, options.method));
    variants.push_back(MakeVariant(options, choice, eight, true));
    if (choice.method != "rtn") {
      CRUMB_ASSIGN_OR_RETURN(const MatrixChoice rounded, ChoiceForWidth(width, "rtn"));
      variants.push_back(MakeVariant(options, rounded, eight, false));
    }
    if (choice == eight) continue;
    // A calibrated one takes as long again as all else that is done with it: only on demand.
    Variant variant = MakeVariant(options, choice, choice, false);
    if (options.embedding_at_width || !NeedsCalibration(variant.plan)) {
      at_width.push_back(std::move(variant));
    }
  }
  std::move(at_width.begin(), at_width.end(), std::back_inserter(variants));
  return variants;
}

Result<bool> StudyNeedsCalibration(const StudyOptions& options) {
  CRUMB_ASSIGN_OR_RETURN(const std::vector<Variant> variants, VariantsFor(options));
  return std::any_of(variants.begin(), variants.end(),
                     [](const Variant& variant) { return NeedsCalibration(variant.plan); });
}

Status CutCalibration(Study::State& state) {
  const StudyOptions& options = state.options;
  CRUMB_ASSIGN_OR_RETURN(const bool needed, StudyNeedsCalibration(options));
  if (!needed) return OkStatus();
  const ModelConfig& config = state.reference().config();
  const int64_t windows =
      options.calibration_windows * (config.encoder ? kSentencesPerWindow : int64_t{1});
  CRUMB_ASSIGN_OR_RETURN(CalibrationTokens tokens,
                         CutCalibrationTokens(state.reference(), options.calibration_texts, windows,
                                              std::min<int64_t>(512, config.max_positions)));
  for (const EvaluationText& text : options.texts) {
    const int64_t shared = CountShared(LineHashes(text.content), tokens.line_hashes);
    if (shared == 0 || options.allow_overlap) continue;
    return InvalidArgument(fmt::format(
        "text {}: {} of its lines are calibrated on too, which would flatter the quality measured "
        "on it; choose another text with --calibration-text, or say --allow-overlap to have the "
        "results marked",
        text.name, shared));
  }
  state.estimate.calibration_windows = windows;
  state.calibration = std::move(tokens);
  return OkStatus();
}

Json VariantOptions(const Study::State& state, const Variant& variant) {
  const QuantizePlan& plan = variant.plan;
  Json all = Json::object();
  if (variant.is_reference()) return all;
  all["method"] = plan.block.method;
  all["method_version"] = FindQuantizer(plan.block.method)->version();
  all["embedding_method"] = plan.embedding.method;
  all["embedding_method_version"] = FindQuantizer(plan.embedding.method)->version();
  all["embedding_codec"] = plan.embedding.codec;
  if (!NeedsCalibration(plan)) return all;
  const Json& manifest = *state.calibration->manifest;
  all["calibration_sha256"] = manifest["tokens_sha256"];
  all["calibration_windows"] = manifest["windows"];
  all["calibration_context"] = manifest["context"];
  all["seed"] = BlockQuantizerOptions().seed;
  return all;
}

}  // namespace crumb
