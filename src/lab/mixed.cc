#include "lab/mixed.h"

#include <fmt/format.h>

#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"

namespace crumb {
namespace {

// A plan needs only how the losses of matrices compare; the quantizer that follows it uses all
// windows.
constexpr int64_t kWindowsOfPlan = 64;

}  // namespace

std::vector<MatrixChoice> MixedCandidates() {
  return {{"trellis", "trellis1"},
          {"trellis", "trellis2"},
          {"trellis", "trellis3"},
          {"trellis", "trellis4"},
          {"rtn", "int8-g64"}};
}

Result<MixedInputs> PrepareMixed(const Model& model, const CalibrationTokens& tokens,
                                 const std::string& calibration_path, const std::string& cache,
                                 ThreadPool& pool, const ProgressFn& progress) {
  if (model.config().encoder) {
    return Unsupported(fmt::format(
        "{}: widths can be mixed for decoders only; an encoder has no loss to be sensitive to",
        model.path()));
  }
  // Calibration and sensitivities take about as long as each other, options a fifth of it.
  WorkClock clock(progress);
  clock.Expect(2.2);
  CRUMB_ASSIGN_OR_RETURN(const std::string model_sha256, Sha256OfPath(model.path()));
  const auto key_of = [&](const CalibrationTokens& of) {
    return Sha256Hex(model_sha256 + DumpJson(*of.manifest)).substr(0, 16);
  };
  CRUMB_RETURN_IF_ERROR(MakeFolders(cache));
  std::string path = calibration_path;
  if (path.empty()) {
    const CalibrationTokens some = SomeOfTheWindows(tokens, kWindowsOfPlan);
    path = JoinPath(cache, key_of(some) + ".calibration");
    if (!PathExists(path)) {
      int64_t before = 0;
      const auto shown = [&](int64_t done, int64_t total) {
        clock.Done(static_cast<double>(done - before) / static_cast<double>(total));
        before = done;
        return clock.Begin(fmt::format("calibration, step {} of {}", done, total)).ok();
      };
      CRUMB_RETURN_IF_ERROR(Calibrate(model, some, path, {}, pool, shown));
    }
  }
  MixedInputs inputs;
  CRUMB_ASSIGN_OR_RETURN(inputs.calibration, CalibrationFile::Open(path));
  CRUMB_RETURN_IF_ERROR(inputs.calibration->CheckModel(model, model_sha256));
  const auto measured = [&](int done, int total) {
    clock.Done(1.0 / total);
    return clock.Begin(fmt::format("sensitivities, window {} of {}", done, total)).ok();
  };
  CRUMB_ASSIGN_OR_RETURN(
      inputs.sensitivity,
      KnownOrMeasuredSensitivity(JoinPath(cache, key_of(tokens) + ".sensitivity"), model,
                                 model_sha256, tokens.windows, {}, pool, measured));
  const auto moments = [&](const NamedMatrix& matrix) {
    return inputs.calibration->Moments(InputNameOf(matrix));
  };
  CRUMB_ASSIGN_OR_RETURN(
      inputs.table,
      EstimateOptions(
          model, inputs.sensitivity, moments, MixedCandidates(), pool, [&](int done, int total) {
            return clock.Begin(fmt::format("options, matrix {} of {}", done, total)).ok();
          }));
  return inputs;
}

}  // namespace crumb
