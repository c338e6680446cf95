// End-to-end tuning: the last step after a model was quantized block by block. Row scales and norms
// of the whole model are moved so that its predictions agree better with the float model's; the
// codes stay as they are and no bits are added. docs/methods/end_to_end.md has formulas, sources
// and measurements.
#ifndef CRUMB_QUANT_END_TO_END_H_
#define CRUMB_QUANT_END_TO_END_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "formats/packed_folder.h"
#include "model/backward.h"
#include "model/model.h"

namespace crumb {

struct EndToEndOptions {
  int64_t epochs = 0;    // passes through the windows; 0: no tuning
  int64_t batch = 1;     // windows a step
  int64_t held_out = 8;  // windows that no step uses; at most a quarter of all
  // Step of the logarithm of a factor: rises over the first tenth of the steps, then falls to zero.
  double rate = 1.5e-3;
  double text_share = 0;  // of the loss: Distillation::text_share
  bool tables = false;    // also rows of embedding and head
  uint64_t seed = 1;      // of the order of the windows
};

struct EndToEndReport {
  int64_t windows = 0;   // used for steps
  int64_t held_out = 0;  // used to choose
  int64_t steps = 0;
  int64_t parameters = 0;
  int64_t kept_epoch = 0;  // 0: the start was the best
  double mean_change = 0;  // root mean square of the logarithms of the factors
  std::vector<DistillationLoss> held_out_losses;  // at the start and after each epoch
  double seconds = 0;
};
Json EndToEndJson(const EndToEndOptions& options, const EndToEndReport& report);

// Tunes `model`, a quantized version of `teacher`, in place: the same bytes for the same arguments
// whatever the number of threads. Of the states at the start and after each epoch the one with the
// least loss on the held-out windows is kept, so that it never gets worse there; what is measured
// is what would be stored, scales in float16. `folder`: for a temporary file.
// kInvalidArgument: encoders, models of another shape, fewer than two windows. kNumerics: gradients
// that are not finite. `progress` (done, total) after each window; false stops with kInterrupted,
// and the model is then as the last step left it.
Result<EndToEndReport> TuneEndToEnd(const Model& teacher, Model& model,
                                    std::span<const std::vector<int32_t>> windows,
                                    const EndToEndOptions& options, const std::string& folder,
                                    ThreadPool& pool,
                                    const std::function<bool(int64_t, int64_t)>& progress);

// The same for the packed folder `from`, which stays as it is: the tuned model goes to `to` and is
// finished there, with the folder's manifest and EndToEndJson as "end_to_end" in it.
Result<EndToEndReport> TuneFolder(const Model& teacher, const std::string& from,
                                  std::span<const std::vector<int32_t>> windows,
                                  const EndToEndOptions& options, PackedFolderWriter& to,
                                  ThreadPool& pool,
                                  const std::function<bool(int64_t, int64_t)>& progress);

}  // namespace crumb

#endif  // CRUMB_QUANT_END_TO_END_H_
