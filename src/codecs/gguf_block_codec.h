// The block formats of GGUF (ggml's "quants"): a row is a run of blocks, each a fixed number of
// weights with its scales inside. Read only: crumb decodes them and never writes them.
//
// codes: rows * cols / kWeights blocks, row after row; no other part. cols is a multiple of
// kWeights. Layouts as in the ggml project (ggml-common.h); each .cc file repeats the ones it
// decodes. Numbers are little-endian, d and m are float16, arithmetic is in float32 in the order
// written there.
#ifndef CRUMB_CODECS_GGUF_BLOCK_CODEC_H_
#define CRUMB_CODECS_GGUF_BLOCK_CODEC_H_

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/float16.h"
#include "codecs/codec.h"
#include "codecs/codec_checks.h"

namespace crumb {

// A float16 inside a block.
inline float HalfAt(const uint8_t* bytes) {
  uint16_t half;
  std::memcpy(&half, bytes, sizeof(half));
  return HalfToFloat(half);
}
inline bool IsFiniteHalf(const uint8_t* bytes) {
  uint16_t half;
  std::memcpy(&half, bytes, sizeof(half));
  return (half & kHalfExponent) != kHalfExponent;
}

// `Block` has kName, kWeights, kBytes, kCodeBits, Finite (whether its scales are finite) and Decode
// (kBytes in, kWeights out).
template <typename Block>
class GgufBlockCodec final : public Codec {
 public:
  static const Codec* Get() {
    static const GgufBlockCodec codec;
    return &codec;
  }

  std::string_view name() const override { return Block::kName; }
  double code_bits() const override { return Block::kCodeBits; }
  PartBytes SizeOf(int64_t rows, int64_t cols) const override {
    return {.codes = rows * Blocks(cols) * Block::kBytes};
  }

  Status Validate(const PackedMatrix& matrix) const override {
    CRUMB_RETURN_IF_ERROR(CheckPartSizes(matrix));
    if (matrix.cols % Block::kWeights != 0) {
      return Corrupt(
          fmt::format("rows of {} weights do not split into {} blocks of {}; get the file again",
                      matrix.cols, Block::kName, Block::kWeights));
    }
    const uint8_t* blocks = Bytes(matrix);
    const int64_t n = matrix.rows * Blocks(matrix.cols);
    for (int64_t b = 0; b < n; ++b) {
      if (Block::Finite(blocks + b * Block::kBytes)) continue;
      return NumericsError(fmt::format(
          "codes: a scale of row {} block {} (byte {} of the tensor) is NaN or Inf; the file is "
          "damaged, get it again",
          b / Blocks(matrix.cols), b % Blocks(matrix.cols), b * Block::kBytes));
    }
    return OkStatus();
  }

  void DecodeRow(const PackedMatrix& matrix, int64_t row, std::span<float> out) const override {
    const int64_t blocks = Blocks(matrix.cols);
    const uint8_t* in = Bytes(matrix) + row * blocks * Block::kBytes;
    for (int64_t b = 0; b < blocks; ++b) {
      Block::Decode(in + b * Block::kBytes, out.data() + b * Block::kWeights);
    }
  }

 private:
  static int64_t Blocks(int64_t cols) { return (cols + Block::kWeights - 1) / Block::kWeights; }
  static const uint8_t* Bytes(const PackedMatrix& matrix) {
    return reinterpret_cast<const uint8_t*>(matrix.codes.data());
  }
};

}  // namespace crumb

#endif  // CRUMB_CODECS_GGUF_BLOCK_CODEC_H_
