// For tests: whether a form in tiles holds the weights of its original.
#ifndef CRUMB_CODECS_TESTING_TILED_H_
#define CRUMB_CODECS_TESTING_TILED_H_

#include <gtest/gtest.h>

#include <vector>

#include "codecs/tiled_codec.h"

namespace crumb {

inline void ExpectTheSameWeights(const TiledCodec* tiled, const PackedMatrix& matrix) {
  ASSERT_NE(tiled, nullptr);
  const PartBytes size = tiled->SizeOf(matrix.rows, matrix.cols);
  // What Tile does not write would decode to something else.
  std::vector<std::byte> turned(static_cast<size_t>(size.codes), std::byte{0xff});
  tiled->Tile(matrix, turned);
  PackedMatrix other = matrix;
  other.codec = tiled;
  other.codes = turned;
  if (size.scales == 0) other.scales = {};
  if (size.zeros == 0) other.zeros = {};
  ASSERT_TRUE(ValidateMatrix(other).ok()) << tiled->name();
  EXPECT_EQ(StoredBytes(other), StoredBytes(matrix));
  std::vector<float> expected(static_cast<size_t>(matrix.cols)), found(expected);
  for (int64_t r = 0; r < matrix.rows; ++r) {
    matrix.codec->DecodeRow(matrix, r, expected);
    tiled->DecodeRow(other, r, found);
    ASSERT_EQ(expected, found) << tiled->name() << " " << matrix.rows << "x" << matrix.cols
                               << " row " << r;
  }
}

}  // namespace crumb

#endif  // CRUMB_CODECS_TESTING_TILED_H_
