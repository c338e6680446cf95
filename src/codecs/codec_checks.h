// Checks that all codecs share: sizes of untrusted matrices and a fast search for NaN and Inf.
#ifndef CRUMB_CODECS_CODEC_CHECKS_H_
#define CRUMB_CODECS_CODEC_CHECKS_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/status.h"
#include "codecs/packed_matrix.h"

namespace crumb {

// kCorrupt when rows or cols are negative or so large that a byte count could overflow, and when a
// part does not have the size that matrix.codec->SizeOf asks for.
Status CheckPartSizes(const PackedMatrix& matrix);

// kCorrupt when a part of the transform has neither the size for `cols` columns nor none,
// kNumerics when a scale is NaN or Inf. (Whether there is a rotation of that width is a question
// for kernels/rotation.h.)
Status CheckInputTransform(const InputTransform& transform, int64_t cols);

// Index of the first NaN or Inf among little-endian numbers, -1 when all are finite. Reads 16 or 32
// bit words with the exponent mask `kHalfExponent`, ...; about as fast as memory.
inline constexpr uint16_t kHalfExponent = 0x7c00;
inline constexpr uint16_t kBfloat16Exponent = 0x7f80;
int64_t FirstNonFinite16(std::span<const std::byte> words, uint16_t exponent_mask);
int64_t FirstNonFinite32(std::span<const std::byte> words);

}  // namespace crumb

#endif  // CRUMB_CODECS_CODEC_CHECKS_H_
