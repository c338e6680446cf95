#include "quant/mixed_plan_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>

#include "base/rng.h"
#include "codecs/codec.h"
#include "codecs/trellis.h"
#include "kernels/rotation.h"
#include "quant/dense.h"
#include "quant/feedback.h"
#include "quant/quantizer.h"
#include "quant/rotated.h"

namespace crumb {
namespace {

constexpr uint64_t kSeed = 1;           // of rotations and Gaussian weights: any will do
constexpr int64_t kSampleRows = 64;     // of each matrix, for methods without a closed form
constexpr int64_t kGaussianRows = 512;  // of the matrix that a codec's error is measured on
constexpr int64_t kGaussianCols = 64;

// A candidate with its names looked up.
struct Candidate {
  MatrixChoice choice;
  const Quantizer* method = nullptr;
  const Codec* codec = nullptr;
  double gaussian_error = 0;  // of trellis codes: mean squared error of unit Gaussian weights
};

// Searches through thousands of states take a while: once for each codec.
Result<double> GaussianError(const Quantizer& method, const Codec& codec, ThreadPool& pool) {
  Rng rng(kSeed);
  std::vector<float> values(static_cast<size_t>(kGaussianRows * kGaussianCols));
  for (float& value : values) value = static_cast<float>(rng.Gaussian());
  const PackedMatrix weights = Float32Matrix(kGaussianRows, kGaussianCols, values);
  QuantizeInput input;
  input.weights = &weights;
  input.seed = kSeed;
  CRUMB_ASSIGN_OR_RETURN(const PackedMatrix packed, method.Quantize(input, codec, pool));
  const std::vector<float> rounded = PlainWeights(packed, pool);
  double error = 0;
  double signal = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double difference = static_cast<double>(values[i]) - rounded[i];
    error += difference * difference;
    signal += static_cast<double>(values[i]) * values[i];
  }
  return error / signal;
}

Result<Candidate> Resolve(const MatrixChoice& choice, ThreadPool& pool) {
  Candidate candidate{choice, FindQuantizer(choice.method), FindCodec(choice.codec)};
  if (candidate.method == nullptr || candidate.codec == nullptr ||
      !candidate.method->Supports(*candidate.codec)) {
    return InvalidArgument(fmt::format("method {} can not make {}", choice.method, choice.codec));
  }
  if (AsTrellis(candidate.codec) != nullptr) {
    CRUMB_ASSIGN_OR_RETURN(candidate.gaussian_error,
                           GaussianError(*candidate.method, *candidate.codec, pool));
  }
  return candidate;
}

// What trellis codes need to know of one input.
struct RotatedInput {
  double feedback_sum = 0;  // sum of the feedback's diagonal, without the damping
  double spread = 1;        // mean square of a weight's final error, feedback included, to its own
};

Result<RotatedInput> Rotated(const SecondMoments& plain, ThreadPool& pool) {
  SecondMoments turned;
  const SecondMoments* moments = &plain;
  if (RotationSupports(plain.cols)) {
    turned = RotateMoments(plain, RandomSigns(plain.cols, kSeed), pool);
    moments = &turned;
  }
  CRUMB_ASSIGN_OR_RETURN(const Feedback feedback, MakeFeedback(*moments, {}));
  const auto n = static_cast<size_t>(plain.cols);
  const double cols = static_cast<double>(n);
  double squares = 0;
  for (const float factor : feedback.factors) squares += static_cast<double>(factor) * factor;
  double trace = 0;
  for (size_t c = 0; c < n; ++c) trace += moments->hessian[c * (n + 1)];
  double sum = 0;
  for (const double d : feedback.diagonal) sum += d;
  RotatedInput input;
  input.spread = 1 + squares / cols;
  // The diagonal is of the damped moments H + lambda I, which count lambda times the squared errors
  // too much.
  const double lambda = feedback.damping * trace / cols;
  input.feedback_sum = std::max(0.0, sum - lambda * cols * input.spread);
  return input;
}

// Estimates of one matrix.
class MatrixEstimator {
 public:
  MatrixEstimator(const NamedMatrix& matrix, const MatrixSensitivity& sensitivity,
                  const SecondMoments* moments, ThreadPool& pool)
      : matrix_(matrix.matrix), sensitivity_(sensitivity), moments_(moments), pool_(pool) {
    if (sensitivity.row_importance.empty()) moments_ = nullptr;
    MeasureRows();
  }

  Result<WidthOption> Estimate(const Candidate& candidate) {
    return AsTrellis(candidate.codec) != nullptr ? Trellis(candidate) : Sampled(candidate);
  }

 private:
  // Mean square of each row, and their sums under the weights that rows have.
  void MeasureRows() {
    const auto cols = static_cast<size_t>(matrix_.cols);
    squares_.resize(static_cast<size_t>(matrix_.rows));
    pool_.ParallelFor(matrix_.rows, 1, [&](int64_t begin, int64_t end, int) {
      std::vector<float> row(cols);
      for (int64_t r = begin; r < end; ++r) {
        matrix_.codec->DecodeRow(matrix_, r, row);
        double sum = 0;
        for (const float w : row) sum += static_cast<double>(w) * w;
        squares_[static_cast<size_t>(r)] = sum / static_cast<double>(matrix_.cols);
      }
    });
    for (size_t r = 0; r < squares_.size(); ++r) {
      if (moments_ != nullptr) outputs_ += sensitivity_.row_importance[r] * squares_[r];
      if (!sensitivity_.lookup_share.empty()) {
        lookups_ += sensitivity_.lookup_share[r] * squares_[r];
      }
    }
    for (const float importance : sensitivity_.lookup_importance) lookup_columns_ += importance;
  }

  Result<WidthOption> Trellis(const Candidate& candidate) {
    WidthOption option;
    option.bytes = candidate.codec->SizeOf(matrix_.rows, matrix_.cols).total() +
                   (RotationSupports(matrix_.cols) ? (matrix_.cols + 7) / 8 : 0);
    double loss = 0;
    RotatedInput input;
    if (moments_ != nullptr) {
      if (!rotated_) {
        CRUMB_ASSIGN_OR_RETURN(rotated_, Rotated(*moments_, pool_));
      }
      input = *rotated_;
      loss += outputs_ * input.feedback_sum;
    }
    // The rotation spreads the errors evenly over the columns.
    loss += lookups_ * lookup_columns_ * input.spread;
    option.loss = candidate.gaussian_error * loss / 2;
    return option;
  }

  Result<WidthOption> Sampled(const Candidate& candidate) {
    std::vector<size_t> rows;
    const int64_t count = std::min(kSampleRows, matrix_.rows);
    for (int64_t i = 0; i < count; ++i) {
      rows.push_back(static_cast<size_t>(i * matrix_.rows / count));
    }
    const PackedMatrix sample = RowsOf(rows);
    QuantizeInput input;
    input.weights = &sample;
    input.moments = moments_;
    input.seed = kSeed;
    CRUMB_ASSIGN_OR_RETURN(const PackedMatrix packed,
                           candidate.method->Quantize(input, *candidate.codec, pool_));
    WidthOption option;
    option.bytes = candidate.codec->SizeOf(matrix_.rows, matrix_.cols).total() +
                   static_cast<int64_t>(packed.input.signs.size() + packed.input.scales.size());
    option.loss = (SampledOutputs(sample, packed, rows) + SampledLookups(sample, packed, rows)) / 2;
    return option;
  }

  PackedMatrix RowsOf(std::span<const size_t> rows) const {
    const auto cols = static_cast<size_t>(matrix_.cols);
    std::vector<float> values(rows.size() * cols);
    for (size_t i = 0; i < rows.size(); ++i) {
      matrix_.codec->DecodeRow(matrix_, static_cast<int64_t>(rows[i]),
                               std::span(values).subspan(i * cols, cols));
    }
    return Float32Matrix(std::ssize(rows), matrix_.cols, std::move(values));
  }

  double SampledOutputs(const PackedMatrix& sample, const PackedMatrix& packed,
                        std::span<const size_t> rows) const {
    if (moments_ == nullptr) return 0;
    std::vector<float> importance;
    double part = 0;
    for (const size_t r : rows) {
      importance.push_back(sensitivity_.row_importance[r]);
      part += importance.back() * squares_[r];
    }
    if (!(part > 0)) return 0;
    const OutputLoss loss = MeasureOutputLoss(sample, packed, *moments_, importance, pool_);
    return loss.error * outputs_ / part;
  }

  // Rows that were never looked up are as good for a sample as any.
  double SampledLookups(const PackedMatrix& sample, const PackedMatrix& packed,
                        std::span<const size_t> rows) const {
    if (lookups_ == 0) return 0;
    const std::vector<float> exact = PlainWeights(sample, pool_);
    const std::vector<float> rounded = PlainWeights(packed, pool_);
    const auto cols = static_cast<size_t>(matrix_.cols);
    double error = 0;
    double part = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      part += squares_[rows[i]];
      for (size_t c = 0; c < cols; ++c) {
        const double e = static_cast<double>(exact[i * cols + c]) - rounded[i * cols + c];
        error += sensitivity_.lookup_importance[c] * e * e;
      }
    }
    return part > 0 ? error * lookups_ / part : 0;
  }

  const PackedMatrix& matrix_;
  const MatrixSensitivity& sensitivity_;
  const SecondMoments* moments_;
  ThreadPool& pool_;
  std::vector<double> squares_;  // mean of w^2 of each row
  double outputs_ = 0;           // sum of importance_r squares_r
  double lookups_ = 0;           // sum of share_r squares_r
  double lookup_columns_ = 0;    // sum of the importance of looked up numbers
  std::optional<RotatedInput> rotated_;
};

// Names, types, shapes and offsets of a matrix's parts in the header of the file.
int64_t HeaderBytes(std::string_view name, int parts) {
  return parts * static_cast<int64_t>(name.size() + 100);
}

}  // namespace

Result<WidthOption> EstimateOption(const NamedMatrix& matrix, const MatrixSensitivity& sensitivity,
                                   const SecondMoments* moments, const MatrixChoice& choice,
                                   ThreadPool& pool) {
  CRUMB_ASSIGN_OR_RETURN(const Candidate candidate, Resolve(choice, pool));
  return MatrixEstimator(matrix, sensitivity, moments, pool).Estimate(candidate);
}

Result<OptionTable> EstimateOptions(const Model& model, const Sensitivity& sensitivity,
                                    const MomentsOf& moments, std::span<const MatrixChoice> choices,
                                    ThreadPool& pool,
                                    const std::function<bool(int, int)>& progress) {
  if (choices.empty()) return InvalidArgument("a mixed plan needs at least one candidate");
  OptionTable table;
  table.candidates.assign(choices.begin(), choices.end());
  table.parameters = model.parameters();
  std::vector<Candidate> candidates;
  for (const MatrixChoice& choice : choices) {
    CRUMB_ASSIGN_OR_RETURN(Candidate candidate, Resolve(choice, pool));
    candidates.push_back(std::move(candidate));
  }
  for (const NamedTensor& tensor : model.tensors()) {
    table.other_bytes += 4 * std::ssize(tensor.values) + HeaderBytes(tensor.name, 1);
  }
  const int total = static_cast<int>(model.matrices().size());
  for (const NamedMatrix& named : model.matrices()) {
    const auto found = sensitivity.matrices.find(named.name);
    if (found == sensitivity.matrices.end()) {
      return InvalidArgument(
          fmt::format("the sensitivities do not have {}; measure them on this model", named.name));
    }
    std::optional<SecondMoments> inputs;
    if (!found->second.row_importance.empty()) {
      CRUMB_ASSIGN_OR_RETURN(inputs, moments(named));
    }
    MatrixEstimator estimator(named, found->second, inputs ? &*inputs : nullptr, pool);
    MatrixOptions options = {named.name, named.role, named.layer,
                             named.matrix.rows * named.matrix.cols};
    for (const Candidate& candidate : candidates) {
      Result<WidthOption> option = estimator.Estimate(candidate);
      if (!option.ok()) return option.status().WithContext(named.name);
      options.options.push_back(*option);
    }
    table.matrices.push_back(std::move(options));
    table.other_bytes += HeaderBytes(named.name, 5);
    if (progress && !progress(static_cast<int>(table.matrices.size()), total)) {
      return Interrupted(
          fmt::format("stopped after {} of {} matrices", table.matrices.size(), total));
    }
  }
  return table;
}

}  // namespace crumb
