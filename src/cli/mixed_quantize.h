// The part of `crumb quantize` that mixes widths under a budget: plan, quantize, measure.
#ifndef CRUMB_CLI_MIXED_QUANTIZE_H_
#define CRUMB_CLI_MIXED_QUANTIZE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "cli/command.h"
#include "lab/mixed.h"
#include "lab/plan_check.h"
#include "model/model.h"
#include "quant/quantize_model.h"

namespace crumb {

struct Mixed {
  MixedInputs inputs;
  MixedPlanOptions budget;  // as given, but with the loss scale that the last plan was made with
  MixedPlan best;
  std::optional<MixedPlan> rule_of_thumb;  // absent where the rule is not possible in the budget
  std::vector<HeadReport> heads;
  std::vector<HeldOutWindow> held_out;  // to measure on; empty: the text has none left
  bool check_wanted = true;
  std::optional<PlanCheck> check;  // of `best`, once it was measured
};

// `calibration_path`: a file of `crumb calibrate`, or empty.
Result<Mixed> PlanMixed(const Model& model, const CalibrationTokens& tokens,
                        const std::string& calibration_path, const MixedPlanOptions& budget,
                        const CommonOptions& common, ThreadPool& pool);

// QuantizeModel with a progress line.
Result<QuantizeModelResult> QuantizeShown(const Model& model, const QuantizeModelOptions& options,
                                          const CommonOptions& common, ThreadPool& pool);

// Quantizes by the plan and measures what it loses, which is put into the manifest as plan_check.
// Where a budget of kind kMaxPplRatio is missed, plans and quantizes once more with the loss scale
// that was measured.
Result<QuantizeModelResult> QuantizeMixed(const Model& model, QuantizeModelOptions options,
                                          Mixed& mixed, const CommonOptions& common,
                                          ThreadPool& pool);

// kInvalidArgument when the measured perplexity ratio is above the budget.
Status CheckReached(const Mixed& mixed, const std::string& folder);

void PrintMixed(const Mixed& mixed);
void PrintCheck(const Mixed& mixed);
Json MixedJson(const Mixed& mixed);

}  // namespace crumb

#endif  // CRUMB_CLI_MIXED_QUANTIZE_H_
