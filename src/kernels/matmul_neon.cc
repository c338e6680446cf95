// Matrix kernels with ARMv8.2 NEON and its dot product instructions.
#include <arm_neon.h>

#include "kernels/kernel_table.h"

namespace crumb {
namespace {

#include "kernels/ternary_tables-inl.h"

struct Simd {
  static constexpr int64_t kLanes = 4;
  static constexpr int kFloatRows = 4;
  static constexpr int kFloatBatch = 4;
  static constexpr int kIntRows = 2;
  static constexpr int kIntBatch = 4;
  static constexpr int kTrellisRows = 4;
  static constexpr float kInt8Bias = 128;

  using Float = float32x4_t;
  struct Levels {
    uint8x16_t part[4];
  };
  struct Codes {
    int8x16_t part[4];
  };

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

  static Levels UnpackTwoBits(const uint8_t* p) {
    const uint8x16_t bytes = vld1q_u8(p), three = vdupq_n_u8(3);
    return {{vandq_u8(bytes, three), vandq_u8(vshrq_n_u8(bytes, 2), three),
             vandq_u8(vshrq_n_u8(bytes, 4), three), vshrq_n_u8(bytes, 6)}};
  }
  // 16 bits at p: byte i of the result is `value` where bit i is set.
  static uint8x16_t SpreadBits(const uint8_t* p, uint8_t value) {
    const uint8x16_t bytes = vcombine_u8(vdup_n_u8(p[0]), vdup_n_u8(p[1]));
    const uint8x8_t bit = vcreate_u8(0x8040201008040201u);
    return vandq_u8(vtstq_u8(bytes, vcombine_u8(bit, bit)), vdupq_n_u8(value));
  }
  static Levels UnpackTernary(const uint8_t* p) {
    // Bytes 0 to 7, then 8 to 12 as the upper part of bytes 5 to 12: nothing past the group is
    // read.
    const uint8x8_t high = vreinterpret_u8_u64(vshr_n_u64(vreinterpret_u64_u8(vld1_u8(p + 5)), 24));
    const uint8x16_t bytes = vcombine_u8(vld1_u8(p), high);
    Levels levels;
    for (int i = 0; i < 4; ++i) {
      const uint8x16_t placed = vqtbl1q_u8(bytes, vld1q_u8(kTernary.place + 16 * i));
      const uint8x16_t digits = vmulq_u8(placed, vld1q_u8(kTernary.power + 16 * i));
      // (3 u) >> 8 is 1 from u = 86 on and 2 from u = 171 on. A comparison gives 255 where it
      // holds.
      const uint8x16_t one = vcgeq_u8(digits, vdupq_n_u8(86));
      const uint8x16_t two = vcgeq_u8(digits, vdupq_n_u8(171));
      levels.part[i] = vsubq_u8(vdupq_n_u8(0), vaddq_u8(one, two));
    }
    return levels;
  }
  template <WeightFormat kFormat>
  static Levels Unpack(const uint8_t* p) {
    if constexpr (kFormat == WeightFormat::kInt4) {
      const uint8x16_t a = vld1q_u8(p), b = vld1q_u8(p + 16), fifteen = vdupq_n_u8(15);
      return {{vandq_u8(a, fifteen), vandq_u8(b, fifteen), vshrq_n_u8(a, 4), vshrq_n_u8(b, 4)}};
    } else if constexpr (kFormat == WeightFormat::kInt3) {
      Levels levels = UnpackTwoBits(p);
      for (int i = 0; i < 4; ++i) {
        levels.part[i] = vorrq_u8(levels.part[i], SpreadBits(p + 16 + 2 * i, 4));
      }
      return levels;
    } else if constexpr (kFormat == WeightFormat::kInt2) {
      return UnpackTwoBits(p);
    } else if constexpr (kFormat == WeightFormat::kInt1) {
      return {{SpreadBits(p, 1), SpreadBits(p + 2, 1), SpreadBits(p + 4, 1), SpreadBits(p + 6, 1)}};
    } else if constexpr (kFormat == WeightFormat::kTernary) {
      return UnpackTernary(p);
    } else {
      return {{vld1q_u8(p), vld1q_u8(p + 16), vld1q_u8(p + 32), vld1q_u8(p + 48)}};
    }
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
  static Float Dot(Levels levels, Codes codes) {
    int32x4_t sum = vdupq_n_s32(0);
    for (int i = 0; i < 4; ++i) {
      sum = vdotq_s32(sum, vreinterpretq_s8_u8(levels.part[i]), codes.part[i]);
    }
    return vcvtq_f32_s32(sum);
  }
  static Float DotInt8(Levels levels, Codes codes) {
    for (int i = 0; i < 4; ++i) levels.part[i] = veorq_u8(levels.part[i], vdupq_n_u8(0x80));
    return Dot(levels, codes);
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
  static Codes Signed(Codes codes) { return codes; }
  static Float DotSigned(Levels levels, Codes codes) { return DotInt8(levels, codes); }
};

#include "kernels/matmul-inl.h"

}  // namespace

const MatmulKernels& NeonMatmul() { return kMatmulKernels; }

}  // namespace crumb
