// "binary-row": one bit a weight and one float16 scale a row,
//   w(r, c) = scale_r * (2 q - 1),  q in {0, 1}.
// Scales of columns, where a method wants them, are the matrix's input transform
// (codecs/packed_matrix.h).
//
// Parts (G = ceil(cols / 64) words a row):
//   codes:  rows * G words of 64 bits, little-endian; bit i of word g of a row is column 64 g + i;
//           bits behind the last column are zero
//   scales: rows float16        zeros, table: none
#ifndef CRUMB_CODECS_BINARY_ROW_H_
#define CRUMB_CODECS_BINARY_ROW_H_

#include "codecs/codec.h"

namespace crumb {

const Codec* BinaryRowCodec();

// Packs a row of levels (0 or 1) into its words; `out` has 8 ceil(levels.size() / 64) bytes.
void PackBinaryRow(std::span<const uint8_t> levels, std::span<std::byte> out);

}  // namespace crumb

#endif  // CRUMB_CODECS_BINARY_ROW_H_
