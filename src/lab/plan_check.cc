#include "lab/plan_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "base/json.h"
#include "eval/perplexity.h"
#include "model/session.h"

namespace crumb {
namespace {

Result<WindowScore> Score(const Model& model, std::span<const int32_t> window,
                          const ReferenceWindow* reference, ReferenceWindow* keep,
                          ThreadPool& pool) {
  SessionOptions options;
  options.activations = ActivationType::kFloat32;
  options.max_tokens = std::ssize(window);
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                         Session::Create(model, pool, options));
  return ScoreWindow(*session, window, reference, keep);
}

}  // namespace

double PlanCheck::LossScale(const MixedPlan& plan, double scale) const {
  const double measured = std::log(ppl_ratio.value);
  if (!(measured > 0) || !(plan.predicted_loss > 0)) return 0;
  return scale * measured / plan.predicted_loss;
}

Result<PlanCheck> MeasurePlan(const Model& reference, const Model& packed,
                              std::span<const HeldOutWindow> windows,
                              std::span<const std::vector<int32_t>> calibration, ThreadPool& pool,
                              const ProgressFn& progress) {
  // First those that are held out, then those of the calibration.
  std::vector<std::span<const int32_t>> all;
  for (const HeldOutWindow& window : windows) all.emplace_back(window.tokens);
  const size_t fitted = std::min(windows.size(), calibration.size());
  for (size_t i = 0; i < fitted; ++i)
    all.emplace_back(calibration[i * calibration.size() / fitted]);
  WorkClock clock(progress);
  clock.Expect(static_cast<double>(all.size()));
  std::vector<WindowScore> exact;
  std::vector<WindowScore> rounded;
  std::vector<WindowScore> rounded_fitted;
  for (size_t i = 0; i < all.size(); ++i) {
    CRUMB_RETURN_IF_ERROR(
        clock.Begin(fmt::format("measuring, window {} of {}", i + 1, all.size())));
    ReferenceWindow kept;
    CRUMB_ASSIGN_OR_RETURN(const WindowScore a, Score(reference, all[i], nullptr, &kept, pool));
    CRUMB_ASSIGN_OR_RETURN(const WindowScore b, Score(packed, all[i], &kept, nullptr, pool));
    if (i < windows.size()) {
      exact.push_back(a);
      rounded.push_back(b);
    } else {
      rounded_fitted.push_back(b);
    }
    clock.Done(1);
  }
  const TextScore score = Summarize(rounded);
  PlanCheck check;
  check.windows = score.windows;
  check.tokens = score.tokens;
  check.kl = score.kl;
  check.ppl_ratio = PerplexityRatio(rounded, exact);
  check.fitted_windows = std::ssize(rounded_fitted);
  if (!rounded_fitted.empty()) check.fitted_kl = Summarize(rounded_fitted).kl;
  return check;
}

Json PlanCheckJson(const PlanCheck& check, const MixedPlan& plan, double loss_scale) {
  // One window has no spread, and JSON no infinity.
  const auto interval = [&](const Estimate& estimate) {
    return check.windows > 1 ? Json{estimate.interval.low, estimate.interval.high} : Json(nullptr);
  };
  return {{"windows", check.windows},
          {"tokens", check.tokens},
          {"loss_scale", loss_scale},
          {"predicted_loss_nats", plan.predicted_loss},
          {"measured_kl_nats", check.kl.value},
          {"measured_kl_interval", interval(check.kl)},
          {"predicted_ppl_ratio", plan.predicted_ppl_ratio},
          {"measured_ppl_ratio", check.ppl_ratio.value},
          {"measured_ppl_ratio_interval", interval(check.ppl_ratio)},
          {"fitted_windows", check.fitted_windows},
          {"fitted_kl_nats", check.fitted_kl.value}};
}

}  // namespace crumb
