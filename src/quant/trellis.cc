#include "quant/trellis.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/float16.h"
#include "kernels/rotation.h"
#include "quant/clip.h"
#include "quant/feedback.h"
#include "quant/matrix_buffer.h"
#include "quant/rotated.h"
#include "quant/trellis_rows.h"
#include "quant/weight_faults.h"

namespace crumb {
namespace {

// kNumerics when a scale is too large for float16.
Status CheckScales(const PackedMatrix& weights, const Codec& codec, std::span<const float> scales) {
  std::vector<RowFault> faults(scales.size());
  for (size_t r = 0; r < scales.size(); ++r) {
    if (!std::isfinite(scales[r])) faults[r].overflow_column = 0;
  }
  return FaultStatus(weights, codec, faults);
}

Result<PackedMatrix> QuantizeTrellis(const QuantizeInput& input, const TrellisCodec& codec,
                                     ThreadPool& pool) {
  const PackedMatrix& matrix = *input.weights;
  CRUMB_ASSIGN_OR_RETURN(std::vector<float> weights, DecodeFiniteWeights(matrix, codec, pool));
  std::vector<std::byte> signs;
  if (RotationSupports(matrix.cols)) {
    signs = RandomSigns(matrix.cols, input.seed);
    RotateRows(signs, matrix.cols, weights, pool);
  }

  TrellisProblem problem = {.codec = &codec,
                            .weights = weights,
                            .rows = matrix.rows,
                            .cols = matrix.cols,
                            .row_importance = input.row_importance};
  SecondMoments moments;
  Feedback feedback;
  if (input.moments != nullptr) {
    CRUMB_RETURN_IF_ERROR(CheckMoments("trellis", input));
    problem.moments = input.moments;
    if (!signs.empty()) {
      moments = RotateMoments(*input.moments, signs, pool);
      problem.moments = &moments;
    }
    CRUMB_ASSIGN_OR_RETURN(feedback, MakeFeedback(*problem.moments, {}));
    problem.feedback = &feedback;
  }
  std::vector<float> scales = CodingScales(problem);
  CRUMB_RETURN_IF_ERROR(CheckScales(matrix, codec, scales));

  MatrixBuffer out(codec, matrix.rows, matrix.cols);
  CodeRows(problem, scales, out.codes(), pool);
  for (int64_t r = 0; r < matrix.rows; ++r) {
    const uint16_t half = FloatToHalf(scales[static_cast<size_t>(r)]);
    std::memcpy(out.scales() + 2 * r, &half, 2);
  }
  if (matrix.rows > 0) {
    std::memcpy(out.table(), codec.default_tables().data(), codec.default_tables().size());
  }
  return WithInputTransform(std::move(out).Take(), std::move(signs), {});
}

class Trellis final : public Quantizer {
 public:
  std::string_view name() const override { return "trellis"; }
  int version() const override { return 2; }
  bool uses_moments() const override { return true; }
  bool Supports(const Codec& codec) const override { return AsTrellis(&codec) != nullptr; }
  const Codec* CodecForWidth(std::string_view width) const override {
    return FindCodec(fmt::format("trellis{}", width));
  }

  Result<PackedMatrix> Quantize(const QuantizeInput& input, const Codec& codec,
                                ThreadPool& pool) const override {
    const TrellisCodec* trellis = AsTrellis(&codec);
    if (trellis == nullptr) {
      return Unsupported(fmt::format("method trellis can not make {}", codec.name()));
    }
    return QuantizeTrellis(input, *trellis, pool);
  }
};

}  // namespace

const Quantizer* TrellisQuantizer() {
  static const Trellis trellis;
  return &trellis;
}

}  // namespace crumb
