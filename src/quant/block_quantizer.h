// Quantizes a model block by block, each block on the outputs of the blocks already quantized.
//
// Two streams of activations run side by side through every calibration window: the float model's
// and the quantized one's. Between the stages of a block (model/forward.h) the matrices that read
// the same input are quantized together:
//   1. their weights are corrected for what the earlier errors changed (quant/correction.h),
//   2. each is quantized by the plan's method with the second moments of the quantized stream,
//   3. the norm before them is retuned in closed form to what was lost, and their biases so that
//      the mean of what is left is zero.
// Memory: the moments of one input, the weights of one block; activations lie in mapped files.
#ifndef CRUMB_QUANT_BLOCK_QUANTIZER_H_
#define CRUMB_QUANT_BLOCK_QUANTIZER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "calibration/calibration.h"
#include "model/model.h"
#include "quant/float_stream.h"
#include "quant/plan.h"

namespace crumb {

// How much an error of each output row matters, by matrix.
using RowImportance = std::map<std::string, std::vector<float>, std::less<>>;

struct BlockQuantizerOptions {
  uint64_t seed = 1;
  bool correct_inputs = true;  // step 1
  double correction_damping = 0.3;
  bool tune_norms = true;  // step 3
  double norm_damping = 0.01;
  bool tune_biases = true;  // step 3, of matrices that have one
  // Calibration windows that row_importance is of. Where that is empty QuantizeModel measures it on
  // so many (decoders only); 0: none.
  int64_t importance_windows = 8;
  RowImportance row_importance;  // empty: all rows alike
};

// What became of one matrix.
struct MatrixReport {
  std::string name;
  MatrixChoice choice;
  double relative_loss = 0;  // OutputLoss against the corrected weights; 0 without moments
  double seconds = 0;
};

// The matrices and the changed tensors of one block (or of embedding and head).
struct QuantizedBlock {
  std::map<std::string, PackedMatrix, std::less<>> matrices;
  std::map<std::string, std::vector<float>, std::less<>> tensors;
  std::vector<MatrixReport> reports;
};

class BlockQuantizer {
 public:
  // `exact`: of the same model and tokens; other quantizers may share it, block by block with this
  // one. `folder`: for temporary files. The arguments must outlive the result.
  static Result<std::unique_ptr<BlockQuantizer>> Create(
      const Model& model, const QuantizePlan& plan, const CalibrationTokens& tokens,
      const BlockQuantizerOptions& options, FloatStream& exact, const std::string& folder,
      ThreadPool& pool);
  ~BlockQuantizer();

  // To be called for the embedding first (`layer` -1; a tied table counts as the head and is
  // quantized for what the float model's head reads), then for layers 0, 1, ... in order, then for
  // a head of its own (`layer` = number of layers). `done` is called after each matrix; false stops
  // with kInterrupted.
  Result<QuantizedBlock> Quantize(int layer, const std::function<bool()>& done);
  // In place of Quantize, for a block that an earlier run finished: runs the streams through it.
  Status Replay(int layer, const QuantizedBlock& block);
  // Behind the last layer of all quantizers that share `exact`: how far what the head (or, of an
  // encoder, the pooling) reads is from the float model's, the mean of |h - h'|^2 over that of
  // |h|^2 on the calibration windows. At 1 the float model is as far from zeros. Costs next to
  // nothing where inputs are corrected, a run of the float model where not.
  double HeadError();

 private:
  BlockQuantizer();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace crumb

#endif  // CRUMB_QUANT_BLOCK_QUANTIZER_H_
