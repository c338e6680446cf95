#include "codecs/float_codecs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/float16.h"
#include "codecs/codec_checks.h"

namespace crumb {
namespace {

PackedMatrix HalfPatterns(const Codec* codec, const std::vector<uint16_t>& words) {
  return {.codec = codec,
          .rows = 1,
          .cols = static_cast<int64_t>(words.size()),
          .codes = std::as_bytes(std::span(words))};
}

TEST(FloatCodecs, EveryFiniteHalfDecodesAsTheScalarConversion) {
  std::vector<uint16_t> words;
  for (uint32_t w = 0; w < 0x10000; ++w) {
    if ((w & 0x7c00) != 0x7c00) words.push_back(static_cast<uint16_t>(w));
  }
  const PackedMatrix matrix = HalfPatterns(Float16Codec(), words);
  ASSERT_TRUE(Float16Codec()->Validate(matrix).ok());
  std::vector<float> out(words.size());
  Float16Codec()->DecodeRow(matrix, 0, out);
  for (size_t i = 0; i < words.size(); ++i) {
    ASSERT_EQ(std::bit_cast<uint32_t>(out[i]), std::bit_cast<uint32_t>(HalfToFloat(words[i])));
  }
}

TEST(FloatCodecs, EveryFiniteBfloat16DecodesToItsUpperBits) {
  std::vector<uint16_t> words;
  for (uint32_t w = 0; w < 0x10000; ++w) {
    if ((w & 0x7f80) != 0x7f80) words.push_back(static_cast<uint16_t>(w));
  }
  const PackedMatrix matrix = HalfPatterns(Bfloat16Codec(), words);
  ASSERT_TRUE(Bfloat16Codec()->Validate(matrix).ok());
  std::vector<float> out(words.size());
  Bfloat16Codec()->DecodeRow(matrix, 0, out);
  for (size_t i = 0; i < words.size(); ++i) {
    ASSERT_EQ(std::bit_cast<uint32_t>(out[i]), uint32_t{words[i]} << 16);
  }
}

TEST(FloatCodecs, EveryNonFiniteHalfAndBfloat16IsRefused) {
  for (uint32_t w = 0; w < 0x10000; ++w) {
    const std::vector<uint16_t> words = {0, static_cast<uint16_t>(w)};
    EXPECT_EQ(Float16Codec()->Validate(HalfPatterns(Float16Codec(), words)).ok(),
              (w & 0x7c00) != 0x7c00);
    EXPECT_EQ(Bfloat16Codec()->Validate(HalfPatterns(Bfloat16Codec(), words)).ok(),
              (w & 0x7f80) != 0x7f80);
  }
}

TEST(FloatCodecs, PackedValuesComeBackRounded) {
  const std::vector<float> values = {0.0f, -0.0f, 1.0f, -2.5f, 0.1f, 65504.0f};
  for (const Codec* codec : {Float32Codec(), Float16Codec(), Bfloat16Codec()}) {
    const PackedMatrix matrix = PackFloats(codec, 2, 3, values);
    ASSERT_TRUE(codec->Validate(matrix).ok()) << codec->name();
    std::vector<float> row(3);
    for (int64_t r = 0; r < 2; ++r) {
      codec->DecodeRow(matrix, r, row);
      for (size_t c = 0; c < 3; ++c) {
        const float value = values[static_cast<size_t>(r) * 3 + c];
        const float expected = codec == Float32Codec()   ? value
                               : codec == Float16Codec() ? HalfToFloat(FloatToHalf(value))
                                                         : Bfloat16ToFloat(FloatToBfloat16(value));
        EXPECT_EQ(std::bit_cast<uint32_t>(row[c]), std::bit_cast<uint32_t>(expected));
      }
    }
  }
}

TEST(FloatCodecs, NonFiniteWeightsAreNamedByRowColumnAndByte) {
  std::vector<float> values(15000, 1.0f);
  values[10017] = std::numeric_limits<float>::infinity();
  const Status status = Float32Codec()->Validate(PackFloats(Float32Codec(), 3, 5000, values));
  EXPECT_EQ(status.code(), StatusCode::kNumerics);
  EXPECT_THAT(status.message(), testing::HasSubstr("row 2 column 17 (byte 40068 of the tensor)"));
}

TEST(FloatCodecs, FirstNonFiniteFindsEveryPlace) {
  for (size_t place = 0; place < 4100; place += 41) {
    std::vector<float> values(4100, -1.0f);
    values[place] = std::numeric_limits<float>::quiet_NaN();
    values.back() = std::numeric_limits<float>::infinity();
    EXPECT_EQ(FirstNonFinite32(std::as_bytes(std::span(values))), static_cast<int64_t>(place));
  }
}

TEST(Registry, NamesAreUniqueAndFound) {
  EXPECT_EQ(FindCodec("f16"), Float16Codec());
  EXPECT_EQ(FindCodec("no such codec"), nullptr);
  for (const Codec* codec : AllCodecs()) EXPECT_EQ(FindCodec(codec->name()), codec);
}

TEST(Registry, EmptyMatricesNeedNoBytes) {
  for (const Codec* codec : AllCodecs()) {
    EXPECT_EQ(codec->SizeOf(0, 256).total(), 0) << codec->name();
    EXPECT_TRUE(codec->Validate({.codec = codec, .rows = 0, .cols = 256}).ok()) << codec->name();
  }
}

}  // namespace
}  // namespace crumb
