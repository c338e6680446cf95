// Matrix kernels with ARMv8.2 NEON and its dot product instructions.
#include <arm_neon.h>

#include "kernels/kernel_table.h"

namespace crumb {
namespace {

struct Simd {
  static constexpr int64_t kLanes = 4;
  static constexpr int kDoublings = 2;
  static constexpr int kFloatRows = 4;
  static constexpr int kFloatRowsOfOne = 4;
  static constexpr int kFloatBatch = 4;
  static constexpr int kRowsOfSums = 0;
  static constexpr int kIntVectors = 4;
  static constexpr int kIntBatch = 4;
  static constexpr int kFew = 4;
  static constexpr int kFewWithTwoSums = 2;
  static constexpr int kColumns = 64;
  static constexpr int kSubtracted = 128;
  static constexpr bool kTernaryInRegisters = false;
  static constexpr bool kRowByRow = false;
  static constexpr bool kOwnRows = false;
  static constexpr bool kTrellisTiles = false;
  static constexpr bool kGridTiles = false;
  static constexpr bool kFloatTiles = false;

  using Float = float32x4_t;
  struct Levels {
    uint8x16_t part[4];
  };
  struct Codes {
    int8x16_t part[4];
  };
  using Ints = int32x4_t;
  using Quads = uint8x16_t;
  using Codes4 = int8x16_t;

  static Float Zero() { return vdupq_n_f32(0); }
  static Float Set(float v) { return vdupq_n_f32(v); }
  static Float Load(const float* p) { return vld1q_f32(p); }
  static void Store(float* p, Float v) { vst1q_f32(p, v); }

  // The first n <= 4 numbers of kBytes bytes at p, then zeros, without reading past them.
  template <int kBytes>
  struct Padded {
    uint8_t data[4 * kBytes] = {};
    Padded(const uint8_t* p, int64_t n) {
      __builtin_memcpy(data, p, static_cast<uint64_t>(n) * kBytes);
    }
  };
  static Float LoadFirst(const uint8_t* p, int64_t n) {
    if (n == kLanes) return vreinterpretq_f32_u8(vld1q_u8(p));
    return vreinterpretq_f32_u8(vld1q_u8(Padded<4>(p, n).data));
  }
  static uint16x4_t LoadWords(const uint8_t* p, int64_t n) {
    if (n == kLanes) return vreinterpret_u16_u8(vld1_u8(p));
    return vreinterpret_u16_u8(vld1_u8(Padded<2>(p, n).data));
  }
  static Float LoadHalf(const uint8_t* p, int64_t n) {
    return vcvt_f32_f16(vreinterpret_f16_u16(LoadWords(p, n)));
  }
  static Float LoadBfloat16(const uint8_t* p, int64_t n) {
    return vreinterpretq_f32_u32(vshll_n_u16(LoadWords(p, n), 16));
  }
  static Float LoadBytes(const uint8_t* p, int64_t n) {
    uint32_t four;
    __builtin_memcpy(&four, Padded<1>(p, n).data, sizeof(four));
    const uint16x8_t words = vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four)));
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(words)));
  }

  static Float Add(Float a, Float b) { return vaddq_f32(a, b); }
  static Float Mul(Float a, Float b) { return vmulq_f32(a, b); }
  static Float Div(Float a, Float b) { return vdivq_f32(a, b); }
  static Float Max(Float a, Float b) { return vmaxq_f32(a, b); }
  static Float Min(Float a, Float b) { return vminq_f32(a, b); }
  static Float Abs(Float a) { return vabsq_f32(a); }
  static Float Round(Float a) { return vrndnq_f32(a); }
  static Float Fma(Float a, Float b, Float c) { return vfmaq_f32(c, a, b); }
  static Float Fnma(Float a, Float b, Float c) { return vfmsq_f32(c, a, b); }
  static float Sum(Float a) { return vaddvq_f32(a); }
  static float MaxOf(Float a) { return vmaxvq_f32(a); }

  // ---- kLanes rows side by side ----

  static uint32x4_t Words(uint8x16_t a) { return vreinterpretq_u32_u8(a); }
  static uint8x16_t Bytes(uint32x4_t a) { return vreinterpretq_u8_u32(a); }
  static uint8x16_t LowPairs(uint32x4_t a, uint32x4_t b) {
    return vreinterpretq_u8_u64(vtrn1q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
  }
  static uint8x16_t HighPairs(uint32x4_t a, uint32x4_t b) {
    return vreinterpretq_u8_u64(vtrn2q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
  }
  static void Transpose(const uint8_t* p, int64_t stride, Quads out[4]) {
    const uint32x4_t a = Words(vld1q_u8(p)), b = Words(vld1q_u8(p + stride));
    const uint32x4_t c = Words(vld1q_u8(p + 2 * stride)), d = Words(vld1q_u8(p + 3 * stride));
    const uint32x4_t ab0 = vtrn1q_u32(a, b), ab1 = vtrn2q_u32(a, b);
    const uint32x4_t cd0 = vtrn1q_u32(c, d), cd1 = vtrn2q_u32(c, d);
    out[0] = LowPairs(ab0, cd0);
    out[1] = LowPairs(ab1, cd1);
    out[2] = HighPairs(ab0, cd0);
    out[3] = HighPairs(ab1, cd1);
  }
  static void TransposeHalf(const uint8_t* p, int64_t stride, Quads out[2]) {
    const uint32x4_t ab = Words(vcombine_u8(vld1_u8(p), vld1_u8(p + stride)));
    const uint32x4_t cd = Words(vcombine_u8(vld1_u8(p + 2 * stride), vld1_u8(p + 3 * stride)));
    out[0] = Bytes(vuzp1q_u32(ab, cd));
    out[1] = Bytes(vuzp2q_u32(ab, cd));
  }
  static Quads LoadQuads(const uint8_t* p) { return vld1q_u8(p); }
  static void StoreQuads(Quads q, uint8_t* p) { vst1q_u8(p, q); }
  static Quads And(Quads a, uint8_t byte) { return vandq_u8(a, vdupq_n_u8(byte)); }
  static Quads Or(Quads a, Quads b) { return vorrq_u8(a, b); }
  template <int n>
  static Quads ShiftRight(Quads a) {
    return vshrq_n_u8(a, n);
  }
  // Byte i of each lane four times.
  static Quads Repeat(Quads a, int i) {
    const uint32x4_t first = {0, 0x04040404, 0x08080808, 0x0c0c0c0c};
    return vqtbl1q_u8(a, vaddq_u8(Bytes(first), vdupq_n_u8(static_cast<uint8_t>(i))));
  }
  template <int kValue>
  static Quads FourBits(Quads bits, int n) {
    const Quads place = Bytes(vdupq_n_u32(n % 2 == 0 ? 0x08040201u : 0x80402010u));
    return And(vtstq_u8(Repeat(bits, n / 2), place), kValue);
  }
  // Digit k of a byte is (3 u) >> 8 with u = 3^k byte modulo 256: 1 from u = 86 on and 2 from
  // u = 171 on. A comparison gives 255 where it holds.
  static Quads FirstDigits(Quads u) {
    return vsubq_u8(vdupq_n_u8(0),
                    vaddq_u8(vcgeq_u8(u, vdupq_n_u8(86)), vcgeq_u8(u, vdupq_n_u8(171))));
  }
  static void TernaryDigits(Quads bytes, Quads out[5]) {
    for (int k = 0; k < 5; ++k, bytes = vmulq_u8(bytes, vdupq_n_u8(3))) out[k] = FirstDigits(bytes);
  }
  static Quads TernaryDigitsOfByte(Quads bytes) {
    return FirstDigits(vmulq_u8(Repeat(bytes, 0), Bytes(vdupq_n_u32(0x1b090301u))));
  }

  // Finite halves as floats: exponent and fraction in place, then times 2^(127 - 15).
  static Float HalfAbove(uint32x4_t a) {
    const int32x4_t shifted = vshrq_n_s32(vreinterpretq_s32_u32(a), 3);
    const uint32x4_t bits = vandq_u32(vreinterpretq_u32_s32(shifted), vdupq_n_u32(0x8fffe000u));
    return vmulq_f32(vreinterpretq_f32_u32(bits), vdupq_n_f32(0x1p112f));
  }
  static Float LowHalf(Quads a) { return HalfAbove(vshlq_n_u32(Words(a), 16)); }
  static Float HighHalf(Quads a) { return HalfAbove(Words(a)); }
  static Ints ByteOf(Quads a, int i) {
    const uint32x4_t shifted = vshlq_u32(Words(a), vdupq_n_s32(-8 * i));
    return vreinterpretq_s32_u32(vandq_u32(shifted, vdupq_n_u32(255)));
  }

  static Codes4 LoadCodes4(const int8_t* p) {
    int32_t four;
    __builtin_memcpy(&four, p, sizeof(four));
    return vreinterpretq_s8_s32(vdupq_n_s32(four));
  }
  static Quads Wide(Quads levels) { return veorq_u8(levels, vdupq_n_u8(0x80)); }
  template <bool kWide>
  struct Dot {
    int32x4_t sum;
    void Start(int32_t n) { sum = vdupq_n_s32(n); }
    void Add(Quads quads, Codes4 codes) { sum = vdotq_s32(sum, vreinterpretq_s8_u8(quads), codes); }
    Ints Sum() const { return sum; }
  };
  static Float ToFloat(Ints a) { return vcvtq_f32_s32(a); }
  static Ints SetInts(int32_t n) { return vdupq_n_s32(n); }
  static Ints AddInts(Ints a, Ints b) { return vaddq_s32(a, b); }

  // ---- 64 columns of one row ----

  static Levels LoadLevels(const uint8_t* p) {
    return {{vld1q_u8(p), vld1q_u8(p + 16), vld1q_u8(p + 32), vld1q_u8(p + 48)}};
  }
  // 16 bits at p: byte i of the result is `value` where bit i is set.
  static uint8x16_t SpreadBits(const uint8_t* p, uint8_t value) {
    const uint8x16_t bytes = vcombine_u8(vdup_n_u8(p[0]), vdup_n_u8(p[1]));
    const uint8x8_t bit = vcreate_u8(0x8040201008040201u);
    return vandq_u8(vtstq_u8(bytes, vcombine_u8(bit, bit)), vdupq_n_u8(value));
  }
  static void StoreLevels(Levels levels, uint8_t* p) {
    for (int i = 0; i < 4; ++i) vst1q_u8(p + 16 * i, levels.part[i]);
  }

  static Codes LoadCodes(const int8_t* p) {
    return {{vld1q_s8(p), vld1q_s8(p + 16), vld1q_s8(p + 32), vld1q_s8(p + 48)}};
  }
  static void StoreCodes(Float v, int8_t* p) {
    const int16x4_t words = vmovn_s32(vcvtq_s32_f32(v));
    const int8x8_t bytes = vmovn_s16(vcombine_s16(words, words));
    const int32_t four = vget_lane_s32(vreinterpret_s32_s8(bytes), 0);
    __builtin_memcpy(p, &four, sizeof(four));
  }
  static Ints RowDot(Levels levels, Codes codes) {
    int32x4_t sum = vdupq_n_s32(0);
    for (int i = 0; i < 4; ++i) {
      sum = vdotq_s32(sum, vreinterpretq_s8_u8(Wide(levels.part[i])), codes.part[i]);
    }
    return sum;
  }
  template <int kStep>
  static Ints Merge(Ints a, Ints b) {
    return vpaddq_s32(a, b);
  }

  // 16 entries a part.
  template <int kEntries>
  struct Table {
    uint8x16_t part[kEntries / 16];
  };
  template <int kEntries>
  static Table<kEntries> LoadTable(const uint8_t* p) {
    Table<kEntries> table;
    for (int i = 0; i < kEntries / 16; ++i) table.part[i] = vld1q_u8(p + 16 * i);
    return table;
  }
  template <int kEntries>
  static Levels LookUp(const Table<kEntries>& table, Levels windows) {
    for (uint8x16_t& part : windows.part) {
      const uint8x16_t index = vandq_u8(part, vdupq_n_u8(kEntries - 1));
      if constexpr (kEntries == 16) {
        part = vqtbl1q_u8(table.part[0], index);
      } else if constexpr (kEntries == 32) {
        part = vqtbl2q_u8({{table.part[0], table.part[1]}}, index);
      } else {
        part = vqtbl4q_u8({{table.part[0], table.part[1], table.part[2], table.part[3]}}, index);
      }
    }
    return windows;
  }
  static Levels Shift(Levels windows, const uint8_t* p) {
    for (int i = 0; i < 4; ++i) {
      const uint8x16_t twice = vaddq_u8(windows.part[i], windows.part[i]);
      windows.part[i] = vaddq_u8(twice, SpreadBits(p + 2 * i, 1));
    }
    return windows;
  }
  static Levels AddLevels(Levels a, Levels b) {
    for (int i = 0; i < 4; ++i) a.part[i] = vaddq_u8(a.part[i], b.part[i]);
    return a;
  }
};

#include "kernels/matmul-inl.h"

}  // namespace

const MatmulKernels& NeonMatmul() { return kMatmulKernels; }

}  // namespace crumb
