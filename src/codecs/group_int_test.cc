#include "codecs/group_int.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/float16.h"
#include "base/rng.h"

namespace crumb {
namespace {

using Levels = std::array<uint8_t, kGroupSize>;

const char* const kNames[] = {"int8-g64", "int4-g64", "int3-g64",
                              "int2-g64", "int1-g64", "ternary-g64"};

const GroupIntCodec& Get(const std::string& name) {
  const GroupIntCodec* codec = AsGroupInt(FindCodec(name));
  CRUMB_CHECK(codec != nullptr);
  return *codec;
}

Levels RandomLevels(const GroupIntCodec& codec, Rng& rng) {
  Levels levels;
  for (uint8_t& q : levels) {
    q = static_cast<uint8_t>(rng.Below(static_cast<uint64_t>(codec.levels())));
  }
  return levels;
}

// Buffers of a matrix and the view of them.
struct Owned {
  std::vector<std::byte> codes, scales, zeros;
  PackedMatrix matrix;
};

Owned MakeMatrix(const GroupIntCodec& codec, int64_t rows, int64_t cols, uint64_t seed) {
  Rng rng(seed);
  const PartBytes sizes = codec.SizeOf(rows, cols);
  Owned owned;
  owned.codes.resize(static_cast<size_t>(sizes.codes));
  owned.scales.resize(static_cast<size_t>(sizes.scales));
  owned.zeros.resize(static_cast<size_t>(sizes.zeros));
  for (std::byte& b : owned.codes) b = static_cast<std::byte>(rng.Next() & 255);
  for (std::byte& b : owned.zeros) b = static_cast<std::byte>(rng.Next() & 255);
  for (size_t i = 0; i < owned.scales.size(); i += 2) {
    const uint16_t half = FloatToHalf(static_cast<float>(rng.Gaussian()));
    std::memcpy(owned.scales.data() + i, &half, 2);
  }
  owned.matrix = {.codec = &codec, .rows = rows, .cols = cols};
  owned.matrix.codes = owned.codes;
  owned.matrix.scales = owned.scales;
  owned.matrix.zeros = owned.zeros;
  return owned;
}

class GroupIntEach : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Widths, GroupIntEach, testing::ValuesIn(kNames), [](const auto& width) {
  std::string name = width.param;
  std::erase(name, '-');
  return name;
});

TEST_P(GroupIntEach, EveryLevelAtEveryPlaceSurvivesPacking) {
  const GroupIntCodec& codec = Get(GetParam());
  std::vector<std::byte> bytes(static_cast<size_t>(codec.group_bytes()));
  for (size_t place = 0; place < kGroupSize; ++place) {
    for (int level = 0; level < codec.levels(); ++level) {
      Levels in{};
      in[place] = static_cast<uint8_t>(level);
      Levels out;
      out.fill(255);
      codec.PackGroup(in, bytes);
      codec.UnpackGroup(bytes, out);
      ASSERT_EQ(in, out) << "place " << place << " level " << level;
    }
  }
}

TEST_P(GroupIntEach, RandomGroupsSurvivePacking) {
  const GroupIntCodec& codec = Get(GetParam());
  std::vector<std::byte> bytes(static_cast<size_t>(codec.group_bytes()));
  Rng rng(1);
  for (int i = 0; i < 2000; ++i) {
    const Levels in = RandomLevels(codec, rng);
    Levels out;
    codec.PackGroup(in, bytes);
    codec.UnpackGroup(bytes, out);
    ASSERT_EQ(in, out);
  }
}

TEST_P(GroupIntEach, AnyBytesUnpackToLevelsBelowTheCount) {
  const GroupIntCodec& codec = Get(GetParam());
  std::vector<std::byte> bytes(static_cast<size_t>(codec.group_bytes()));
  for (int value = 0; value < 256; ++value) {
    std::fill(bytes.begin(), bytes.end(), static_cast<std::byte>(value));
    Levels out;
    codec.UnpackGroup(bytes, out);
    for (const uint8_t q : out) ASSERT_LT(q, codec.levels());
  }
}

TEST_P(GroupIntEach, DecodeRowIsUnpackThenValue) {
  const GroupIntCodec& codec = Get(GetParam());
  const int64_t rows = 3;
  for (const int64_t cols : {1, 63, 64, 65, 200}) {
    const Owned owned = MakeMatrix(codec, rows, cols, 7);
    ASSERT_TRUE(codec.Validate(owned.matrix).ok());
    const int64_t groups = (cols + kGroupSize - 1) / kGroupSize;
    std::vector<float> out(static_cast<size_t>(cols));
    for (int64_t r = 0; r < rows; ++r) {
      codec.DecodeRow(owned.matrix, r, out);
      for (int64_t c = 0; c < cols; ++c) {
        const auto group = static_cast<size_t>(r * groups + c / kGroupSize);
        const auto size = static_cast<size_t>(codec.group_bytes());
        Levels levels;
        codec.UnpackGroup(std::span(owned.codes).subspan(group * size, size), levels);
        uint16_t half;
        std::memcpy(&half, owned.scales.data() + 2 * group, 2);
        const uint8_t zero =
            codec.has_zero_point() ? std::to_integer<uint8_t>(owned.zeros[group]) : uint8_t{0};
        ASSERT_EQ(
            out[static_cast<size_t>(c)],
            codec.Value(levels[static_cast<size_t>(c % kGroupSize)], HalfToFloat(half), zero));
      }
    }
  }
}

TEST_P(GroupIntEach, WrongPartSizesAreCorrupt) {
  const GroupIntCodec& codec = Get(GetParam());
  const Owned owned = MakeMatrix(codec, 2, 100, 3);
  PackedMatrix matrix = owned.matrix;
  matrix.codes = matrix.codes.first(matrix.codes.size() - 1);
  EXPECT_EQ(codec.Validate(matrix).code(), StatusCode::kCorrupt);
  EXPECT_THAT(codec.Validate(matrix).message(), testing::HasSubstr("codes has"));
  matrix = owned.matrix;
  matrix.scales = {};
  EXPECT_THAT(codec.Validate(matrix).message(), testing::HasSubstr("scales has 0 bytes"));
  matrix = owned.matrix;
  matrix.table = matrix.codes.first(1);
  EXPECT_THAT(codec.Validate(matrix).message(), testing::HasSubstr("table has 1 bytes"));
}

TEST_P(GroupIntEach, ShapesThatOverflowAreCorrupt) {
  const GroupIntCodec& codec = Get(GetParam());
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  for (const auto& [rows, cols] :
       std::vector<std::pair<int64_t, int64_t>>{{-1, 64},
                                                {1, -64},
                                                {kHuge, kHuge},
                                                {kHuge, 1},
                                                {1, kHuge},
                                                {int64_t{1} << 33, 1 << 30}}) {
    const PackedMatrix matrix{.codec = &codec, .rows = rows, .cols = cols};
    EXPECT_EQ(codec.Validate(matrix).code(), StatusCode::kCorrupt) << rows << " x " << cols;
  }
}

TEST_P(GroupIntEach, NonFiniteScalesAreNamedByRowAndGroup) {
  const GroupIntCodec& codec = Get(GetParam());
  for (const uint16_t bad : std::initializer_list<uint16_t>{0x7c00, 0xfc00, 0x7e01}) {
    Owned owned = MakeMatrix(codec, 3, 130, 5);
    std::memcpy(owned.scales.data() + 14, &bad, 2);  // scale 7, 3 groups a row: row 2, group 1
    const Status status = codec.Validate(owned.matrix);
    EXPECT_EQ(status.code(), StatusCode::kNumerics);
    EXPECT_THAT(status.message(), testing::HasSubstr("row 2 group 1 (byte 14"));
  }
}

// The layouts of the header, written out once more in another form.
TEST(GroupInt, BitsOfEachLevelLieWhereTheHeaderSays) {
  Rng rng(11);
  for (const char* name : {"int4-g64", "int2-g64"}) {
    const GroupIntCodec& codec = Get(name);
    const int bits = name[3] - '0';
    const auto stride = static_cast<size_t>(codec.group_bytes());
    const Levels q = RandomLevels(codec, rng);
    std::vector<std::byte> bytes(stride);
    codec.PackGroup(q, bytes);
    for (size_t i = 0; i < kGroupSize; ++i) {
      const int shift = bits * static_cast<int>(i / stride);
      EXPECT_EQ(q[i], (std::to_integer<int>(bytes[i % stride]) >> shift) & ((1 << bits) - 1));
    }
  }
  const Levels q3 = RandomLevels(Get("int3-g64"), rng);
  std::vector<std::byte> three(24);
  Get("int3-g64").PackGroup(q3, three);
  uint64_t high;
  std::memcpy(&high, three.data() + 16, 8);
  for (size_t i = 0; i < kGroupSize; ++i) {
    EXPECT_EQ(q3[i] & 3, (std::to_integer<int>(three[i % 16]) >> (2 * (i / 16))) & 3);
    EXPECT_EQ(q3[i] >> 2, static_cast<int>((high >> i) & 1));
  }
}

TEST(GroupInt, TernaryBytesFollowTheFormulaForAll243Values) {
  const GroupIntCodec& codec = Get("ternary-g64");
  std::vector<bool> seen(256);
  for (unsigned value = 0; value < 243; ++value) {
    Levels in{};
    unsigned rest = value;
    for (size_t k = 5; k-- > 0;) {  // digit k has weight 3^(4-k) and stands at place 13 k
      in[13 * k] = static_cast<uint8_t>(rest % 3);
      rest /= 3;
    }
    std::vector<std::byte> bytes(13);
    codec.PackGroup(in, bytes);
    const unsigned byte = std::to_integer<unsigned>(bytes[0]);
    EXPECT_EQ(byte, static_cast<unsigned>(std::ceil(256.0 * value / 243.0)));
    EXPECT_FALSE(seen[byte]) << "two values share a byte";
    seen[byte] = true;
    Levels out;
    codec.UnpackGroup(bytes, out);
    EXPECT_EQ(in, out) << value;
    unsigned power = 1;
    for (size_t k = 0; k < 5; ++k, power *= 3) {  // how the header says digit k is read
      EXPECT_EQ(3 * (byte * power % 256) >> 8, in[13 * k]);
    }
  }
}

TEST(GroupInt, ValuesFollowTheFormulas) {
  EXPECT_EQ(Get("int1-g64").Value(0, 0.5f, 9), -0.5f);
  EXPECT_EQ(Get("int1-g64").Value(1, 0.5f, 9), 0.5f);
  for (int q = 0; q < 3; ++q) {
    EXPECT_EQ(Get("ternary-g64").Value(q, 0.25f, 9), 0.25f * static_cast<float>(q - 1));
  }
  for (int q = 0; q < 256; ++q) {
    for (int z = 0; z < 256; ++z) {
      EXPECT_EQ(Get("int8-g64").Value(q, 2.0f, static_cast<uint8_t>(z)),
                2.0f * static_cast<float>(q - z));
    }
  }
  for (const char* name : {"int4-g64", "int3-g64", "int2-g64"}) {
    const GroupIntCodec& codec = Get(name);
    const int top = codec.levels() - 1;
    for (int q = 0; q <= top; ++q) {
      for (int z = 0; z < 256; ++z) {
        const float zero = static_cast<float>(z) * static_cast<float>(top) / 255.0f;
        EXPECT_EQ(codec.Value(q, 3.0f, static_cast<uint8_t>(z)),
                  3.0f * (static_cast<float>(q) - zero));
      }
    }
    EXPECT_EQ(codec.Value(0, 1.0f, 0), 0.0f);
    EXPECT_EQ(codec.Value(top, 1.0f, 255), 0.0f);
  }
}

TEST(GroupInt, BitsPerWeightCountScalesAndZeros) {
  const std::pair<const char*, double> expected[] = {{"int8-g64", 8.375}, {"int4-g64", 4.375},
                                                     {"int3-g64", 3.375}, {"int2-g64", 2.375},
                                                     {"int1-g64", 1.25},  {"ternary-g64", 1.875}};
  for (const auto& [name, bits] : expected) {
    EXPECT_EQ(BitsPerWeight({.codec = FindCodec(name), .rows = 5, .cols = 128}), bits) << name;
  }
  EXPECT_EQ(Get("ternary-g64").code_bits(), std::log2(3.0));
  EXPECT_EQ(Get("int3-g64").code_bits(), 3.0);
}

TEST(GroupInt, FloatCodecsAreNoGroupCodecs) {
  EXPECT_EQ(AsGroupInt(FindCodec("f32")), nullptr);
  EXPECT_EQ(AsGroupInt(nullptr), nullptr);
}

}  // namespace
}  // namespace crumb
