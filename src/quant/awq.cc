#include "quant/awq.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/float16.h"
#include "codecs/float_codecs.h"
#include "quant/clip.h"
#include "quant/group_rows.h"
#include "quant/rotated.h"
#include "quant/weight_faults.h"

namespace crumb {
namespace {

constexpr int kAlphas = 11;
constexpr int64_t kSampleRows = 256;

// Up to kSampleRows rows of a matrix, evenly.
PackedMatrix SampleRows(const PackedMatrix& matrix) {
  const int64_t rows = std::min(matrix.rows, kSampleRows);
  const auto cols = static_cast<size_t>(matrix.cols);
  std::vector<float> values(static_cast<size_t>(rows) * cols);
  for (int64_t i = 0; i < rows; ++i) {
    matrix.codec->DecodeRow(matrix, i * matrix.rows / rows,
                            std::span(values).subspan(static_cast<size_t>(i) * cols, cols));
  }
  return PackFloats(Float32Codec(), rows, matrix.cols, values);
}

PackedMatrix ScaleColumns(const PackedMatrix& matrix, std::span<const float> s) {
  const auto cols = static_cast<size_t>(matrix.cols);
  std::vector<float> values(static_cast<size_t>(matrix.rows) * cols);
  for (int64_t r = 0; r < matrix.rows; ++r) {
    const auto row = std::span(values).subspan(static_cast<size_t>(r) * cols, cols);
    matrix.codec->DecodeRow(matrix, r, row);
    for (size_t c = 0; c < cols; ++c) row[c] *= s[c];
  }
  return PackFloats(Float32Codec(), matrix.rows, matrix.cols, values);
}

// mean_abs^alpha, its extremes at equal distance from 1. Channels that were always zero get the
// least of the others.
std::vector<float> PowerOf(std::span<const float> mean_abs, double alpha) {
  double least = std::numeric_limits<double>::infinity();
  double most = 0;
  for (const float a : mean_abs) {
    if (!(a > 0)) continue;
    least = std::min(least, static_cast<double>(a));
    most = std::max(most, static_cast<double>(a));
  }
  std::vector<float> s(mean_abs.size(), 1.0f);
  if (most == 0) return s;
  const double center = std::sqrt(least * most);
  for (size_t c = 0; c < s.size(); ++c) {
    s[c] = static_cast<float>(
        std::pow(std::max(static_cast<double>(mean_abs[c]), least) / center, alpha));
  }
  return s;
}

// The mean of mean_abs over the query heads that share a value head, one for each of its channels.
std::vector<float> MeanOverSharing(const ModelConfig& config, std::span<const float> mean_abs) {
  const auto dim = static_cast<size_t>(config.head_dim);
  const auto sharing = static_cast<size_t>(config.heads / config.kv_heads);
  std::vector<float> mean(static_cast<size_t>(config.kv_size()), 0.0f);
  for (size_t i = 0; i < mean_abs.size(); ++i) {
    const size_t head = i / dim / sharing;
    mean[head * dim + i % dim] += mean_abs[i] / static_cast<float>(sharing);
  }
  return mean;
}

// The same for every column again.
std::vector<float> Spread(const ModelConfig& config, std::span<const float> shared) {
  const auto dim = static_cast<size_t>(config.head_dim);
  const auto sharing = static_cast<size_t>(config.heads / config.kv_heads);
  std::vector<float> all(static_cast<size_t>(config.query_size()));
  for (size_t i = 0; i < all.size(); ++i) all[i] = shared[i / dim / sharing * dim + i % dim];
  return all;
}

std::vector<const PackedMatrix*> MatricesOf(const Model& model, int layer, InputSlot slot) {
  std::vector<const PackedMatrix*> found;
  for (const NamedMatrix& named : model.matrices()) {
    if (named.layer == layer && SlotOf(named.role) == slot) found.push_back(&named.matrix);
  }
  return found;
}

class Awq final : public Quantizer {
 public:
  std::string_view name() const override { return "awq"; }
  int version() const override { return 1; }
  bool needs_moments() const override { return true; }
  bool Supports(const Codec& codec) const override { return HasLevels(codec); }

  Result<PackedMatrix> Quantize(const QuantizeInput& input, const Codec& codec,
                                ThreadPool& pool) const override {
    if (!Supports(codec)) {
      return Unsupported(fmt::format("method awq can not make {}", codec.name()));
    }
    CRUMB_RETURN_IF_ERROR(CheckMoments(name(), input));
    CRUMB_RETURN_IF_ERROR(DecodeFiniteWeights(*input.weights, codec, pool).status());
    const PackedMatrix* matrix = input.weights;
    CRUMB_ASSIGN_OR_RETURN(AwqScales found, SearchAwqScales({&matrix, 1}, *input.moments,
                                                            input.moments->mean_abs, codec, pool));
    std::vector<float> inverse(found.s.size());
    for (size_t c = 0; c < inverse.size(); ++c) {
      // Far enough inside float16 for both.
      inverse[c] = HalfToFloat(FloatToHalf(std::clamp(1 / found.s[c], 0x1p-12f, 0x1p12f)));
      found.s[c] = 1 / inverse[c];
    }
    const PackedMatrix scaled = ScaleColumns(*matrix, found.s);
    const SecondMoments moments = FoldMoments(*input.moments, found.s);
    QuantizeInput inner = input;
    inner.weights = &scaled;
    inner.moments = &moments;
    CRUMB_ASSIGN_OR_RETURN(PackedMatrix packed, ClipQuantizer()->Quantize(inner, codec, pool));
    return WithInputTransform(std::move(packed), {}, HalfBytes(inverse));
  }
};

}  // namespace

Result<AwqScales> SearchAwqScales(std::span<const PackedMatrix* const> matrices,
                                  const SecondMoments& moments, std::span<const float> mean_abs,
                                  const Codec& codec, ThreadPool& pool) {
  if (std::ssize(mean_abs) != moments.cols) {
    return InvalidArgument(fmt::format("{} mean activations for {} columns; calibrate again",
                                       mean_abs.size(), moments.cols));
  }
  std::vector<PackedMatrix> samples;
  for (const PackedMatrix* matrix : matrices) samples.push_back(SampleRows(*matrix));
  AwqScales best;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kAlphas; ++i) {
    const double alpha = static_cast<double>(i) / (kAlphas - 1);
    std::vector<float> s = PowerOf(mean_abs, alpha);
    const SecondMoments folded = FoldMoments(moments, s);
    double loss = 0;
    for (const PackedMatrix& sample : samples) {
      const PackedMatrix scaled = ScaleColumns(sample, s);
      CRUMB_ASSIGN_OR_RETURN(
          const PackedMatrix packed,
          ClipQuantizer()->Quantize({.weights = &scaled, .moments = &folded}, codec, pool));
      loss += MeasureOutputLoss(scaled, packed, folded, {}, pool).error;
    }
    if (loss < least) {
      least = loss;
      best = {.s = std::move(s), .alpha = alpha};
    }
  }
  if (best.s.empty()) return NumericsError("no scale of the input channels gives a finite error");
  return best;
}

Result<Folding> FoldLayerByAwq(const Model& model, int layer, const MomentsOfSlot& moments_of,
                               const Codec& codec, ThreadPool& pool) {
  const ModelConfig& config = model.config();
  Folding folding;
  for (const InputSlot slot :
       {InputSlot::kAttention, InputSlot::kOutput, InputSlot::kMlp, InputSlot::kDown}) {
    CRUMB_ASSIGN_OR_RETURN(const SecondMoments moments, moments_of(slot));
    const bool shared = slot == InputSlot::kOutput;
    const std::vector<float> mean_abs =
        shared ? Spread(config, MeanOverSharing(config, moments.mean_abs)) : moments.mean_abs;
    CRUMB_ASSIGN_OR_RETURN(AwqScales found, SearchAwqScales(MatricesOf(model, layer, slot), moments,
                                                            mean_abs, codec, pool));
    const std::vector<float> s = shared ? MeanOverSharing(config, found.s) : std::move(found.s);
    CRUMB_RETURN_IF_ERROR(AddScales(model, layer, slot, s, folding));
  }
  return folding;
}

Result<PackedMatrix> QuantizeFolded(const Folding& folding, const NamedMatrix& matrix,
                                    const SecondMoments& moments, const Codec& codec,
                                    ThreadPool& pool) {
  const PackedMatrix folded = FoldMatrix(folding, matrix, pool);
  const auto found = folding.matrices.find(matrix.name);
  const SecondMoments seen = FoldMoments(
      moments, found == folding.matrices.end() ? std::span<const float>() : found->second.columns);
  CRUMB_ASSIGN_OR_RETURN(
      PackedMatrix packed,
      ClipQuantizer()->Quantize({.weights = &folded, .moments = &seen}, codec, pool));
  if (folded.input.empty()) return packed;
  const std::span<const std::byte> scales = folded.input.scales;
  return WithInputTransform(std::move(packed), {}, {scales.begin(), scales.end()});
}

const Quantizer* AwqQuantizer() {
  static const Awq awq;
  return &awq;
}

}  // namespace crumb
