// From a model and calibration text to a plan of mixed widths: calibration, sensitivities and the
// estimate of every option, each kept in a file of a cache folder so that later runs reuse it.
#ifndef CRUMB_LAB_MIXED_H_
#define CRUMB_LAB_MIXED_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "calibration/calibration.h"
#include "lab/progress.h"
#include "model/model.h"
#include "quant/mixed_plan.h"
#include "quant/sensitivity.h"

namespace crumb {

// The ways of storing a matrix that a mixed plan chooses from: trellis codes of 1 to 4 bits and
// 8 bits by rounding.
std::vector<MatrixChoice> MixedCandidates();

struct MixedInputs {
  std::unique_ptr<CalibrationFile> calibration;
  Sensitivity sensitivity;
  OptionTable table;
};

// `cache`: folder for the calibration and the sensitivities, made when it is not there; what lies
// there from the same model and tokens is used. `calibration_path`: a file of `crumb calibrate`, or
// empty. Decoders only.
Result<MixedInputs> PrepareMixed(const Model& model, const CalibrationTokens& tokens,
                                 const std::string& calibration_path, const std::string& cache,
                                 ThreadPool& pool, const ProgressFn& progress);

}  // namespace crumb

#endif  // CRUMB_LAB_MIXED_H_
