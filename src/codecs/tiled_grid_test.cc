#include "codecs/tiled_grid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/float16.h"
#include "base/rng.h"
#include "codecs/binary_row.h"
#include "codecs/testing_tiled.h"
#include "codecs/trellis.h"

namespace crumb {
namespace {

constexpr const char* kGrids[] = {"int8-g64", "int4-g64",    "int3-g64",  "int2-g64",
                                  "int1-g64", "ternary-g64", "binary-row"};

size_t Index(int64_t i) { return static_cast<size_t>(i); }

struct Matrix {
  std::vector<std::byte> codes, scales, zeros;
  PackedMatrix view;

  Matrix(const Codec* codec, int64_t rows, int64_t cols) {
    Rng rng(5);
    const PartBytes size = codec->SizeOf(rows, cols);
    codes.resize(Index(size.codes));
    scales.resize(Index(size.scales));
    zeros.resize(Index(size.zeros));
    for (auto* part : {&codes, &zeros}) {
      for (std::byte& b : *part) b = static_cast<std::byte>(rng.Next() & 0xff);
    }
    for (size_t i = 0; i < scales.size(); i += 2) {
      const uint16_t half = FloatToHalf(static_cast<float>(0.5 + rng.Uniform()));
      std::memcpy(scales.data() + i, &half, 2);
    }
    view = {.codec = codec, .rows = rows, .cols = cols};
    view.codes = codes;
    view.scales = scales;
    view.zeros = zeros;
  }
};

TEST(TiledGrid, DecodesToTheWeightsOfTheOriginal) {
  for (const char* name : kGrids) {
    const Codec* codec = FindCodec(name);
    const TiledCodec* tiled = TiledGridOf(codec);
    for (const auto& [rows, cols] : {std::pair{1, 1}, std::pair{32, 64}, std::pair{33, 63},
                                     std::pair{100, 200}, std::pair{64, 65}}) {
      const Matrix matrix(codec, rows, cols);
      ASSERT_TRUE(ValidateMatrix(matrix.view).ok());
      ExpectTheSameWeights(tiled, matrix.view);
    }
  }
}

TEST(TiledGrid, RowsBehindTheLastAreZeros) {
  for (const char* name : kGrids) {
    const Codec* codec = FindCodec(name);
    const TiledCodec* tiled = TiledGridOf(codec);
    const Matrix one(codec, 1, 64);
    std::vector<std::byte> turned(Index(tiled->SizeOf(1, 64).codes), std::byte{0xff});
    tiled->Tile(one.view, turned);
    const auto zeros = std::count(turned.begin(), turned.end(), std::byte{0});
    EXPECT_GE(zeros * 32, 31 * static_cast<int64_t>(turned.size())) << name;
  }
}

// Files hold 13 bytes of 64 ternary weights, tiles 16; others do not grow.
TEST(TiledGrid, TakesTheBytesOfTheOriginalButForTernary) {
  for (const char* name : kGrids) {
    const Codec* codec = FindCodec(name);
    const int64_t more = std::string_view(name) == "ternary-g64" ? 3 * 64 * 3 : 0;
    EXPECT_EQ(TiledGridOf(codec)->SizeOf(64, 192).total(), codec->SizeOf(64, 192).total() + more)
        << name;
  }
}

TEST(TiledGrid, IsNoCodecOfFiles) {
  for (const char* name : kGrids) {
    const Codec* codec = FindCodec(name);
    const TiledCodec* tiled = FormInTiles(codec);
    EXPECT_EQ(tiled, TiledGridOf(codec));
    EXPECT_EQ(tiled->name(), name);
    EXPECT_NE(static_cast<const Codec*>(tiled), codec);
    EXPECT_EQ(AsTiled(codec), nullptr);
    EXPECT_EQ(AsTiled(tiled), tiled);
  }
  EXPECT_EQ(TiledGridOf(Trellis2Codec()), nullptr);
  EXPECT_NE(FormInTiles(Trellis2Codec()), nullptr);
  EXPECT_EQ(FormInTiles(FindCodec("f32")), nullptr);
}

}  // namespace
}  // namespace crumb
