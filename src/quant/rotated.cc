#include "quant/rotated.h"

#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <utility>

#include "base/float16.h"
#include "base/rng.h"
#include "codecs/binary_row.h"
#include "codecs/float_codecs.h"
#include "kernels/rotation.h"
#include "quant/clip.h"
#include "quant/ldlq.h"
#include "quant/weight_faults.h"

namespace crumb {
namespace {

class Rotated final : public Quantizer {
 public:
  std::string_view name() const override { return "rotated"; }
  int version() const override { return 1; }
  bool needs_moments() const override { return true; }
  bool Supports(const Codec& codec) const override { return HasLevels(codec); }
  // One scale a row is enough for one bit: rotated weights differ little from group to group.
  const Codec* CodecForWidth(std::string_view width) const override {
    return width == "1" ? BinaryRowCodec() : Quantizer::CodecForWidth(width);
  }

  Result<PackedMatrix> Quantize(const QuantizeInput& input, const Codec& codec,
                                ThreadPool& pool) const override {
    const PackedMatrix& weights = *input.weights;
    if (!Supports(codec) || !RotationSupports(weights.cols)) {
      return LdlqQuantize(name(), input, codec, pool);
    }
    CRUMB_RETURN_IF_ERROR(CheckMoments(name(), input));
    CRUMB_ASSIGN_OR_RETURN(std::vector<float> values, DecodeFiniteWeights(weights, codec, pool));
    std::vector<std::byte> signs = RandomSigns(weights.cols, input.seed);
    RotateRows(signs, weights.cols, values, pool);
    const PackedMatrix rotated = PackFloats(Float32Codec(), weights.rows, weights.cols, values);
    const SecondMoments moments = RotateMoments(*input.moments, signs, pool);
    QuantizeInput inner = input;
    inner.weights = &rotated;
    inner.moments = &moments;
    CRUMB_ASSIGN_OR_RETURN(PackedMatrix packed, LdlqQuantize(name(), inner, codec, pool));
    return WithInputTransform(std::move(packed), std::move(signs), {});
  }
};

}  // namespace

std::vector<std::byte> RandomSigns(int64_t cols, uint64_t seed) {
  std::vector<std::byte> signs(static_cast<size_t>((cols + 7) / 8));
  Rng rng(seed);
  for (std::byte& eight : signs) eight = static_cast<std::byte>(rng.Next() >> 56);
  if (cols % 8 != 0) signs.back() &= static_cast<std::byte>((1 << (cols % 8)) - 1);
  return signs;
}

void RotateRows(std::span<const std::byte> signs, int64_t cols, std::span<float> rows,
                ThreadPool& pool) {
  const auto n = static_cast<size_t>(cols);
  const InputTransform transform{.signs = signs};
  pool.ParallelFor(static_cast<int64_t>(rows.size() / n), 1, [&](int64_t begin, int64_t end, int) {
    std::vector<float> scratch(n);
    for (int64_t r = begin; r < end; ++r) {
      ApplyInputTransform(transform, rows.subspan(static_cast<size_t>(r) * n, n), scratch);
    }
  });
}

SecondMoments RotateMoments(const SecondMoments& moments, std::span<const std::byte> signs,
                            ThreadPool& pool) {
  const auto n = static_cast<size_t>(moments.cols);
  SecondMoments out = moments;
  out.mean_abs.clear();
  if (out.mean.size() == n) RotateRows(signs, moments.cols, out.mean, pool);
  // Rows, then (turned over) columns.
  RotateRows(signs, moments.cols, out.hessian, pool);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < i; ++j) std::swap(out.hessian[i * n + j], out.hessian[j * n + i]);
  }
  RotateRows(signs, moments.cols, out.hessian, pool);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < i; ++j) {
      const float both = 0.5f * (out.hessian[i * n + j] + out.hessian[j * n + i]);
      out.hessian[i * n + j] = both;
      out.hessian[j * n + i] = both;
    }
  }
  return out;
}

std::vector<std::byte> HalfBytes(std::span<const float> values) {
  std::vector<std::byte> bytes(2 * values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t half = FloatToHalf(values[i]);
    std::memcpy(bytes.data() + 2 * i, &half, 2);
  }
  return bytes;
}

PackedMatrix WithInputTransform(PackedMatrix matrix, std::vector<std::byte> signs,
                                std::vector<std::byte> scales) {
  struct Parts {
    std::vector<std::byte> signs;
    std::vector<std::byte> scales;
    std::shared_ptr<const void> owner;
  };
  const auto parts =
      std::make_shared<Parts>(Parts{std::move(signs), std::move(scales), std::move(matrix.owner)});
  matrix.input = {.signs = parts->signs, .scales = parts->scales};
  matrix.owner = parts;
  return matrix;
}

const Quantizer* RotatedQuantizer() {
  static const Rotated rotated;
  return &rotated;
}

}  // namespace crumb
