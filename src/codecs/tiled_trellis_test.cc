#include "codecs/tiled_trellis.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/float16.h"
#include "base/rng.h"
#include "codecs/testing_tiled.h"
#include "codecs/trellis.h"

namespace crumb {
namespace {

const Codec* const kTiled[] = {Trellis1Codec(), Trellis2Codec(), Trellis3Codec(), Trellis4Codec()};

size_t Index(int64_t i) { return static_cast<size_t>(i); }

TEST(TiledTrellis, DecodesToTheWeightsOfTheOriginal) {
  for (const Codec* codec : kTiled) {
    const TiledCodec* tiled = TiledTrellisOf(codec);
    for (const auto& [rows, cols] :
         {std::pair{1, 1}, std::pair{64, 64}, std::pair{65, 63}, std::pair{130, 200},
          std::pair{192, 128}, std::pair{300, 70}}) {
      Rng rng(5);
      const PartBytes size = codec->SizeOf(rows, cols);
      std::vector<std::byte> codes(Index(size.codes)), scales(Index(size.scales));
      for (std::byte& b : codes) b = static_cast<std::byte>(rng.Next() & 0xff);
      for (int64_t r = 0; r < rows; ++r) {
        const uint16_t half = FloatToHalf(static_cast<float>(0.5 + rng.Uniform()));
        std::memcpy(scales.data() + 2 * r, &half, 2);
      }
      PackedMatrix m{.codec = codec, .rows = rows, .cols = cols};
      m.codes = codes;
      m.scales = scales;
      m.table = std::as_bytes(AsTrellis(codec)->default_tables());
      ASSERT_TRUE(ValidateMatrix(m).ok());
      ExpectTheSameWeights(tiled, m);
    }
  }
}

TEST(TiledTrellis, IsNoCodecOfFiles) {
  for (const Codec* codec : kTiled) {
    const TiledCodec* tiled = TiledTrellisOf(codec);
    EXPECT_EQ(tiled->name(), codec->name());
    EXPECT_EQ(FindCodec(tiled->name()), codec);
    EXPECT_EQ(AsTrellis(tiled), nullptr);
    EXPECT_EQ(AsTiled(codec), nullptr);
    EXPECT_EQ(AsTiled(tiled), tiled);
    // The bytes of one are never taken for those of the other.
    EXPECT_NE(tiled->SizeOf(64, 64).codes, codec->SizeOf(64, 64).codes);
  }
  EXPECT_EQ(TiledTrellisOf(FindCodec("int4-g64")), nullptr);
}

}  // namespace
}  // namespace crumb
