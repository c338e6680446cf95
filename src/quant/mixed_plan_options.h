// What each matrix of a model would cost, in bytes and in loss, stored in each of several ways: the
// input of MakeMixedPlan. Nothing is quantized as a whole. docs/methods/mixed.md derives the
// formulas.
#ifndef CRUMB_QUANT_MIXED_PLAN_OPTIONS_H_
#define CRUMB_QUANT_MIXED_PLAN_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "calibration/second_moments.h"
#include "model/model.h"
#include "quant/allocate.h"
#include "quant/plan.h"
#include "quant/sensitivity.h"

namespace crumb {

struct MatrixOptions {
  std::string name;
  MatrixRole role;
  int layer;
  int64_t weights = 0;
  std::vector<WidthOption> options;  // one for each candidate
};

struct OptionTable {
  std::vector<MatrixChoice> candidates;
  std::vector<MatrixOptions> matrices;  // in the model's order
  // Norms, biases and names in the file (an estimate that is not below the truth), which every plan
  // has.
  int64_t other_bytes = 0;
  int64_t parameters = 0;  // all of the model's
};

// The second moments of a matrix's inputs; of an embedding table: the head's when it is tied.
using MomentsOf = std::function<Result<SecondMoments>(const NamedMatrix&)>;

// For trellis codes the loss is in closed form: with the mean squared error mse of the codec for
// Gaussian weights, the mean squares s_r of the rows, and the diagonal d of the error feedback of
// the rotated second moments (quant/feedback.h),
//   loss = 1/2 mse sum_r importance_r s_r sum_i d_i.
// For other methods some rows of the matrix are quantized and measured, and stand for all.
// `progress` (done, total) after each matrix; false stops with kInterrupted.
// kInvalidArgument: no candidates, unknown methods or codecs, sensitivities of another model.
Result<OptionTable> EstimateOptions(const Model& model, const Sensitivity& sensitivity,
                                    const MomentsOf& moments,
                                    std::span<const MatrixChoice> candidates, ThreadPool& pool,
                                    const std::function<bool(int, int)>& progress);

// One matrix and one choice: what EstimateOptions enters. `moments` null: as in PredictLoss.
Result<WidthOption> EstimateOption(const NamedMatrix& matrix, const MatrixSensitivity& sensitivity,
                                   const SecondMoments* moments, const MatrixChoice& choice,
                                   ThreadPool& pool);

}  // namespace crumb

#endif  // CRUMB_QUANT_MIXED_PLAN_OPTIONS_H_
