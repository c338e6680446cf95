#include "codecs/binary_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/float16.h"
#include "base/rng.h"

namespace crumb {
namespace {

struct Owned {
  std::vector<std::byte> codes, scales;
  std::vector<uint8_t> levels;
  PackedMatrix matrix;
};

Owned Make(int64_t rows, int64_t cols) {
  Owned owned;
  const PartBytes sizes = BinaryRowCodec()->SizeOf(rows, cols);
  owned.codes.resize(static_cast<size_t>(sizes.codes));
  owned.scales.resize(static_cast<size_t>(sizes.scales));
  Rng rng(3);
  for (int64_t i = 0; i < rows * cols; ++i) {
    owned.levels.push_back(static_cast<uint8_t>(rng.Next() & 1));
  }
  const auto row_bytes = static_cast<size_t>((cols + 63) / 64 * 8);
  for (size_t r = 0; r < static_cast<size_t>(rows); ++r) {
    const auto n = static_cast<size_t>(cols);
    PackBinaryRow(std::span(owned.levels).subspan(r * n, n),
                  std::span(owned.codes).subspan(r * row_bytes, row_bytes));
    const uint16_t half = FloatToHalf(0.25f * static_cast<float>(r + 1));
    std::memcpy(owned.scales.data() + 2 * r, &half, 2);
  }
  owned.matrix = {.codec = BinaryRowCodec(), .rows = rows, .cols = cols};
  owned.matrix.codes = owned.codes;
  owned.matrix.scales = owned.scales;
  return owned;
}

TEST(BinaryRow, EveryWeightIsItsSignTimesTheScaleOfItsRow) {
  for (const int64_t cols : {1, 63, 64, 65, 200}) {
    const Owned owned = Make(3, cols);
    ASSERT_TRUE(BinaryRowCodec()->Validate(owned.matrix).ok());
    std::vector<float> out(static_cast<size_t>(cols));
    for (int64_t r = 0; r < 3; ++r) {
      BinaryRowCodec()->DecodeRow(owned.matrix, r, out);
      for (size_t c = 0; c < out.size(); ++c) {
        const float scale = 0.25f * static_cast<float>(r + 1);
        const uint8_t level = owned.levels[static_cast<size_t>(r * cols) + c];
        ASSERT_EQ(out[c], level == 1 ? scale : -scale) << r << " " << c;
      }
    }
  }
}

TEST(BinaryRow, BitsBehindTheLastColumnAreZero) {
  const Owned owned = Make(1, 65);
  for (size_t i = 9; i < 16; ++i) EXPECT_EQ(owned.codes[i], std::byte{0});
  EXPECT_EQ(std::to_integer<int>(owned.codes[8]) & 0xfe, 0);
}

TEST(BinaryRow, BitsPerWeightAreOneAndTheRowsScale) {
  EXPECT_EQ(BitsPerWeight({.codec = FindCodec("binary-row"), .rows = 7, .cols = 128}), 1.125);
}

TEST(BinaryRow, WrongSizesAndInfiniteScalesAreNamed) {
  Owned owned = Make(3, 100);
  PackedMatrix matrix = owned.matrix;
  matrix.codes = matrix.codes.first(matrix.codes.size() - 1);
  EXPECT_EQ(BinaryRowCodec()->Validate(matrix).code(), StatusCode::kCorrupt);
  const uint16_t infinite = 0x7c00;
  std::memcpy(owned.scales.data() + 4, &infinite, 2);
  const Status status = BinaryRowCodec()->Validate(owned.matrix);
  EXPECT_EQ(status.code(), StatusCode::kNumerics);
  EXPECT_THAT(status.message(), testing::HasSubstr("row 2 (byte 4"));
}

}  // namespace
}  // namespace crumb
