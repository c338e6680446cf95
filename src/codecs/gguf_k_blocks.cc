// The "K" blocks of GGUF: 256 weights in 8 groups of 32 or 16 groups of 16, whose scales (and
// minima) are small integers times the float16 numbers d (and dmin) of the block.
//
//   q2_K {sm[16], two[64], d, dmin}             w = (d s) q - dmin m          s, m: halves of
//   sm[g], 16 groups q3_K {high[32], two[64], s6[12], d}         w = d (s - 32) * (q - 4)      16
//   groups q4_K {d, dmin, sm6[12], nib[128]}           w = (d s) q - dmin m          8 groups q5_K
//   {d, dmin, sm6[12], high[32], nib[128]} w = (d s) q - dmin m          8 groups q6_K {nib[128],
//   two[64], int8 s[16], d}     w = (d s) * (q - 32)          16 groups
//
// two: weight 128 h + 32 k + l is bits 2k, 2k+1 of byte 32 h + l. high: its bit is bit 4 h + k of
// byte l. nib of q4_K and q5_K: weight 64 p + 32 n + l is half n of byte 32 p + l. nib of q6_K:
// weight 128 h + 32 k + l is half k / 2 of byte 64 h + 32 (k % 2) + l. The 6-bit scales: see the
// functions.
#include "codecs/gguf_block_codec.h"

namespace crumb {
namespace {

float ToFloat(int value) { return static_cast<float>(value); }

struct SuperBlock {
  static constexpr int kWeights = 256;
};

// Scale `g` of 16 in s6[12]: low half bytes in s6[0..7], upper two bits in s6[8..11].
int Scale6Of16(const uint8_t* s6, int64_t g) {
  const int low = g < 8 ? s6[g] & 15 : s6[g - 8] >> 4;
  return low | (s6[8 + g % 4] >> (2 * (g / 4)) & 3) << 4;
}

// Scale and minimum `g` of 8 in sm6[12]: the first four whole in the low six bits of sm6[0..3] and
// sm6[4..7]; of the others the low halves are in sm6[8..11] and the upper bits above the first
// four.
struct ScaleMin {
  int scale;
  int min;
};
ScaleMin ScaleMin6Of8(const uint8_t* sm6, int64_t g) {
  if (g < 4) return {sm6[g] & 63, sm6[g + 4] & 63};
  return {(sm6[g + 4] & 15) | (sm6[g - 4] >> 6) << 4, sm6[g + 4] >> 4 | (sm6[g] >> 6) << 4};
}

struct Q2K : SuperBlock {
  static constexpr std::string_view kName = "gguf-q2_K";
  static constexpr int kBytes = 16 + 64 + 2 + 2;
  static constexpr double kCodeBits = 2;
  static bool Finite(const uint8_t* in) { return IsFiniteHalf(in + 80) && IsFiniteHalf(in + 82); }
  static void Decode(const uint8_t* __restrict in, float* __restrict out) {
    const uint8_t* two = in + 16;
    const float d = HalfAt(in + 80);
    const float dmin = HalfAt(in + 82);
    for (int64_t g = 0; g < 16; ++g) {
      const int64_t shift = g / 2 % 4 * 2;
      const uint8_t* bytes = two + 32 * (g / 8) + 16 * (g % 2);
      const float scale = d * ToFloat(in[g] & 15);
      const float min = dmin * ToFloat(in[g] >> 4);
      for (int l = 0; l < 16; ++l) out[16 * g + l] = scale * ToFloat(bytes[l] >> shift & 3) - min;
    }
  }
};

struct Q3K : SuperBlock {
  static constexpr std::string_view kName = "gguf-q3_K";
  static constexpr int kBytes = 32 + 64 + 12 + 2;
  static constexpr double kCodeBits = 3;
  static bool Finite(const uint8_t* in) { return IsFiniteHalf(in + 108); }
  static void Decode(const uint8_t* __restrict in, float* __restrict out) {
    const float d = HalfAt(in + 108);
    for (int64_t g = 0; g < 16; ++g) {
      const int64_t shift = g / 2 % 4 * 2;
      const uint8_t* high = in + 16 * (g % 2);
      const uint8_t* two = in + 32 + 32 * (g / 8) + 16 * (g % 2);
      const float scale = d * ToFloat(Scale6Of16(in + 96, g) - 32);
      for (int l = 0; l < 16; ++l) {
        const int q = (two[l] >> shift & 3) + 4 * (high[l] >> (g / 2) & 1);
        out[16 * g + l] = scale * ToFloat(q - 4);
      }
    }
  }
};

struct Q4K : SuperBlock {
  static constexpr std::string_view kName = "gguf-q4_K";
  static constexpr int kBytes = 2 + 2 + 12 + 128;
  static constexpr double kCodeBits = 4;
  static bool Finite(const uint8_t* in) { return IsFiniteHalf(in) && IsFiniteHalf(in + 2); }
  static void Decode(const uint8_t* __restrict in, float* __restrict out) {
    const float d = HalfAt(in);
    const float dmin = HalfAt(in + 2);
    for (int64_t g = 0; g < 8; ++g) {
      const ScaleMin sm = ScaleMin6Of8(in + 4, g);
      const float scale = d * ToFloat(sm.scale);
      const float min = dmin * ToFloat(sm.min);
      const uint8_t* nib = in + 16 + 32 * (g / 2);
      const int64_t shift = 4 * (g % 2);
      for (int l = 0; l < 32; ++l) out[32 * g + l] = scale * ToFloat(nib[l] >> shift & 15) - min;
    }
  }
};

struct Q5K : SuperBlock {
  static constexpr std::string_view kName = "gguf-q5_K";
  static constexpr int kBytes = 2 + 2 + 12 + 32 + 128;
  static constexpr double kCodeBits = 5;
  static bool Finite(const uint8_t* in) { return IsFiniteHalf(in) && IsFiniteHalf(in + 2); }
  static void Decode(const uint8_t* __restrict in, float* __restrict out) {
    const float d = HalfAt(in);
    const float dmin = HalfAt(in + 2);
    const uint8_t* high = in + 16;
    for (int64_t g = 0; g < 8; ++g) {
      const ScaleMin sm = ScaleMin6Of8(in + 4, g);
      const float scale = d * ToFloat(sm.scale);
      const float min = dmin * ToFloat(sm.min);
      const uint8_t* nib = in + 48 + 32 * (g / 2);
      const int64_t shift = 4 * (g % 2);
      for (int l = 0; l < 32; ++l) {
        const int q = (nib[l] >> shift & 15) + 16 * (high[l] >> g & 1);
        out[32 * g + l] = scale * ToFloat(q) - min;
      }
    }
  }
};

struct Q6K : SuperBlock {
  static constexpr std::string_view kName = "gguf-q6_K";
  static constexpr int kBytes = 128 + 64 + 16 + 2;
  static constexpr double kCodeBits = 6;
  static bool Finite(const uint8_t* in) { return IsFiniteHalf(in + 208); }
  static void Decode(const uint8_t* __restrict in, float* __restrict out) {
    const float d = HalfAt(in + 208);
    for (int64_t g = 0; g < 16; ++g) {
      const int64_t half = g / 8;
      const int64_t k = g / 2 % 4;
      const uint8_t* nib = in + 64 * half + 32 * (k % 2) + 16 * (g % 2);
      const uint8_t* two = in + 128 + 32 * half + 16 * (g % 2);
      const float scale = d * ToFloat(static_cast<int8_t>(in[192 + g]));
      for (int l = 0; l < 16; ++l) {
        const int q = (nib[l] >> (k / 2 * 4) & 15) | (two[l] >> (2 * k) & 3) << 4;
        out[16 * g + l] = scale * ToFloat(q - 32);
      }
    }
  }
};

}  // namespace

const Codec* GgufQ2KCodec() { return GgufBlockCodec<Q2K>::Get(); }
const Codec* GgufQ3KCodec() { return GgufBlockCodec<Q3K>::Get(); }
const Codec* GgufQ4KCodec() { return GgufBlockCodec<Q4K>::Get(); }
const Codec* GgufQ5KCodec() { return GgufBlockCodec<Q5K>::Get(); }
const Codec* GgufQ6KCodec() { return GgufBlockCodec<Q6K>::Get(); }

}  // namespace crumb
