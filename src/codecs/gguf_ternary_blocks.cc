// The ternary blocks of GGUF: 256 weights in {-1, 0, 1} times one float16 scale d.
//
//   tq1_0 {five[48], four[4], d}   w = (q - 1) d    1.6875 bits a weight
//   tq2_0 {two[64], d}             w = (q - 1) d    2.0625 bits a weight
//
// five, four: base-3 numbers v stored as ceil(256 v / 243), digit n read as in codecs/group_int.h.
// Weights 0..159 are digit n of byte j at 32 n + j (j < 32), weights 160..239 digit n of byte 32 +
// j at 160 + 16 n + j (j < 16), weights 240..255 digit n of byte j of `four` at 240 + 4 n + j (j <
// 4). two: weight 128 h + 32 k + l is bits 2k, 2k+1 of byte 32 h + l.
#include <cmath>

#include "codecs/gguf_block_codec.h"

namespace crumb {
namespace {

// `digits` base-3 digits of each of `n` bytes, all first digits first. Returns the end of `out`.
float* DecodeDigits(const uint8_t* __restrict in, int n, int digits, float d,
                    float* __restrict out) {
  unsigned power = 1;
  for (int k = 0; k < digits; ++k, power *= 3) {
    for (int j = 0; j < n; ++j) {
      const int q = static_cast<int>(((in[j] * power) & 255) * 3 >> 8);
      out[j] = static_cast<float>(q - 1) * d;
    }
    out += n;
  }
  return out;
}

struct Tq10 {
  static constexpr std::string_view kName = "gguf-tq1_0";
  static constexpr int kWeights = 256;
  static constexpr int kBytes = 48 + 4 + 2;
  static constexpr double kCodeBits = 1.584962500721156;  // log2(3)
  static bool Finite(const uint8_t* in) { return IsFiniteHalf(in + 52); }
  static void Decode(const uint8_t* in, float* out) {
    const float d = HalfAt(in + 52);
    out = DecodeDigits(in, 32, 5, d, out);
    out = DecodeDigits(in + 32, 16, 5, d, out);
    DecodeDigits(in + 48, 4, 4, d, out);
  }
};

struct Tq20 {
  static constexpr std::string_view kName = "gguf-tq2_0";
  static constexpr int kWeights = 256;
  static constexpr int kBytes = 64 + 2;
  static constexpr double kCodeBits = 2;
  static bool Finite(const uint8_t* in) { return IsFiniteHalf(in + 64); }
  static void Decode(const uint8_t* __restrict in, float* __restrict out) {
    const float d = HalfAt(in + 64);
    for (int g = 0; g < 8; ++g) {
      for (int l = 0; l < 32; ++l) {
        const int q = in[32 * (g / 4) + l] >> (2 * (g % 4)) & 3;
        out[32 * g + l] = static_cast<float>(q - 1) * d;
      }
    }
  }
};

}  // namespace

const Codec* GgufTq10Codec() { return GgufBlockCodec<Tq10>::Get(); }
const Codec* GgufTq20Codec() { return GgufBlockCodec<Tq20>::Get(); }

}  // namespace crumb
