// PackedMatrix: a matrix of weights as stored bits. It is the waist of crumb: formats produce it,
// quantizers fill it, kernels multiply by it, and codecs say what its bits mean.
#ifndef CRUMB_CODECS_PACKED_MATRIX_H_
#define CRUMB_CODECS_PACKED_MATRIX_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace crumb {

class Codec;

// What happens to the activations before the weights see them: y = W R D S x, where
//   S = diag(scales)           `cols` float16 numbers, little-endian; empty: 1
//   D = diag(+1 or -1), R      a rotation (kernels/rotation.h) after random signs; bit c % 8 of
//   byte
//                              c / 8 of `signs` is 1 where column c is negated; empty: no D and no
//                              R
// Matrices that read the same activations should have the same transform: it is then done once.
struct InputTransform {
  std::span<const std::byte> signs = {};   // ceil(cols / 8) bytes
  std::span<const std::byte> scales = {};  // 2 * cols bytes

  bool empty() const { return signs.empty() && scales.empty(); }
  // Equal bytes.
  friend bool operator==(const InputTransform& a, const InputTransform& b) {
    return std::ranges::equal(a.signs, b.signs) && std::ranges::equal(a.scales, b.scales);
  }
};

// `rows` x `cols` weights; row r holds the weights that make output r (y[r] = sum_c w[r][c] x[c],
// with x after the input transform).
// The four parts are laid out as the codec's header says; a part that a codec does not use is
// empty. A PackedMatrix is a view: `owner` (a mapped file or a buffer) keeps the bytes alive.
// Copying it copies the view. Reading it from several threads is safe.
struct PackedMatrix {
  const Codec* codec = nullptr;
  int64_t rows = 0;
  int64_t cols = 0;
  std::span<const std::byte> codes = {};
  std::span<const std::byte> scales = {};
  std::span<const std::byte> zeros = {};
  std::span<const std::byte> table = {};  // codebook or other side table of the whole matrix
  InputTransform input = {};
  std::shared_ptr<const void> owner = {};
};

// Bytes of each part.
struct PartBytes {
  int64_t codes = 0;
  int64_t scales = 0;
  int64_t zeros = 0;
  int64_t table = 0;
  int64_t total() const { return codes + scales + zeros + table; }
};

}  // namespace crumb

#endif  // CRUMB_CODECS_PACKED_MATRIX_H_
