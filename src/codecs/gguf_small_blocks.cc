// GGUF blocks of 32 to 128 weights with one scale d, some with a minimum m.
//
//   q4_0  {d, nib[16]}              w = (q - 8) d          q4_1  {d, m, nib[16]}           w = q d
//   + m q5_0  {d, high[4], nib[16]}     w = (q - 16) d         q5_1  {d, m, high[4], nib[16]}  w =
//   q d + m q8_0  {d, int8[32]}             w = q d                mxfp4 {e, nib[16]} w = t[q]
//   2^(e-128) q1_0  {d, bit[16]}, 128 weights w = q ? d : -d         q2_0  {d, two[16]}, 64 weights
//   w = (q - 1) d
//
// nib: byte j holds weight j in its low and weight j + 16 in its high half. high: bit i of the
// 32-bit word is the fifth bit of weight i. bit, two: weights one after another, lowest bits first.
// mxfp4 (OCP Microscaling Formats 1.0): t is twice the E2M1 number, its negative zero as zero.
#include <array>

#include "codecs/gguf_block_codec.h"

namespace crumb {
namespace {

constexpr int kHalfBlock = 16;

float ToFloat(int value) { return static_cast<float>(value); }

uint32_t WordAt(const uint8_t* bytes) {
  uint32_t word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

struct BlockOf32 {
  static constexpr int kWeights = 32;
};

struct Q40 : BlockOf32 {
  static constexpr std::string_view kName = "gguf-q4_0";
  static constexpr int kBytes = 2 + 16;
  static constexpr double kCodeBits = 4;
  static bool Finite(const uint8_t* in) { return IsFiniteHalf(in); }
  static void Decode(const uint8_t* __restrict in, float* __restrict out) {
    const float d = HalfAt(in);
    for (int j = 0; j < kHalfBlock; ++j) {
      out[j] = ToFloat((in[2 + j] & 15) - 8) * d;
      out[j + kHalfBlock] = ToFloat((in[2 + j] >> 4) - 8) * d;
    }
  }
};

struct Q41 : BlockOf32 {
  static constexpr std::string_view kName = "gguf-q4_1";
  static constexpr int kBytes = 4 + 16;
  static constexpr double kCodeBits = 4;
  static bool Finite(const uint8_t* in) { return IsFiniteHalf(in) && IsFiniteHalf(in + 2); }
  static void Decode(const uint8_t* __restrict in, float* __restrict out) {
    const float d = HalfAt(in);
    const float m = HalfAt(in + 2);
    for (int j = 0; j < kHalfBlock; ++j) {
      out[j] = ToFloat(in[4 + j] & 15) * d + m;
      out[j + kHalfBlock] = ToFloat(in[4 + j] >> 4) * d + m;
    }
  }
};

struct Q50 : BlockOf32 {
  static constexpr std::string_view kName = "gguf-q5_0";
  static constexpr int kBytes = 2 + 4 + 16;
  static constexpr double kCodeBits = 5;
  static bool Finite(const uint8_t* in) { return IsFiniteHalf(in); }
  static void Decode(const uint8_t* __restrict in, float* __restrict out) {
    const float d = HalfAt(in);
    const uint32_t high = WordAt(in + 2);
    for (int j = 0; j < kHalfBlock; ++j) {
      const int top0 = static_cast<int>(high >> j << 4 & 16);
      const int top1 = static_cast<int>(high >> (j + 12) & 16);
      out[j] = ToFloat(((in[6 + j] & 15) | top0) - 16) * d;
      out[j + kHalfBlock] = ToFloat((in[6 + j] >> 4 | top1) - 16) * d;
    }
  }
};

struct Q51 : BlockOf32 {
  static constexpr std::string_view kName = "gguf-q5_1";
  static constexpr int kBytes = 4 + 4 + 16;
  static constexpr double kCodeBits = 5;
  static bool Finite(const uint8_t* in) { return IsFiniteHalf(in) && IsFiniteHalf(in + 2); }
  static void Decode(const uint8_t* __restrict in, float* __restrict out) {
    const float d = HalfAt(in);
    const float m = HalfAt(in + 2);
    const uint32_t high = WordAt(in + 4);
    for (int j = 0; j < kHalfBlock; ++j) {
      const int top0 = static_cast<int>(high >> j << 4 & 16);
      const int top1 = static_cast<int>(high >> (j + 12) & 16);
      out[j] = ToFloat((in[8 + j] & 15) | top0) * d + m;
      out[j + kHalfBlock] = ToFloat(in[8 + j] >> 4 | top1) * d + m;
    }
  }
};

struct Q80 : BlockOf32 {
  static constexpr std::string_view kName = "gguf-q8_0";
  static constexpr int kBytes = 2 + 32;
  static constexpr double kCodeBits = 8;
  static bool Finite(const uint8_t* in) { return IsFiniteHalf(in); }
  static void Decode(const uint8_t* __restrict in, float* __restrict out) {
    const float d = HalfAt(in);
    for (int j = 0; j < kWeights; ++j) out[j] = ToFloat(static_cast<int8_t>(in[2 + j])) * d;
  }
};

struct Mxfp4 : BlockOf32 {
  static constexpr std::string_view kName = "gguf-mxfp4";
  static constexpr int kBytes = 1 + 16;
  static constexpr double kCodeBits = 4;
  // 255 stands for NaN; with 253 or 254 the largest number is beyond float32.
  static bool Finite(const uint8_t* in) { return in[0] <= 252; }
  static void Decode(const uint8_t* __restrict in, float* __restrict out) {
    static constexpr std::array<float, 16> kTwice = {0, 1,  2,  3,  4,  6,  8,  12,
                                                     0, -1, -2, -3, -4, -6, -8, -12};
    // 2^(e - 128); below the normal numbers of float32 for e < 2.
    const uint32_t bits = in[0] < 2 ? 0x200000u << in[0] : (in[0] - 1u) << 23;
    const float scale = std::bit_cast<float>(bits);
    for (int j = 0; j < kHalfBlock; ++j) {
      out[j] = kTwice[in[1 + j] & 15] * scale;
      out[j + kHalfBlock] = kTwice[in[1 + j] >> 4] * scale;
    }
  }
};

struct Q10 {
  static constexpr std::string_view kName = "gguf-q1_0";
  static constexpr int kWeights = 128;
  static constexpr int kBytes = 2 + 16;
  static constexpr double kCodeBits = 1;
  static bool Finite(const uint8_t* in) { return IsFiniteHalf(in); }
  static void Decode(const uint8_t* __restrict in, float* __restrict out) {
    const float d = HalfAt(in);
    for (int j = 0; j < kWeights; ++j) {
      out[j] = ToFloat(2 * (in[2 + j / 8] >> (j % 8) & 1) - 1) * d;
    }
  }
};

struct Q20 {
  static constexpr std::string_view kName = "gguf-q2_0";
  static constexpr int kWeights = 64;
  static constexpr int kBytes = 2 + 16;
  static constexpr double kCodeBits = 2;
  static bool Finite(const uint8_t* in) { return IsFiniteHalf(in); }
  static void Decode(const uint8_t* __restrict in, float* __restrict out) {
    const float d = HalfAt(in);
    for (int j = 0; j < kWeights; ++j) {
      out[j] = ToFloat((in[2 + j / 4] >> (2 * (j % 4)) & 3) - 1) * d;
    }
  }
};

}  // namespace

const Codec* GgufQ40Codec() { return GgufBlockCodec<Q40>::Get(); }
const Codec* GgufQ41Codec() { return GgufBlockCodec<Q41>::Get(); }
const Codec* GgufQ50Codec() { return GgufBlockCodec<Q50>::Get(); }
const Codec* GgufQ51Codec() { return GgufBlockCodec<Q51>::Get(); }
const Codec* GgufQ80Codec() { return GgufBlockCodec<Q80>::Get(); }
const Codec* GgufMxfp4Codec() { return GgufBlockCodec<Mxfp4>::Get(); }
const Codec* GgufQ10Codec() { return GgufBlockCodec<Q10>::Get(); }
const Codec* GgufQ20Codec() { return GgufBlockCodec<Q20>::Get(); }

}  // namespace crumb
