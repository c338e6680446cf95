// A whole model by one plan, into a packed folder.
//
// Methods that need calibration see each block as it will run: its inputs come from the blocks that
// are quantized already (quant/block_quantizer.h). What a killed run had finished lies in
// FOLDER.partial; the same command goes on from there and writes the same bytes. A run killed while
// it was tuned end to end begins the tuning anew, from the whole model in FOLDER.partial/untuned.
#ifndef CRUMB_QUANT_QUANTIZE_MODEL_H_
#define CRUMB_QUANT_QUANTIZE_MODEL_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "calibration/calibration.h"
#include "model/model.h"
#include "quant/block_quantizer.h"
#include "quant/end_to_end.h"
#include "quant/plan.h"
#include "quant/sensitivity.h"

namespace crumb {

struct QuantizeModelOptions {
  QuantizePlan plan;
  // Needed when a method of the plan needs moments or can use them; null: none.
  const CalibrationTokens* calibration = nullptr;
  BlockQuantizerOptions blocks;
  // Where the sensitivities that importance of rows comes from are kept, for several widths of one
  // model; empty: in FOLDER.partial, which goes when the folder is whole.
  std::string sensitivity_path;
  // Afterwards, on `tuning_windows` or, where there are none, on the calibration windows; with
  // epochs > 0 there must be some. Windows that no block was fitted to show what is really left: on
  // those of the calibration a model is closer to the float one than anywhere else.
  EndToEndOptions tuning;
  std::vector<std::vector<int32_t>> tuning_windows;
  std::function<bool(int64_t, int64_t)> tuning_progress;  // windows done, of all
  std::string folder;
  bool replace = false;
};

struct QuantizeModelResult {
  double matrix_bits_per_weight = 0;
  double total_bits_per_weight = 0;
  double seconds = 0;
  int layers_resumed = 0;  // taken over from a run that was killed
  // BlockQuantizer::HeadError, before any tuning end to end; only where inputs were corrected.
  std::optional<double> head_error;
  std::optional<EndToEndReport> tuning;
};

// Mean squared gradients of the outputs, mean 1 for each matrix, and a little for every row: a
// second-order prediction of no loss at all is not to be trusted. Tables are left out: a rare
// token's row would get next to nothing. For BlockQuantizerOptions::row_importance.
RowImportance RowImportanceOf(const Model& model, const Sensitivity& sensitivity);

// Whether any matrix of the plan asks for calibration.
bool NeedsCalibration(const QuantizePlan& plan);

// `progress` is called after each matrix with (done, total); false stops with kInterrupted: without
// calibration nothing is kept, with it the partial folder.
Result<QuantizeModelResult> QuantizeModel(const Model& model, const QuantizeModelOptions& options,
                                          ThreadPool& pool,
                                          const std::function<bool(int, int)>& progress);

// Whether QuantizeTogether takes it: calibrated, sequentially (awq is not), and not tuned.
bool CanGoTogether(const QuantizeModelOptions& options);

// Several plans of one model on the same calibration, block by block side by side: the float model
// runs once for all of them. Every folder gets the bytes that QuantizeModel gives it, and is
// resumed in the same way. `progress` (index, done, total) after each matrix. Seconds of a result:
// its own, and an equal part of what was done for all. REQUIRES: CanGoTogether, for all of them.
Result<std::vector<QuantizeModelResult>> QuantizeTogether(
    const Model& model, std::span<const QuantizeModelOptions> all, ThreadPool& pool,
    const std::function<bool(size_t, int, int)>& progress);

}  // namespace crumb

#endif  // CRUMB_QUANT_QUANTIZE_MODEL_H_
