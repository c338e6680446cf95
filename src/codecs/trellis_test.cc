#include "codecs/trellis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/float16.h"
#include "base/rng.h"

namespace crumb {
namespace {

const TrellisCodec* Get(int bits) {
  const TrellisCodec* const codecs[] = {Trellis1Codec(), Trellis2Codec(), Trellis3Codec(),
                                        Trellis4Codec()};
  return codecs[bits - 1];
}

// A matrix of random codes, and the bits it was made of: bits[p][r][c].
struct Random {
  std::vector<std::vector<std::vector<uint8_t>>> bits;
  std::vector<std::byte> codes, scales, table;
  PackedMatrix matrix;

  uint8_t Bit(int plane, int64_t r, int64_t c) const {
    return r < 0 ? 0
                 : bits[static_cast<size_t>(plane)][static_cast<size_t>(r)][static_cast<size_t>(c)];
  }
};

Random MakeRandom(const TrellisCodec& codec, int64_t rows, int64_t cols, uint64_t seed) {
  Rng rng(seed);
  Random made;
  const PartBytes sizes = codec.SizeOf(rows, cols);
  made.codes.resize(static_cast<size_t>(sizes.codes));
  made.scales.resize(static_cast<size_t>(sizes.scales));
  const int64_t groups = (cols + 63) / 64;
  made.bits.assign(static_cast<size_t>(codec.bits()), {});
  for (int p = 0; p < codec.bits(); ++p) {
    auto& plane = made.bits[static_cast<size_t>(p)];
    plane.assign(static_cast<size_t>(rows), std::vector<uint8_t>(static_cast<size_t>(cols)));
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < cols; ++c) {
        const auto bit = static_cast<uint8_t>(rng.Below(2));
        plane[static_cast<size_t>(r)][static_cast<size_t>(c)] = bit;
        const int64_t word = (r * groups + c / 64) * codec.bits() + p;
        made.codes[static_cast<size_t>(8 * word + c % 64 / 8)] |=
            static_cast<std::byte>(bit << (c % 8));
      }
    }
  }
  for (size_t i = 0; i < made.scales.size(); i += 2) {
    const uint16_t half = FloatToHalf(static_cast<float>(0.1 + rng.Uniform()));
    std::memcpy(made.scales.data() + i, &half, 2);
  }
  const auto table = std::as_bytes(codec.default_tables());
  made.table.assign(table.begin(), table.end());
  made.matrix = {.codec = &codec, .rows = rows, .cols = cols};
  made.matrix.codes = made.codes;
  made.matrix.scales = made.scales;
  made.matrix.table = made.table;
  return made;
}

class TrellisEach : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Bits, TrellisEach, testing::Values(1, 2, 3, 4));

TEST_P(TrellisEach, DecodedRowIsTheFormulaOfTheHeaderAtAnyRowAlone) {
  const TrellisCodec& codec = *Get(GetParam());
  const int m = codec.window_bits();
  const Random made = MakeRandom(codec, 23, 100, 1);
  ASSERT_TRUE(codec.Validate(made.matrix).ok());
  std::vector<float> row(100);
  for (int64_t r = 22; r >= 0; --r) {
    codec.DecodeRow(made.matrix, r, row);
    uint16_t half;
    std::memcpy(&half, made.scales.data() + 2 * r, 2);
    for (int64_t c = 0; c < 100; ++c) {
      int sum = 0;
      for (int t = 0; t < codec.tables(); ++t) {
        int window = 0;
        for (int j = 0; j < m; ++j) {
          const int bit = codec.bits() == 1 ? made.Bit(0, r - t - 2 * j, c) : made.Bit(t, r - j, c);
          window += bit << j;
        }
        sum += codec.default_tables()[static_cast<size_t>(64 * t + window)];
      }
      ASSERT_EQ(row[static_cast<size_t>(c)], HalfToFloat(half) * static_cast<float>(sum - 128))
          << "row " << r << " column " << c;
    }
  }
}

TEST_P(TrellisEach, RowsBeyondTheHistoryDoNotMatter) {
  const TrellisCodec& codec = *Get(GetParam());
  const int64_t rows = 40;
  const int64_t history = codec.history_rows();
  const Random made = MakeRandom(codec, rows, 64, 2);
  std::vector<float> whole(64), changed(64);
  codec.DecodeRow(made.matrix, rows - 1, whole);
  Random other = MakeRandom(codec, rows, 64, 2);
  const auto row_bytes = static_cast<int64_t>(other.codes.size()) / rows;
  std::fill_n(other.codes.begin(), (rows - 1 - history) * row_bytes, std::byte{0xff});
  codec.DecodeRow(other.matrix, rows - 1, changed);
  EXPECT_EQ(whole, changed);
  std::fill_n(other.codes.begin(), (rows - history) * row_bytes, std::byte{0x5a});
  codec.DecodeRow(other.matrix, rows - 1, changed);
  EXPECT_NE(whole, changed);  // the oldest row of the history does
}

TEST_P(TrellisEach, TablesRepeatTheirWindowsAndNeverLeaveAByte) {
  const TrellisCodec& codec = *Get(GetParam());
  const auto tables = codec.default_tables();
  ASSERT_EQ(tables.size(), static_cast<size_t>(64 * codec.tables()));
  int highest = 0;
  int lowest = 0;
  double mean = 0;
  for (int t = 0; t < codec.tables(); ++t) {
    const auto table = tables.subspan(static_cast<size_t>(64 * t), 64);
    highest += *std::ranges::max_element(table);
    lowest += *std::ranges::min_element(table);
    for (size_t i = 0; i < 64; ++i) {
      EXPECT_EQ(table[i], table[i % (size_t{1} << codec.window_bits())]);
      mean += table[i] / 64.0;
    }
  }
  EXPECT_LE(highest, 255);
  // Both signs reach as far as Gaussian weights need, and zero lies in the middle.
  EXPECT_LT(lowest - 128, -2 * codec.sigma_in_steps());
  EXPECT_GT(highest - 128, 2 * codec.sigma_in_steps());
  EXPECT_NEAR(mean, 128, 0.25 * codec.sigma_in_steps());
}

TEST_P(TrellisEach, SizesCountPlanesScalesAndTables) {
  const TrellisCodec& codec = *Get(GetParam());
  const PartBytes sizes = codec.SizeOf(100, 130);  // 3 words a row and plane
  EXPECT_EQ(sizes.codes, 100 * 3 * 8 * codec.bits());
  EXPECT_EQ(sizes.scales, 200);
  EXPECT_EQ(sizes.zeros, 0);
  EXPECT_EQ(sizes.table, 64 * codec.tables());
  EXPECT_EQ(codec.code_bits(), codec.bits());
  EXPECT_EQ(FindCodec(codec.name()), &codec);
  EXPECT_EQ(AsTrellis(FindCodec(codec.name())), &codec);
}

TEST_P(TrellisEach, DamagedPartsAreRefused) {
  const TrellisCodec& codec = *Get(GetParam());
  Random made = MakeRandom(codec, 5, 70, 3);
  PackedMatrix shorter = made.matrix;
  shorter.table = shorter.table.first(shorter.table.size() - 1);
  EXPECT_EQ(codec.Validate(shorter).code(), StatusCode::kCorrupt);

  const uint16_t infinite = 0x7c00;
  std::memcpy(made.scales.data() + 6, &infinite, 2);
  const Status bad_scale = codec.Validate(made.matrix);
  EXPECT_EQ(bad_scale.code(), StatusCode::kNumerics);
  EXPECT_THAT(bad_scale.message(), testing::HasSubstr("row 3"));
  std::memset(made.scales.data() + 6, 0, 2);
  ASSERT_TRUE(codec.Validate(made.matrix).ok());

  std::ranges::fill(made.table, std::byte{200});
  EXPECT_EQ(codec.Validate(made.matrix).code(), StatusCode::kCorrupt);
  std::ranges::fill(made.table, std::byte{20});
  ASSERT_TRUE(codec.Validate(made.matrix).ok());
  if (codec.window_bits() < 6) {
    made.table[63] = std::byte{21};
    const Status no_repeat = codec.Validate(made.matrix);
    EXPECT_EQ(no_repeat.code(), StatusCode::kCorrupt);
    EXPECT_THAT(no_repeat.message(), testing::HasSubstr("entry 63 of table 0"));
  }
}

// 3-bit files were once made with windows of four bits, their tables repeated every 16 entries.
TEST(Trellis, ThreeBitTablesOfFourBitWindowsMeanWhatTheyMeant) {
  constexpr int64_t kRows = 30, kCols = 64;
  Random made = MakeRandom(*Trellis3Codec(), kRows, kCols, 4);
  Rng rng(5);
  for (size_t i = 0; i < made.table.size(); ++i) {
    made.table[i] =
        i % 64 < 16 ? static_cast<std::byte>(rng.Below(80)) : made.table[i - i % 64 + i % 16];
  }
  made.matrix.table = made.table;
  ASSERT_TRUE(Trellis3Codec()->Validate(made.matrix).ok());
  std::vector<float> row(kCols);
  for (int64_t r = 0; r < kRows; ++r) {
    Trellis3Codec()->DecodeRow(made.matrix, r, row);
    uint16_t half;
    std::memcpy(&half, made.scales.data() + 2 * r, 2);
    for (int64_t c = 0; c < kCols; ++c) {
      int sum = 0;
      for (int t = 0; t < 3; ++t) {
        size_t window = 0;
        for (int j = 0; j < 4; ++j) window += size_t{made.Bit(t, r - j, c)} << j;
        sum += std::to_integer<int>(made.table[static_cast<size_t>(64 * t) + window]);
      }
      ASSERT_EQ(row[static_cast<size_t>(c)], HalfToFloat(half) * static_cast<float>(sum - 128))
          << "row " << r << " column " << c;
    }
  }
}

TEST(Trellis, OtherCodecsAreNotTrellises) {
  EXPECT_EQ(AsTrellis(FindCodec("int4-g64")), nullptr);
  EXPECT_EQ(AsTrellis(nullptr), nullptr);
}

TEST(ValidateMatrix, ChecksTheInputTransform) {
  Random made = MakeRandom(*Trellis2Codec(), 4, 70, 5);
  std::vector<std::byte> signs(9);
  std::vector<std::byte> scales(140);
  made.matrix.input = {.signs = signs, .scales = scales};
  ASSERT_TRUE(ValidateMatrix(made.matrix).ok());
  EXPECT_EQ(StoredBytes(made.matrix), 4 * 2 * 2 * 8 + 4 * 2 + 128 + 9 + 140);
  EXPECT_EQ(BitsPerWeight(made.matrix), 8.0 * static_cast<double>(StoredBytes(made.matrix)) / 280);

  made.matrix.input.signs = std::span(signs).first(8);
  EXPECT_EQ(ValidateMatrix(made.matrix).code(), StatusCode::kCorrupt);
  made.matrix.input = {.signs = signs, .scales = std::span(scales).first(139)};
  EXPECT_EQ(ValidateMatrix(made.matrix).code(), StatusCode::kCorrupt);
  made.matrix.input.scales = scales;
  scales[2 * 17 + 1] = std::byte{0x7e};
  const Status bad = ValidateMatrix(made.matrix);
  EXPECT_EQ(bad.code(), StatusCode::kNumerics);
  EXPECT_THAT(bad.message(), testing::HasSubstr("input 17"));
}

}  // namespace
}  // namespace crumb
