#include "codecs/codec_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "codecs/codec.h"

namespace crumb {
namespace {

// A word is NaN or Inf when all its exponent bits are set. The inner loop has no branch, so that
// the compiler can use vectors; only a block with a hit is read again.
template <typename Word>
int64_t FirstNonFinite(std::span<const std::byte> words, Word exponent_mask) {
  constexpr int64_t kBlock = 2048;
  const auto n = static_cast<int64_t>(words.size() / sizeof(Word));
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t end = std::min(n, begin + kBlock);
    Word hits = 0;
    for (int64_t i = begin; i < end; ++i) {
      Word word;
      std::memcpy(&word, words.data() + static_cast<size_t>(i) * sizeof(Word), sizeof(Word));
      hits = static_cast<Word>(hits | ((word & exponent_mask) == exponent_mask ? 1 : 0));
    }
    if (hits == 0) continue;
    for (int64_t i = begin; i < end; ++i) {
      Word word;
      std::memcpy(&word, words.data() + static_cast<size_t>(i) * sizeof(Word), sizeof(Word));
      if ((word & exponent_mask) == exponent_mask) return i;
    }
  }
  return -1;
}

Status CheckPart(std::string_view part, size_t size, int64_t expected, const PackedMatrix& matrix) {
  if (static_cast<int64_t>(size) == expected) return OkStatus();
  return Corrupt(fmt::format("{} has {} bytes, {} of {} x {} needs {}; get the file again", part,
                             size, matrix.codec->name(), matrix.rows, matrix.cols, expected));
}

}  // namespace

int64_t FirstNonFinite16(std::span<const std::byte> words, uint16_t exponent_mask) {
  return FirstNonFinite<uint16_t>(words, exponent_mask);
}

int64_t FirstNonFinite32(std::span<const std::byte> words) {
  return FirstNonFinite<uint32_t>(words, 0x7f800000u);
}

Status CheckPartSizes(const PackedMatrix& matrix) {
  // No codec stores more than 8 bytes for a weight or pads a row by more than 256 weights.
  constexpr int64_t kMostWeights = int64_t{1} << 56;
  int64_t padded = 0;
  int64_t weights = 0;
  if (matrix.rows < 0 || matrix.cols < 0 ||
      __builtin_add_overflow(matrix.cols, int64_t{256}, &padded) ||
      __builtin_mul_overflow(matrix.rows, padded, &weights) || weights > kMostWeights) {
    return Corrupt(fmt::format("a matrix of {} x {} can not be; get the file again", matrix.rows,
                               matrix.cols));
  }
  const PartBytes sizes = matrix.codec->SizeOf(matrix.rows, matrix.cols);
  CRUMB_RETURN_IF_ERROR(CheckPart("codes", matrix.codes.size(), sizes.codes, matrix));
  CRUMB_RETURN_IF_ERROR(CheckPart("scales", matrix.scales.size(), sizes.scales, matrix));
  CRUMB_RETURN_IF_ERROR(CheckPart("zeros", matrix.zeros.size(), sizes.zeros, matrix));
  return CheckPart("table", matrix.table.size(), sizes.table, matrix);
}

Status CheckInputTransform(const InputTransform& transform, int64_t cols) {
  const auto signs = static_cast<int64_t>(transform.signs.size());
  const auto scales = static_cast<int64_t>(transform.scales.size());
  if (signs != 0 && signs != cols / 8 + (cols % 8 != 0 ? 1 : 0)) {
    return Corrupt(
        fmt::format("signs of the inputs have {} bytes, {} columns need {}; get the file "
                    "again",
                    signs, cols, cols / 8 + (cols % 8 != 0 ? 1 : 0)));
  }
  if (scales != 0 && (scales % 2 != 0 || scales / 2 != cols)) {
    return Corrupt(
        fmt::format("scales of the inputs have {} bytes, {} columns need {}; get the "
                    "file again",
                    scales, cols, 2 * cols));
  }
  const int64_t bad = FirstNonFinite16(transform.scales, kHalfExponent);
  if (bad < 0) return OkStatus();
  return NumericsError(
      fmt::format("scale of input {} is NaN or Inf; the file is damaged, get it again", bad));
}

}  // namespace crumb
