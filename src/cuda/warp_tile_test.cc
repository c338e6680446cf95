// The arithmetic of the GPU's kernels, lane by lane on the CPU (testing_warp.h).
#include "cuda/warp_tile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rng.h"
#include "codecs/binary_row.h"
#include "cuda/testing_product.h"
#include "cuda/testing_warp.h"
#include "kernels/kernel_set.h"
#include "kernels/testing_matrices.h"

namespace crumb {
namespace {

std::vector<const Codec*> TestedCodecs() {
  std::vector<const Codec*> codecs = {Float16Codec(), BinaryRowCodec()};
  for (const Codec* codec : AllCodecs()) {
    if (AsGroupInt(codec) != nullptr || AsTrellis(codec) != nullptr) codecs.push_back(codec);
  }
  return codecs;
}

PackedMatrix TestedMatrix(const Codec* codec, int64_t rows, int64_t cols, Rng& rng) {
  return codec == Float16Codec() ? RandomWeights(codec, rows, cols, rng)
                                 : RandomMatrix(codec, rows, cols, rng);
}

struct Shape {
  int64_t rows, cols, batch;
};

// One row, one column; rows around the 32, 64, 80 and 128 of tiles; batches around 8.
constexpr Shape kShapes[] = {{1, 1, 1},    {1, 64, 1},   {3, 63, 2},    {31, 65, 3},  {33, 200, 4},
                             {65, 130, 8}, {81, 576, 1}, {129, 100, 9}, {257, 70, 1}, {7, 300, 17}};

void CheckProduct(const Codec* codec, const Shape& shape, ActivationType type, LaneFloats floats,
                  WarpShares shares) {
  Rng rng(static_cast<uint64_t>(shape.rows * 1000 + shape.cols));
  ThreadPool pool(1);
  const PackedMatrix w = TestedMatrix(codec, shape.rows, shape.cols, rng);
  const std::vector<float> rows = RandomRows(shape.batch, shape.cols, rng);
  Activations x;
  x.Set(rows.data(), shape.batch, shape.cols, shape.cols, type, pool);
  const bool use_codes = x.int8() && codec != Float16Codec();
  const auto matrix = MakeLaneMatrix(w);
  ASSERT_TRUE(matrix.ok()) << matrix.status().message();
  const std::vector<float> y =
      SimulatedProduct(*matrix, MakeLaneRows(x, use_codes, floats), shares);
  const ExpectedProducts expected(w, x, use_codes, floats);
  for (int64_t r = 0; r < shape.rows; ++r) {
    const std::vector<ExpectedProduct> row = expected.Row(r);
    for (int64_t b = 0; b < shape.batch; ++b) {
      ASSERT_NEAR(y[Index(b * shape.rows + r)], row[Index(b)].value, row[Index(b)].bound)
          << codec->name() << " row " << r << " of " << shape.rows << " x " << shape.cols
          << ", batch " << b << " of " << shape.batch;
    }
  }
}

TEST(WarpTile, Int8ProductsAreWithinRoundingOfFloat64) {
  for (const Codec* codec : TestedCodecs()) {
    if (codec == Float16Codec()) continue;
    for (const Shape& shape : kShapes) {
      CheckProduct(codec, shape, ActivationType::kInt8, LaneFloats::kFloat16, {1, 1});
    }
    CheckProduct(codec, {33, 200, 3}, ActivationType::kInt8Token, LaneFloats::kFloat16, {1, 1});
  }
}

TEST(WarpTile, Float16ProductsAreWithinRoundingOfFloat64) {
  for (const Codec* codec : TestedCodecs()) {
    for (const Shape& shape : kShapes) {
      CheckProduct(codec, shape, ActivationType::kFloat32, LaneFloats::kFloat16, {1, 1});
    }
  }
}

TEST(WarpTile, SplitFloatsKeepFloat32) {
  for (const Codec* codec : TestedCodecs()) {
    for (const Shape& shape : kShapes) {
      CheckProduct(codec, shape, ActivationType::kFloat32, LaneFloats::kSplit, {1, 1});
    }
  }
}

TEST(WarpTile, SharesOfWarpsAndBlocksAddUp) {
  for (const Codec* codec : TestedCodecs()) {
    for (const WarpShares shares : {WarpShares{3, 1}, WarpShares{1, 2}, WarpShares{4, 5}}) {
      CheckProduct(codec, {40, 700, 2}, ActivationType::kInt8, LaneFloats::kFloat16, shares);
      CheckProduct(codec, {40, 700, 2}, ActivationType::kFloat32, LaneFloats::kSplit, shares);
    }
  }
}

// In one group and with one warp both sides do the same operations on the same integers, so that
// even the bits agree; -ffp-contract=off keeps both from fusing. For zero points the order of the
// products differs.
TEST(WarpTile, OneGroupOfInt8EqualsTheScalarKernel) {
  ASSERT_TRUE(SelectKernelSet("scalar").ok());
  for (const Codec* codec : TestedCodecs()) {
    const GroupIntCodec* group = AsGroupInt(codec);
    const bool zero_point = group != nullptr && group->has_zero_point();
    if ((group == nullptr && AsTrellis(codec) == nullptr) || zero_point) continue;
    constexpr int64_t kRows = 70, kBatch = 3;
    Rng rng(5);
    ThreadPool pool(1);
    const PackedMatrix w = RandomMatrix(codec, kRows, 64, rng);
    const std::vector<float> rows = RandomRows(kBatch, 64, rng);
    Activations x;
    x.Set(rows.data(), kBatch, 64, 64, ActivationType::kInt8, pool);
    std::vector<float> expected(Index(kBatch * kRows));
    MatMul(w, x, expected.data(), kRows, pool);
    const auto matrix = MakeLaneMatrix(w);
    ASSERT_TRUE(matrix.ok());
    const std::vector<float> y =
        SimulatedProduct(*matrix, MakeLaneRows(x, true, LaneFloats::kFloat16), {1, 1});
    for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], expected[i]) << codec->name() << " " << i;
  }
  ASSERT_TRUE(SelectKernelSet(SupportedKernelSets().front()).ok());
}

// With one activation and no rounding anywhere, the product is the weight: decoders, tables and
// histories are exact in every row and column.
TEST(WarpTile, UnitActivationsGiveTheDecodedWeights) {
  ThreadPool pool(1);
  for (const Codec* codec : TestedCodecs()) {
    Rng rng(11);
    constexpr int64_t kRows = 300, kCols = 150;
    const GroupIntCodec* group = AsGroupInt(codec);
    const bool zero_point = group != nullptr && group->has_zero_point();
    const PackedMatrix w = TestedMatrix(codec, kRows, kCols, rng);
    const auto matrix = MakeLaneMatrix(w);
    ASSERT_TRUE(matrix.ok());
    std::vector<float> decoded(Index(kRows * kCols));
    for (int64_t r = 0; r < kRows; ++r) {
      w.codec->DecodeRow(w, r, std::span(decoded).subspan(Index(r * kCols), Index(kCols)));
    }
    for (int64_t first = 0; first < kCols; first += 25) {
      std::vector<float> units(Index(25 * kCols), 0.0f);
      for (int64_t b = 0; b < 25; ++b) units[Index(b * kCols + first + b)] = 1;
      Activations x;
      x.Set(units.data(), 25, kCols, kCols, ActivationType::kFloat32, pool);
      const ExpectedProducts expected(w, x, false, LaneFloats::kSplit);
      const std::vector<float> y =
          SimulatedProduct(*matrix, MakeLaneRows(x, false, LaneFloats::kFloat16), {2, 1});
      for (int64_t r = 0; r < kRows; ++r) {
        // Zero points are multiplied by a rounded 1 / 255 where the codec divides.
        const double bound = zero_point ? expected.Row(r)[0].bound : 0;
        for (int64_t b = 0; b < 25; ++b) {
          const float weight = decoded[Index(r * kCols + first + b)];
          ASSERT_NEAR(y[Index(b * kRows + r)], weight, bound) << codec->name() << " row " << r;
        }
      }
    }
  }
}

// Levels and codes at their ends, as in kernels/matmul_test.cc.
TEST(WarpTile, LargestLevelsAndCodesDoNotOverflow) {
  ThreadPool pool(1);
  for (const Codec* codec : TestedCodecs()) {
    if (codec == Float16Codec()) continue;
    Rng rng(1);
    constexpr int64_t kCols = 1024;
    PackedMatrix w = RandomMatrix(codec, 1, kCols, rng);
    auto* codes = const_cast<std::byte*>(w.codes.data());
    for (size_t i = 0; i < w.codes.size(); ++i) codes[i] = std::byte{0xff};
    auto* table = const_cast<std::byte*>(w.table.data());
    for (size_t i = 0; i < w.table.size(); ++i) table[i] = std::byte(i < 64 ? 255 : 0);
    for (const float sign : {1.0f, -1.0f}) {
      const std::vector<float> row(Index(kCols), sign * 3.0f);
      Activations x;
      x.Set(row.data(), 1, kCols, kCols, ActivationType::kInt8, pool);
      const auto matrix = MakeLaneMatrix(w);
      ASSERT_TRUE(matrix.ok());
      const std::vector<float> y =
          SimulatedProduct(*matrix, MakeLaneRows(x, true, LaneFloats::kFloat16), {1, 1});
      const ExpectedProducts products(w, x, true, LaneFloats::kFloat16);
      const ExpectedProduct expected = products.Row(0)[0];
      EXPECT_NEAR(y[0], expected.value, expected.bound) << codec->name();
    }
  }
}

TEST(WarpTile, NanAndInfinityReachEveryResultOfTheirRowAndNoOther) {
  ThreadPool pool(1);
  for (const Codec* codec : TestedCodecs()) {
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      Rng rng(2);
      const PackedMatrix w = TestedMatrix(codec, 20, 128, rng);
      std::vector<float> rows = RandomRows(2, 128, rng);
      rows[128 + 70] = bad;
      for (const ActivationType type : {ActivationType::kFloat32, ActivationType::kInt8}) {
        Activations x;
        x.Set(rows.data(), 2, 128, 128, type, pool);
        const auto matrix = MakeLaneMatrix(w);
        ASSERT_TRUE(matrix.ok());
        const std::vector<float> y = SimulatedProduct(
            *matrix, MakeLaneRows(x, codec != Float16Codec(), LaneFloats::kSplit), {1, 1});
        for (size_t r = 0; r < 20; ++r) {
          EXPECT_TRUE(std::isfinite(y[r])) << codec->name();
          EXPECT_TRUE(std::isnan(y[20 + r])) << codec->name();
        }
      }
    }
  }
}

TEST(LaneMatrix, RefusesACodecWithoutAKernelByName) {
  Rng rng(3);
  const PackedMatrix w = RandomWeights(Bfloat16Codec(), 2, 2, rng);
  const auto matrix = MakeLaneMatrix(w);
  ASSERT_FALSE(matrix.ok());
  EXPECT_EQ(matrix.status().code(), StatusCode::kUnsupported);
  EXPECT_NE(matrix.status().message().find("bf16"), std::string::npos);
}

// Padding apart, a lane matrix has the bytes of the packed one: row scales are wider, ternary
// groups denser (16 columns of 5 rows in 16 bytes; 64 columns in 13).
TEST(LaneMatrix, TakesNoMoreBytesThanThePackedMatrix) {
  constexpr int64_t kRows = 640, kCols = 1024;
  for (const Codec* codec : TestedCodecs()) {
    Rng rng(4);
    const PackedMatrix w = TestedMatrix(codec, kRows, kCols, rng);
    const auto matrix = MakeLaneMatrix(w);
    ASSERT_TRUE(matrix.ok());
    EXPECT_LE(matrix->bytes(), StoredBytes(w) + 2 * kRows) << codec->name();
  }
}

TEST(LaneRows, FloatsAreWithinTheirBoundOfTheNumbersThatStandForThem) {
  constexpr int64_t kCols = 128;
  Rng rng(6);
  ThreadPool pool(1);
  std::vector<float> row = RandomRows(1, kCols, rng);
  for (size_t i = 0; i < row.size(); ++i) row[i] *= std::ldexp(1.0f, -static_cast<int>(i % 40));
  Activations x;
  x.Set(row.data(), 1, kCols, kCols, ActivationType::kFloat32, pool);
  const double amax =
      std::abs(double{*std::ranges::max_element(row, {}, [](float v) { return std::abs(v); })});
  for (const LaneFloats floats : {LaneFloats::kFloat16, LaneFloats::kSplit}) {
    const LaneRows rows = MakeLaneRows(x, false, floats);
    const bool split = floats == LaneFloats::kSplit;
    ASSERT_EQ(rows.columns, split ? 2 : 1);
    for (int64_t c = 0; c < kCols; ++c) {
      double value = 0;
      for (int64_t n = 0; n < rows.columns; ++n) {
        value +=
            double{rows.column_scales[Index(n)]} *
            double{HalfOfWord(rows.numbers[Index((n * kCols + c) / 2)], static_cast<int>(c % 2))};
      }
      const double exact = double{row[Index(c)]};
      const double bound = std::max(std::ldexp(std::abs(exact), split ? -22 : -11),
                                    std::ldexp(amax, split ? -36 : -25));
      EXPECT_NEAR(value, exact, bound) << c;
    }
  }
}

}  // namespace
}  // namespace crumb
