#include "quant/rtn.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "base/float16.h"
#include "codecs/float_codecs.h"
#include "quant/matrix_buffer.h"
#include "quant/weight_faults.h"

namespace crumb {
namespace {

// Levels of a codec with zero point: q = round(w / scale + zero), clamped.
void RoundWithZero(const GroupIntCodec& codec, float scale, uint8_t zero,
                   std::span<const float> weights, std::span<uint8_t, kGroupSize> levels) {
  const float top = static_cast<float>(codec.levels() - 1);
  const float zero_level = static_cast<float>(zero) * top / 255.0f;
  const auto nearest_zero = static_cast<uint8_t>(std::lrint(zero_level));
  std::ranges::fill(levels, nearest_zero);
  if (scale == 0) return;  // every level stands for 0
  for (size_t i = 0; i < weights.size(); ++i) {
    const float place = std::clamp(weights[i] / scale + zero_level, 0.0f, top);
    levels[i] = static_cast<uint8_t>(std::lrint(place));
  }
}

void RoundTernary(float scale, std::span<const float> weights,
                  std::span<uint8_t, kGroupSize> levels) {
  std::ranges::fill(levels, uint8_t{1});
  if (scale == 0) return;
  for (size_t i = 0; i < weights.size(); ++i) {
    levels[i] = static_cast<uint8_t>(std::lrint(std::clamp(weights[i] / scale, -1.0f, 1.0f)) + 1);
  }
}

void RoundSigns(std::span<const float> weights, std::span<uint8_t, kGroupSize> levels) {
  std::ranges::fill(levels, uint8_t{0});
  for (size_t i = 0; i < weights.size(); ++i) levels[i] = weights[i] >= 0 ? 1 : 0;
}

// Quantizes row r into the parts of `out`.
RowFault QuantizeRow(const GroupIntCodec& codec, std::span<const float> row, int64_t r,
                     const MatrixBuffer& out) {
  RowFault fault;
  fault.not_finite = CountNotFinite(row);
  if (fault.not_finite > 0) return fault;
  const auto cols = static_cast<int64_t>(row.size());
  const int64_t groups = (cols + kGroupSize - 1) / kGroupSize;
  uint8_t levels[kGroupSize];
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t first = g * kGroupSize;
    const auto weights = row.subspan(static_cast<size_t>(first),
                                     static_cast<size_t>(std::min(kGroupSize, cols - first)));
    const GroupScale chosen = ChooseGroupScale(codec, weights);
    if (!std::isfinite(HalfToFloat(chosen.scale))) {
      fault.overflow_column = first;
      return fault;
    }
    RoundGroup(codec, chosen, weights, levels);
    const int64_t index = r * groups + g;
    const int64_t bytes = codec.group_bytes();
    codec.PackGroup(levels, {out.codes() + index * bytes, static_cast<size_t>(bytes)});
    std::memcpy(out.scales() + index * 2, &chosen.scale, 2);
    if (codec.has_zero_point()) out.zeros()[index] = static_cast<std::byte>(chosen.zero);
  }
  return fault;
}

// Casts row r to the float codec of `out`.
RowFault CastRow(const Codec& codec, std::span<const float> row, int64_t r,
                 const MatrixBuffer& out) {
  RowFault fault;
  fault.not_finite = CountNotFinite(row);
  if (fault.not_finite > 0) return fault;
  const auto cols = static_cast<int64_t>(row.size());
  if (&codec == Float32Codec()) {
    std::memcpy(out.codes() + r * cols * 4, row.data(), row.size_bytes());
    return fault;
  }
  const bool half = &codec == Float16Codec();
  const uint16_t infinite = half ? 0x7c00 : 0x7f80;
  for (int64_t c = 0; c < cols; ++c) {
    const float w = row[static_cast<size_t>(c)];
    const uint16_t bits = half ? FloatToHalf(w) : FloatToBfloat16(w);
    if ((bits & 0x7fff) == infinite && fault.overflow_column < 0) fault.overflow_column = c;
    std::memcpy(out.codes() + (r * cols + c) * 2, &bits, 2);
  }
  return fault;
}

class Rtn final : public Quantizer {
 public:
  std::string_view name() const override { return "rtn"; }
  int version() const override { return 1; }
  bool Supports(const Codec& codec) const override {
    return AsGroupInt(&codec) != nullptr || IsFloat(&codec);
  }

  Result<PackedMatrix> Quantize(const QuantizeInput& input, const Codec& codec,
                                ThreadPool& pool) const override {
    if (!Supports(codec)) {
      return Unsupported(fmt::format("method rtn can not make {}", codec.name()));
    }
    const PackedMatrix& weights = *input.weights;
    const GroupIntCodec* group = AsGroupInt(&codec);
    MatrixBuffer out(codec, weights.rows, weights.cols);
    std::vector<RowFault> faults(static_cast<size_t>(weights.rows));
    pool.ParallelFor(weights.rows, 1, [&](int64_t begin, int64_t end, int) {
      std::vector<float> row(static_cast<size_t>(weights.cols));
      for (int64_t r = begin; r < end; ++r) {
        weights.codec->DecodeRow(weights, r, row);
        faults[static_cast<size_t>(r)] =
            group != nullptr ? QuantizeRow(*group, row, r, out) : CastRow(codec, row, r, out);
      }
    });
    CRUMB_RETURN_IF_ERROR(FaultStatus(weights, codec, faults));
    return std::move(out).Take();
  }
};

}  // namespace

GroupScale ChooseGroupScale(const GroupIntCodec& codec, std::span<const float> weights) {
  GroupScale chosen;
  if (!codec.has_zero_point()) {
    double sum = 0;
    for (const float w : weights) sum += std::fabs(w);
    chosen.scale = FloatToHalf(static_cast<float>(sum / static_cast<double>(weights.size())));
    return chosen;
  }
  // Zero lies inside the range, because the stored byte can place it nowhere else. In double: the
  // difference of two float32 may overflow.
  double lo = 0;
  double hi = 0;
  for (const float w : weights) {
    lo = std::min(lo, static_cast<double>(w));
    hi = std::max(hi, static_cast<double>(w));
  }
  if (hi == lo) return chosen;  // all zero
  chosen.scale = FloatToHalf(static_cast<float>((hi - lo) / (codec.levels() - 1)));
  chosen.zero = static_cast<uint8_t>(std::lrint(255.0 * -lo / (hi - lo)));
  return chosen;
}

void RoundGroup(const GroupIntCodec& codec, GroupScale chosen, std::span<const float> weights,
                std::span<uint8_t, kGroupSize> levels) {
  const float scale = HalfToFloat(chosen.scale);
  if (codec.has_zero_point()) {
    RoundWithZero(codec, scale, chosen.zero, weights, levels);
  } else if (codec.levels() == 3) {
    RoundTernary(scale, weights, levels);
  } else {
    RoundSigns(weights, levels);
  }
}

const Quantizer* RtnQuantizer() {
  static const Rtn rtn;
  return &rtn;
}

}  // namespace crumb
