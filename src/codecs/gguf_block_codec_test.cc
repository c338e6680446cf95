#include "codecs/gguf_block_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/rng.h"

namespace crumb {
namespace {

// Weights and bytes of one block as ggml has them, and where its float16 scales stand.
struct BlockType {
  const char* name;
  int64_t weights;
  int64_t bytes;
  std::vector<size_t> halves;
};

const std::vector<BlockType>& Types() {
  static const std::vector<BlockType> types = {
      {"gguf-q4_0", 32, 18, {0}},       {"gguf-q4_1", 32, 20, {0, 2}},
      {"gguf-q5_0", 32, 22, {0}},       {"gguf-q5_1", 32, 24, {0, 2}},
      {"gguf-q8_0", 32, 34, {0}},       {"gguf-q1_0", 128, 18, {0}},
      {"gguf-q2_0", 64, 18, {0}},       {"gguf-mxfp4", 32, 17, {}},
      {"gguf-q2_K", 256, 84, {80, 82}}, {"gguf-q3_K", 256, 110, {108}},
      {"gguf-q4_K", 256, 144, {0, 2}},  {"gguf-q5_K", 256, 176, {0, 2}},
      {"gguf-q6_K", 256, 210, {208}},   {"gguf-tq1_0", 256, 54, {52}},
      {"gguf-tq2_0", 256, 66, {64}}};
  return types;
}

// ggml's own decoder wrote the fixtures (tools/make_gguf_fixtures.py). Each weight is one product,
// or one product and one sum, of the same float32 numbers in the same order, so the bits are the
// same.
TEST(GgufBlocks, WeightsAreThoseOfGgmlBitForBit) {
  for (const BlockType& type : Types()) {
    const Codec* codec = FindCodec(type.name);
    ASSERT_NE(codec, nullptr) << type.name;
    const std::string path =
        std::string(CRUMB_SOURCE_DIR) + "/src/codecs/testdata/" + type.name + ".bin";
    const Result<std::string> file = ReadFile(path);
    ASSERT_TRUE(file.ok()) << file.status().message();
    const size_t block = static_cast<size_t>(type.bytes + 4 * type.weights);
    ASSERT_EQ(file->size() % block, 0u) << type.name;
    const auto blocks = static_cast<int64_t>(file->size() / block);
    ASSERT_GE(blocks, 4);
    const auto codes =
        std::as_bytes(std::span(*file)).first(static_cast<size_t>(blocks * type.bytes));
    // Two shapes: all blocks in one row, and two rows of half of them.
    for (const int64_t rows : {1, 2}) {
      const PackedMatrix matrix{
          .codec = codec, .rows = rows, .cols = blocks * type.weights / rows, .codes = codes};
      ASSERT_TRUE(codec->Validate(matrix).ok()) << codec->Validate(matrix).message();
      std::vector<float> out(static_cast<size_t>(matrix.cols));
      for (int64_t row = 0; row < rows; ++row) {
        codec->DecodeRow(matrix, row, out);
        for (size_t i = 0; i < out.size(); ++i) {
          float expected;
          const size_t at = static_cast<size_t>(row) * out.size() + i;
          std::memcpy(&expected, file->data() + codes.size() + 4 * at, 4);
          ASSERT_EQ(std::bit_cast<uint32_t>(out[i]), std::bit_cast<uint32_t>(expected))
              << type.name << " weight " << at;
        }
      }
    }
  }
}

TEST(GgufBlocks, SizesAreThoseOfGgml) {
  for (const BlockType& type : Types()) {
    const PartBytes sizes = FindCodec(type.name)->SizeOf(3, 2 * type.weights);
    EXPECT_EQ(sizes.codes, 6 * type.bytes) << type.name;
    EXPECT_EQ(sizes.total(), sizes.codes);
  }
}

TEST(GgufBlocks, NonFiniteScalesAreNamedByRowBlockAndByte) {
  for (const BlockType& type : Types()) {
    const Codec* codec = FindCodec(type.name);
    for (const size_t offset : type.halves) {
      for (const uint16_t bad : std::initializer_list<uint16_t>{0x7c00, 0xfc00, 0x7e00}) {
        std::vector<std::byte> codes(static_cast<size_t>(6 * type.bytes));
        std::memcpy(codes.data() + 5 * type.bytes + offset, &bad, 2);
        const PackedMatrix matrix{
            .codec = codec, .rows = 2, .cols = 3 * type.weights, .codes = codes};
        const Status status = codec->Validate(matrix);
        EXPECT_EQ(status.code(), StatusCode::kNumerics) << type.name;
        EXPECT_THAT(status.message(),
                    testing::HasSubstr("row 1 block 2 (byte " + std::to_string(5 * type.bytes)));
      }
    }
  }
}

TEST(GgufBlocks, ValidMicroscalingBlocksDecodeToFiniteWeights) {
  const Codec* codec = FindCodec("gguf-mxfp4");
  for (int e = 0; e < 256; ++e) {
    std::vector<std::byte> codes(17, std::byte{0xf7});  // the two largest numbers
    codes[0] = static_cast<std::byte>(e);
    const PackedMatrix matrix{.codec = codec, .rows = 1, .cols = 32, .codes = codes};
    std::vector<float> out(32);
    codec->DecodeRow(matrix, 0, out);
    const double expected = std::ldexp(12.0, e - 128);
    EXPECT_EQ(codec->Validate(matrix).ok(), expected <= 3.4028234663852886e38 && e != 255) << e;
    if (codec->Validate(matrix).ok()) {
      EXPECT_EQ(static_cast<double>(out[0]), expected) << e;
      EXPECT_EQ(static_cast<double>(out[16]), -expected) << e;
    }
  }
}

TEST(GgufBlocks, RowsThatDoNotSplitIntoBlocksAreCorrupt) {
  for (const BlockType& type : Types()) {
    const Codec* codec = FindCodec(type.name);
    const std::vector<std::byte> codes(static_cast<size_t>(type.bytes));
    EXPECT_EQ(codec->Validate({.codec = codec, .rows = 1, .cols = type.weights - 1, .codes = codes})
                  .code(),
              StatusCode::kCorrupt);
    EXPECT_EQ(
        codec->Validate({.codec = codec, .rows = 2, .cols = type.weights, .codes = codes}).code(),
        StatusCode::kCorrupt);
  }
}

}  // namespace
}  // namespace crumb
