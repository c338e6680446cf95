// What a mixed plan's model loses in truth, beside what was predicted of it: measured against the
// float model on windows of the calibration text that nothing was fitted to.
#ifndef CRUMB_LAB_PLAN_CHECK_H_
#define CRUMB_LAB_PLAN_CHECK_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "calibration/calibration.h"
#include "lab/progress.h"
#include "measure/statistics.h"
#include "model/model.h"
#include "quant/mixed_plan.h"

namespace crumb {

struct PlanCheck {
  int64_t windows = 0;
  int64_t tokens = 0;  // that were scored (eval/perplexity.h)
  Estimate kl;         // nats a token
  Estimate ppl_ratio;
  // The same on windows that the calibration did read. Below `kl` by what was fitted to them alone,
  // which is less the more text there is; 0 where none was given.
  int64_t fitted_windows = 0;
  Estimate fitted_kl;

  // What MixedPlanOptions::loss_scale should have been for the plan's ratio to come true; `scale`:
  // what it was. 0 when the measured loss is not positive.
  double LossScale(const MixedPlan& plan, double scale) const;
};

// Both models with float32 activations, since the prediction is of the weights' errors alone.
// `windows` is not empty. `calibration`: of these as many, spread evenly, are measured too.
Result<PlanCheck> MeasurePlan(const Model& reference, const Model& packed,
                              std::span<const HeldOutWindow> windows,
                              std::span<const std::vector<int32_t>> calibration, ThreadPool& pool,
                              const ProgressFn& progress);

// Measured beside predicted, for --json and manifests.
Json PlanCheckJson(const PlanCheck& check, const MixedPlan& plan, double loss_scale);

}  // namespace crumb

#endif  // CRUMB_LAB_PLAN_CHECK_H_
