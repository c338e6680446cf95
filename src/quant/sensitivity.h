// Sensitivity: how much an error in each matrix of a model raises its loss, to second order,
// measured once on calibration text by running the model backward. docs/methods/mixed.md.
//
// KL(model || model with errors) of a token is half of the errors in the norm of the Fisher
// information (Kullback 1959, ch. 2, eq. 6.4). The information of the outputs of a matrix is
// E[g g^T], g the gradient of the loss of tokens drawn from the model itself; kept is its diagonal,
// the mean square of each output's gradient. With independent inputs x and gradients g (K-FAC:
// Martens and Grosse 2015, section 3.1), errors e_r of the rows, and H the second moments of x:
//   KL ~ 1/2 sum_r importance_r e_r H e_r^T        nats a token
// Left out are products of gradients of different outputs and of different tokens.
#ifndef CRUMB_QUANT_SENSITIVITY_H_
#define CRUMB_QUANT_SENSITIVITY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "calibration/second_moments.h"
#include "model/backward.h"
#include "model/model.h"
#include "quant/quantizer.h"

namespace crumb {

// Of one matrix. Means are over the tokens that have a loss; gradients are of the sum of a window's
// losses.
struct MatrixSensitivity {
  // Mean squared gradient of each output (`rows` numbers); empty: no products are made with it.
  std::vector<float> row_importance;
  // Of an embedding table: mean squared gradient of each number that was looked up (`cols`), and
  // how often each row was, as a share of the tokens (`rows`); else empty.
  std::vector<float> lookup_importance;
  std::vector<float> lookup_share;
};

struct Sensitivity {
  std::string model_sha256;
  std::string tokens_sha256;  // of the windows that were used
  LossKind loss_kind = LossKind::kSampled;
  uint64_t seed = 0;
  int64_t windows = 0;
  int64_t context = 0;
  double mean_loss = 0;                                            // nats a token
  std::map<std::string, MatrixSensitivity, std::less<>> matrices;  // by canonical name

  // kInvalidArgument when it was measured on another model.
  Status CheckModel(const Model& model, std::string_view sha256) const;
};

struct SensitivityOptions {
  int64_t windows = 16;   // at most; spread evenly over those given
  int64_t context = 512;  // tokens of each window that are used, at most
  LossKind loss_kind = LossKind::kSampled;
  uint64_t seed = 1;
  int64_t keep_bytes = 0;  // of activations, in place of running blocks again (model/backward.h)
};

// `windows`: of calibration text. Decoders only (model/backward.h). `progress`
// (done, total) after each window; false stops with kInterrupted. kNumerics when a gradient is not
// finite.
Result<Sensitivity> MeasureSensitivity(const Model& model, const std::string& model_sha256,
                                       std::span<const std::vector<int32_t>> windows,
                                       const SensitivityOptions& options, ThreadPool& pool,
                                       const std::function<bool(int, int)>& progress);

// The sensitivities kept at `path` if they are of this model, these windows and these options; else
// measured, and kept there.
Result<Sensitivity> KnownOrMeasuredSensitivity(const std::string& path, const Model& model,
                                               const std::string& model_sha256,
                                               std::span<const std::vector<int32_t>> windows,
                                               const SensitivityOptions& options, ThreadPool& pool,
                                               const std::function<bool(int, int)>& progress);

// A safetensors file: "NAME.rows", "NAME.lookup" and "NAME.share" in float32, everything else and
// the SHA-256 of the tensors as metadata. Written whole or not at all.
Status WriteSensitivity(const std::string& path, const Sensitivity& sensitivity);
// kCorrupt when the file is not what was written.
Result<Sensitivity> ReadSensitivity(const std::string& path);

// Predicted rise of the loss, nats a token, when `packed` takes the place of `weights`. `moments`
// of the inputs (of an embedding table: the head's when it is the head too, else null).
double PredictLoss(const MatrixSensitivity& sensitivity, const PackedMatrix& weights,
                   const PackedMatrix& packed, const SecondMoments* moments, ThreadPool& pool);

// What the same relative error in every weight would cost in each attention head of a matrix: for
// query, key and value the head's rows, for the output projection its columns. Shares of the matrix
// (sum 1); empty for other matrices and where all are zero.
std::vector<double> HeadShares(const Model& model, const NamedMatrix& matrix,
                               const MatrixSensitivity& sensitivity, const SecondMoments& moments);

struct HeadReport {
  std::string matrix;
  int head = 0;
  double share = 0;       // of the matrix's sensitivity
  double times_mean = 0;  // share x number of heads
};
// Heads with a share of at least `times` the mean of their matrix, the largest first. `moments`
// gives those of a matrix's inputs.
Result<std::vector<HeadReport>> HeadsThatStandApart(
    const Model& model, const Sensitivity& sensitivity,
    const std::function<Result<SecondMoments>(const NamedMatrix&)>& moments, double times = 3);

}  // namespace crumb

#endif  // CRUMB_QUANT_SENSITIVITY_H_
