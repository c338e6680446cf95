#include "cli/mixed_quantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "cli/common.h"
#include "formats/packed_folder.h"
#include "text/fingerprint.h"

namespace crumb {
namespace {

// The best plan and the rule of thumb for the budget as it stands.
Status MakePlans(Mixed& mixed) {
  CRUMB_ASSIGN_OR_RETURN(mixed.best, MakeMixedPlan(mixed.inputs.table, mixed.budget));
  Result<MixedPlan> rule = MakeRuleOfThumbPlan(mixed.inputs.table, mixed.budget);
  mixed.rule_of_thumb.reset();
  if (rule.ok()) mixed.rule_of_thumb = std::move(rule).value();
  return OkStatus();
}

// Windows that share no line with a calibration file. Those without a line long enough for a
// fingerprint may be in it, and are left out too.
std::vector<HeldOutWindow> WindowsOutside(const CalibrationFile& file,
                                          std::span<const HeldOutWindow> windows) {
  std::vector<HeldOutWindow> outside;
  for (const HeldOutWindow& window : windows) {
    if (window.line_hashes.empty()) continue;
    if (CountShared(window.line_hashes, file.line_hashes()) == 0) outside.push_back(window);
  }
  return outside;
}

bool MissesRatio(const Mixed& mixed) {
  return mixed.budget.kind == BudgetKind::kMaxPplRatio && mixed.check.has_value() &&
         mixed.check->ppl_ratio.value > mixed.budget.budget;
}

Status Measure(const Model& model, const QuantizeModelOptions& options, Mixed& mixed,
               const CommonOptions& common, ThreadPool& pool) {
  const std::string& folder = options.folder;
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Model> packed, Model::Load(folder));
  ProgressLine line(common);
  CRUMB_ASSIGN_OR_RETURN(
      mixed.check, MeasurePlan(model, *packed, mixed.held_out, options.calibration->windows, pool,
                               line.AsFunction()));
  return AddToManifest(folder, "plan_check",
                       PlanCheckJson(*mixed.check, mixed.best, mixed.budget.loss_scale));
}

// How many matrices of each kind got which codec: one line a kind.
void PrintChoices(const MixedPlan& plan) {
  std::map<std::string, std::map<std::string, int>> counts;
  std::vector<std::string> codecs;
  for (const PlannedMatrix& matrix : plan.matrices) {
    ++counts[std::string(MatrixRoleName(matrix.role))][matrix.choice.codec];
    if (std::find(codecs.begin(), codecs.end(), matrix.choice.codec) == codecs.end()) {
      codecs.push_back(matrix.choice.codec);
    }
  }
  std::sort(codecs.begin(), codecs.end());
  fmt::print("{:<10}", "matrices");
  for (const std::string& codec : codecs) fmt::print(" {:>9}", codec);
  fmt::print("\n");
  for (const auto& [role, by_codec] : counts) {
    fmt::print("{:<10}", role);
    for (const std::string& codec : codecs) {
      const auto found = by_codec.find(codec);
      fmt::print(" {:>9}", found == by_codec.end() ? "-" : fmt::format("{}", found->second));
    }
    fmt::print("\n");
  }
}

void PrintPlan(const char* name, const MixedPlan& plan) {
  fmt::print("{:<10} {:.3f} bits a weight of the blocks, {:.3f} a parameter in all, {}\n", name,
             plan.matrix_bits, plan.total_bits, HumanBytes(static_cast<double>(plan.bytes)));
  fmt::print("{:<10} {:.4f} nats a token, perplexity ratio {:.3f}\n", "predicted",
             plan.predicted_loss, plan.predicted_ppl_ratio);
}

}  // namespace

Result<Mixed> PlanMixed(const Model& model, const CalibrationTokens& tokens,
                        const std::string& calibration_path, const MixedPlanOptions& budget,
                        const CommonOptions& common, ThreadPool& pool) {
  Mixed mixed;
  mixed.budget = budget;
  ProgressLine line(common);
  CRUMB_ASSIGN_OR_RETURN(
      mixed.inputs, PrepareMixed(model, tokens, calibration_path,
                                 JoinPath(CacheFolder(), "calibration"), pool, line.AsFunction()));
  CRUMB_RETURN_IF_ERROR(MakePlans(mixed));
  CRUMB_ASSIGN_OR_RETURN(
      mixed.heads,
      HeadsThatStandApart(model, mixed.inputs.sensitivity, [&](const NamedMatrix& matrix) {
        return mixed.inputs.calibration->Moments(InputNameOf(matrix));
      }));
  mixed.held_out = calibration_path.empty()
                       ? tokens.held_out
                       : WindowsOutside(*mixed.inputs.calibration, tokens.held_out);
  return mixed;
}

Result<QuantizeModelResult> QuantizeShown(const Model& model, const QuantizeModelOptions& options,
                                          const CommonOptions& common, ThreadPool& pool) {
  ProgressLine line(common);
  WorkClock clock(line.AsFunction());
  clock.Expect(static_cast<double>(model.matrices().size()));
  WorkClock tuning(line.AsFunction());
  QuantizeModelOptions shown = options;
  shown.tuning_progress = [&](int64_t done, int64_t total) {
    if (done == 1) {
      tuning = WorkClock(line.AsFunction());
      tuning.Expect(static_cast<double>(total));
    }
    tuning.Done(1);
    return tuning.Begin(fmt::format("tuning, window {} of {}", done, total)).ok();
  };
  return QuantizeModel(model, shown, pool, [&](int done, int total) {
    clock.Done(1);
    return clock.Begin(fmt::format("matrix {} of {}", done, total)).ok();
  });
}

Result<QuantizeModelResult> QuantizeMixed(const Model& model, QuantizeModelOptions options,
                                          Mixed& mixed, const CommonOptions& common,
                                          ThreadPool& pool) {
  // The gradients that the plan was made by say which rows matter, too.
  options.blocks.row_importance = RowImportanceOf(model, mixed.inputs.sensitivity);
  options.blocks.importance_windows = mixed.inputs.sensitivity.windows;
  for (bool again = false;; again = true) {
    options.plan = mixed.best.plan;
    CRUMB_ASSIGN_OR_RETURN(const QuantizeModelResult result,
                           QuantizeShown(model, options, common, pool));
    if (!mixed.check_wanted || mixed.held_out.empty()) return result;
    CRUMB_RETURN_IF_ERROR(Measure(model, options, mixed, common, pool));
    if (again || !MissesRatio(mixed)) return result;
    Mixed next;
    next.budget = mixed.budget;
    next.budget.loss_scale = mixed.check->LossScale(mixed.best, mixed.budget.loss_scale);
    const Result<MixedPlan> plan = MakeMixedPlan(mixed.inputs.table, next.budget);
    // No plan is good enough, or the one there is was all that can be had.
    if (!plan.ok() || plan->bytes <= mixed.best.bytes) return result;
    if (!common.json) {
      PrintCheck(mixed);
      fmt::print("again      {:.3f} is above {:.3f}: once more with a loss scale of {:.2f}\n",
                 mixed.check->ppl_ratio.value, mixed.budget.budget, next.budget.loss_scale);
    }
    mixed.budget = next.budget;
    CRUMB_RETURN_IF_ERROR(MakePlans(mixed));
    if (!common.json) PrintMixed(mixed);
    options.replace = true;  // what stands there now was made by this run
  }
}

Status CheckReached(const Mixed& mixed, const std::string& folder) {
  if (!MissesRatio(mixed)) return OkStatus();
  // What would be planned with what was learned, or why nothing can be.
  MixedPlanOptions next = mixed.budget;
  next.loss_scale = mixed.check->LossScale(mixed.best, mixed.budget.loss_scale);
  const Result<MixedPlan> plan = MakeMixedPlan(mixed.inputs.table, next);
  const std::string advice =
      plan.ok() ? fmt::format("allow a higher ratio, or plan again with --loss-scale {:.2f}",
                              next.loss_scale)
                : std::string(plan.status().message());
  return InvalidArgument(
      fmt::format("{}: is kept, but its perplexity ratio on held-out text is {:.3f}, above the {} "
                  "asked for; {}",
                  folder, mixed.check->ppl_ratio.value, mixed.budget.budget, advice));
}

void PrintCheck(const Mixed& mixed) {
  if (!mixed.check_wanted) return;
  if (!mixed.check.has_value()) {
    fmt::print("{:<10} nothing: the calibration text has no windows left for it\n", "measured");
    return;
  }
  fmt::print("{:<10} KL {:.4f} (predicted {:.4f}), ppl ratio {:.3f} ({:.3f}), {} windows\n",
             "measured", mixed.check->kl.value, mixed.best.predicted_loss,
             mixed.check->ppl_ratio.value, mixed.best.predicted_ppl_ratio, mixed.check->windows);
  if (mixed.check->fitted_windows > 0) {
    fmt::print("{:<10} KL {:.4f} on {} windows of the calibration; more text, less apart\n",
               "fitted", mixed.check->fitted_kl.value, mixed.check->fitted_windows);
  }
}

void PrintMixed(const Mixed& mixed) {
  PrintPlan("plan", mixed.best);
  fmt::print("{:<10} {}\n", "solver",
             mixed.best.optimal
                 ? "exact (dynamic programming over bytes)"
                 : fmt::format("within {:.2g} nats of the best possible", mixed.best.gap()));
  PrintChoices(mixed.best);
  if (mixed.rule_of_thumb.has_value()) {
    PrintPlan("rule", *mixed.rule_of_thumb);
    fmt::print("{:<10} first and last block, attention and tables stay high\n", "");
  } else {
    fmt::print("{:<10} first, last and attention high: not possible within this budget\n", "rule");
  }
  for (size_t i = 0; i < std::min<size_t>(mixed.heads.size(), 5); ++i) {
    const HeadReport& head = mixed.heads[i];
    fmt::print("{:<10} {} head {}: {:.0f} % of the matrix, {:.1f} times its share\n",
               i == 0 ? "heads" : "", head.matrix, head.head, 100 * head.share, head.times_mean);
  }
}

Json MixedJson(const Mixed& mixed) {
  Json json = {{"plan", MixedPlanJson(mixed.best)}};
  json["rule_of_thumb"] =
      mixed.rule_of_thumb.has_value() ? MixedPlanJson(*mixed.rule_of_thumb) : Json(nullptr);
  json["heads"] = Json::array();
  for (const HeadReport& head : mixed.heads) {
    json["heads"].push_back({{"matrix", head.matrix},
                             {"head", head.head},
                             {"share", head.share},
                             {"times_mean", head.times_mean}});
  }
  json["plan_check"] = mixed.check.has_value()
                           ? PlanCheckJson(*mixed.check, mixed.best, mixed.budget.loss_scale)
                           : Json(nullptr);
  return json;
}

}  // namespace crumb
