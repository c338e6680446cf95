#include "codecs/group_int.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>

#include "base/float16.h"
#include "codecs/codec_checks.h"

namespace crumb {
namespace {

constexpr auto kGroup = static_cast<size_t>(kGroupSize);

uint8_t Level(std::byte b) { return std::to_integer<uint8_t>(b); }
std::byte Byte(unsigned value) { return static_cast<std::byte>(value); }

// Layouts: how 64 levels lie in bytes. Each has kName, kLevels, kBytes, kHasZero, Pack and Unpack.

struct EightBits {
  static constexpr std::string_view kName = "int8-g64";
  static constexpr int kLevels = 256;
  static constexpr size_t kBytes = 64;
  static constexpr bool kHasZero = true;
  static void Pack(const uint8_t* q, std::byte* out) { std::memcpy(out, q, kGroup); }
  static void Unpack(const std::byte* in, uint8_t* q) { std::memcpy(q, in, kGroup); }
};

struct FourBits {
  static constexpr std::string_view kName = "int4-g64";
  static constexpr int kLevels = 16;
  static constexpr size_t kBytes = 32;
  static constexpr bool kHasZero = true;
  static void Pack(const uint8_t* q, std::byte* out) {
    for (size_t j = 0; j < 32; ++j) out[j] = Byte(unsigned{q[j]} | unsigned{q[j + 32]} << 4);
  }
  static void Unpack(const std::byte* in, uint8_t* q) {
    for (size_t j = 0; j < 32; ++j) {
      q[j] = Level(in[j] & Byte(15));
      q[j + 32] = Level(in[j] >> 4);
    }
  }
};

struct TwoBits {
  static constexpr std::string_view kName = "int2-g64";
  static constexpr int kLevels = 4;
  static constexpr size_t kBytes = 16;
  static constexpr bool kHasZero = true;
  static void Pack(const uint8_t* q, std::byte* out) {
    for (size_t j = 0; j < 16; ++j) {
      out[j] = Byte(unsigned{q[j]} | unsigned{q[j + 16]} << 2 | unsigned{q[j + 32]} << 4 |
                    unsigned{q[j + 48]} << 6);
    }
  }
  static void Unpack(const std::byte* in, uint8_t* q) {
    for (size_t j = 0; j < 16; ++j) {
      for (size_t part = 0; part < 4; ++part) q[j + 16 * part] = Level(in[j] >> (2 * part)) & 3;
    }
  }
};

struct OneBit {
  static constexpr std::string_view kName = "int1-g64";
  static constexpr int kLevels = 2;
  static constexpr size_t kBytes = 8;
  static constexpr bool kHasZero = false;
  static void Pack(const uint8_t* q, std::byte* out) {
    for (size_t j = 0; j < 8; ++j) {
      unsigned byte = 0;
      for (size_t bit = 0; bit < 8; ++bit) byte |= unsigned{q[8 * j + bit]} << bit;
      out[j] = Byte(byte);
    }
  }
  static void Unpack(const std::byte* in, uint8_t* q) {
    for (size_t i = 0; i < kGroup; ++i) q[i] = Level(in[i / 8] >> (i % 8)) & 1;
  }
};

struct ThreeBits {
  static constexpr std::string_view kName = "int3-g64";
  static constexpr int kLevels = 8;
  static constexpr size_t kBytes = TwoBits::kBytes + OneBit::kBytes;
  static constexpr bool kHasZero = true;
  static void Pack(const uint8_t* q, std::byte* out) {
    std::array<uint8_t, kGroup> low;
    std::array<uint8_t, kGroup> high;
    for (size_t i = 0; i < kGroup; ++i) {
      low[i] = q[i] & 3;
      high[i] = static_cast<uint8_t>(q[i] >> 2);
    }
    TwoBits::Pack(low.data(), out);
    OneBit::Pack(high.data(), out + TwoBits::kBytes);
  }
  static void Unpack(const std::byte* in, uint8_t* q) {
    std::array<uint8_t, kGroup> high;
    TwoBits::Unpack(in, q);
    OneBit::Unpack(in + TwoBits::kBytes, high.data());
    for (size_t i = 0; i < kGroup; ++i) q[i] = static_cast<uint8_t>(q[i] | high[i] << 2);
  }
};

struct Ternary {
  static constexpr std::string_view kName = "ternary-g64";
  static constexpr int kLevels = 3;
  static constexpr size_t kBytes = 13;
  static constexpr bool kHasZero = false;
  static void Pack(const uint8_t* q, std::byte* out) {
    for (size_t j = 0; j < kBytes; ++j) {
      unsigned value = 0;
      for (size_t i = j; i < 5 * kBytes; i += kBytes) value = 3 * value + (i < kGroup ? q[i] : 0u);
      out[j] = Byte((256 * value + 242) / 243);
    }
  }
  static void Unpack(const std::byte* in, uint8_t* q) {
    for (size_t j = 0; j < kBytes; ++j) {
      uint8_t digits = Level(in[j]);
      for (size_t i = j; i < kGroup; i += kBytes) {
        q[i] = static_cast<uint8_t>(3u * digits >> 8);
        digits = static_cast<uint8_t>(3u * digits);
      }
    }
  }
};

template <typename Layout>
class GroupCodec final : public GroupIntCodec {
 public:
  static const Codec* Get() {
    static const GroupCodec codec;
    return &codec;
  }

  std::string_view name() const override { return Layout::kName; }
  double code_bits() const override { return std::log2(Layout::kLevels); }
  int levels() const override { return Layout::kLevels; }
  bool has_zero_point() const override { return Layout::kHasZero; }
  int64_t group_bytes() const override { return Layout::kBytes; }

  PartBytes SizeOf(int64_t rows, int64_t cols) const override {
    const int64_t groups = rows * Groups(cols);
    return {.codes = groups * group_bytes(),
            .scales = groups * 2,
            .zeros = Layout::kHasZero ? groups : 0};
  }

  Status Validate(const PackedMatrix& matrix) const override {
    CRUMB_RETURN_IF_ERROR(CheckPartSizes(matrix));
    const int64_t bad = FirstNonFinite16(matrix.scales, kHalfExponent);
    if (bad < 0) return OkStatus();
    const int64_t groups = Groups(matrix.cols);
    return NumericsError(
        fmt::format("scales: the scale of row {} group {} (byte {} of the part) is NaN or Inf; "
                    "quantize it again",
                    bad / groups, bad % groups, 2 * bad));
  }

  void DecodeRow(const PackedMatrix& matrix, int64_t row, std::span<float> out) const override {
    const int64_t groups = Groups(matrix.cols);
    for (int64_t g = 0; g < groups; ++g) {
      const auto group = static_cast<size_t>(row * groups + g);
      uint16_t half;
      std::memcpy(&half, matrix.scales.data() + 2 * group, sizeof(half));
      const float scale = HalfToFloat(half);
      const float offset = Offset(Layout::kHasZero ? Level(matrix.zeros[group]) : uint8_t{0});
      std::array<uint8_t, kGroup> q;
      Layout::Unpack(matrix.codes.data() + group * Layout::kBytes, q.data());
      const size_t begin = static_cast<size_t>(g) * kGroup;
      if (out.size() - begin >= kGroup) {  // the fixed count lets the compiler use vectors
        for (size_t i = 0; i < kGroup; ++i) out[begin + i] = Weight(q[i], scale, offset);
      } else {
        for (size_t i = 0; begin + i < out.size(); ++i) {
          out[begin + i] = Weight(q[i], scale, offset);
        }
      }
    }
  }

  void PackGroup(std::span<const uint8_t, kGroupSize> levels_in,
                 std::span<std::byte> out) const override {
    CRUMB_CHECK(out.size() == Layout::kBytes);
    Layout::Pack(levels_in.data(), out.data());
  }
  void UnpackGroup(std::span<const std::byte> in,
                   std::span<uint8_t, kGroupSize> levels_out) const override {
    CRUMB_CHECK(in.size() == Layout::kBytes);
    Layout::Unpack(in.data(), levels_out.data());
  }

  float Value(int level, float scale, uint8_t zero) const override {
    return Weight(level, scale, Offset(zero));
  }

 private:
  static int64_t Groups(int64_t cols) { return (cols + kGroupSize - 1) / kGroupSize; }
  // All formulas of the header are scale * (step * q - offset).
  static float Offset(uint8_t zero) {
    if (!Layout::kHasZero) return 1.0f;
    return static_cast<float>(zero) * static_cast<float>(Layout::kLevels - 1) / 255.0f;
  }
  static float Weight(int level, float scale, float offset) {
    constexpr int kStep = Layout::kLevels == 2 ? 2 : 1;
    return scale * (static_cast<float>(kStep * level) - offset);
  }
};

}  // namespace

const Codec* Int8Group64Codec() { return GroupCodec<EightBits>::Get(); }
const Codec* Int4Group64Codec() { return GroupCodec<FourBits>::Get(); }
const Codec* Int3Group64Codec() { return GroupCodec<ThreeBits>::Get(); }
const Codec* Int2Group64Codec() { return GroupCodec<TwoBits>::Get(); }
const Codec* Int1Group64Codec() { return GroupCodec<OneBit>::Get(); }
const Codec* TernaryGroup64Codec() { return GroupCodec<Ternary>::Get(); }

const GroupIntCodec* AsGroupInt(const Codec* codec) {
  return dynamic_cast<const GroupIntCodec*>(codec);
}

}  // namespace crumb
