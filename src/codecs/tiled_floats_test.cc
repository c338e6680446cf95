#include "codecs/tiled_floats.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "base/rng.h"
#include "codecs/float_codecs.h"
#include "codecs/testing_tiled.h"

namespace crumb {
namespace {

const Codec* const kFloats[] = {Float16Codec(), Bfloat16Codec()};

size_t Index(int64_t i) { return static_cast<size_t>(i); }

TEST(TiledFloats, DecodeToTheNumbersOfTheOriginal) {
  for (const Codec* codec : kFloats) {
    const TiledCodec* tiled = TiledFloatsOf(codec);
    for (const auto& [rows, cols] : {std::pair{1, 1}, std::pair{8, 32}, std::pair{17, 31},
                                     std::pair{50, 100}, std::pair{48, 65}}) {
      Rng rng(5);
      std::vector<float> values(Index(int64_t{rows} * cols));
      for (float& v : values) v = static_cast<float>(rng.Gaussian());
      values.back() = std::numeric_limits<float>::infinity();
      const PackedMatrix matrix = PackFloats(codec, rows, cols, values);
      ExpectTheSameWeights(tiled, matrix);
    }
  }
}

// Kernels multiply them: NaN times the zeros behind the last column would be NaN.
TEST(TiledFloats, HaveZerosBehindTheLastRowAndColumn) {
  const std::vector<float> ones(17 * 33, 1.0f);
  const PackedMatrix matrix = PackFloats(Float16Codec(), 17, 33, ones);
  const TiledCodec* tiled = TiledFloatsOf(Float16Codec());
  std::vector<std::byte> turned(Index(tiled->SizeOf(17, 33).codes), std::byte{0xff});
  EXPECT_EQ(turned.size(), size_t{3 * 2 * 8 * 64});
  tiled->Tile(matrix, turned);
  int64_t not_zero = 0;
  for (size_t i = 0; i < turned.size(); i += 2) {
    not_zero += turned[i] != std::byte{0} || turned[i + 1] != std::byte{0} ? 1 : 0;
  }
  EXPECT_EQ(not_zero, 17 * 33);
}

TEST(TiledFloats, AreNoCodecOfFiles) {
  for (const Codec* codec : kFloats) {
    const TiledCodec* tiled = TiledFloatsOf(codec);
    EXPECT_EQ(FormInTiles(codec), tiled);
    EXPECT_EQ(FindCodec(tiled->name()), codec);
    EXPECT_EQ(OriginalOf(tiled), codec);
    EXPECT_EQ(OriginalOf(codec), codec);
    EXPECT_FALSE(IsFloat(tiled));
  }
  EXPECT_EQ(TiledFloatsOf(Float32Codec()), nullptr);
}

}  // namespace
}  // namespace crumb
