// Mixed plans: each matrix of a model gets the width that costs the least predicted loss under a
// budget. docs/methods/mixed.md.
#ifndef CRUMB_QUANT_MIXED_PLAN_H_
#define CRUMB_QUANT_MIXED_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "quant/mixed_plan_options.h"
#include "quant/plan.h"

namespace crumb {

enum class BudgetKind {
  kMatrixBits,   // bits a weight of the matrices in the blocks
  kTotalBits,    // bits a parameter, everything in the file counted
  kBytes,        // of the file
  kMaxPplRatio,  // the smallest file whose predicted perplexity ratio is at most this
};

struct MixedPlanOptions {
  BudgetKind kind = BudgetKind::kMatrixBits;
  double budget = 0;
  // Of embedding and head under kMatrixBits, one of the candidates; else they are matrices like all
  // others.
  MatrixChoice embedding;
  // Predicted losses are multiplied by it: what was measured of an earlier plan over what was
  // predicted of it.
  double loss_scale = 1;
};

struct PlannedMatrix {
  std::string name;
  MatrixRole role;
  int layer;
  int64_t weights = 0;
  MatrixChoice choice;
  int64_t bytes = 0;
  double loss = 0;  // predicted, nats a token

  double bits() const { return 8.0 * static_cast<double>(bytes) / static_cast<double>(weights); }
};

struct MixedPlan {
  QuantizePlan plan;
  std::vector<PlannedMatrix> matrices;
  int64_t bytes = 0;  // of the file
  double matrix_bits = 0;
  double total_bits = 0;
  // A prediction to second order, times loss_scale: KL divergence, nats a token, and its exp, which
  // is the perplexity ratio on text that is as likely as the model's own.
  double predicted_loss = 0;
  double predicted_ppl_ratio = 0;
  // Of the solver (quant/allocate.h), times loss_scale. No plan within the budget has a predicted
  // loss below loss_bound.
  double loss_bound = 0;
  bool optimal = false;

  double gap() const { return predicted_loss - loss_bound; }
};

// kInvalidArgument when the budget is not possible; the message says what is ("at least 1.14 bits a
// weight with these candidates").
Result<MixedPlan> MakeMixedPlan(const OptionTable& table, const MixedPlanOptions& options);

// The same under the rule of thumb: first and last block, the matrices of attention and (where they
// are part of the budget) embedding and head stay high, all with the same candidate; the other
// matrices get the best assignment of what is left. High is the better of the candidates of about 4
// to 8 bits, or, where the budget allows none of them, the widest that it allows.
Result<MixedPlan> MakeRuleOfThumbPlan(const OptionTable& table, const MixedPlanOptions& options);

// Figures and choices of a plan, for --json and manifests.
Json MixedPlanJson(const MixedPlan& plan);

}  // namespace crumb

#endif  // CRUMB_QUANT_MIXED_PLAN_H_
