// Matrix kernels with AVX2, FMA and F16C.
#include <immintrin.h>

#include "kernels/kernel_table.h"

namespace crumb {
namespace {

#include "kernels/ternary_tables-inl.h"

struct Simd {
  static constexpr int64_t kLanes = 8;
  static constexpr int kFloatRows = 3;
  static constexpr int kFloatBatch = 4;
  static constexpr int kIntRows = 2;
  static constexpr int kIntBatch = 4;
  static constexpr int kTrellisRows = 2;
  static constexpr float kInt8Bias = 128;

  using Float = __m256;
  struct Levels {
    __m256i low, high;
  };
  using Codes = Levels;

  static Float Zero() { return _mm256_setzero_ps(); }
  static Float Set(float v) { return _mm256_set1_ps(v); }
  static Float Load(const float* p) { return _mm256_loadu_ps(p); }
  static void Store(float* p, Float v) { _mm256_storeu_ps(p, v); }

  static __m128i Load128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
  static __m256i Load256(const void* p) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
  }
  // The first n <= 8 numbers of kBytes bytes at p, then zeros, without reading past them.
  template <int kBytes>
  struct Padded {
    uint8_t data[8 * kBytes] = {};
    Padded(const uint8_t* p, int64_t n) {
      for (int64_t i = 0; i < n * kBytes; ++i) data[i] = p[i];
    }
  };
  static Float LoadFirst(const uint8_t* p, int64_t n) {
    if (n == kLanes) return _mm256_castsi256_ps(Load256(p));
    return _mm256_castsi256_ps(Load256(Padded<4>(p, n).data));
  }
  static Float LoadHalf(const uint8_t* p, int64_t n) {
    if (n == kLanes) return _mm256_cvtph_ps(Load128(p));
    return _mm256_cvtph_ps(Load128(Padded<2>(p, n).data));
  }
  static Float LoadBfloat16(const uint8_t* p, int64_t n) {
    const __m128i words = n == kLanes ? Load128(p) : Load128(Padded<2>(p, n).data);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(words), 16));
  }
  static Float LoadBytes(const uint8_t* p, int64_t n) {
    const __m128i bytes =
        n == kLanes ? _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))
                    : _mm_loadl_epi64(reinterpret_cast<const __m128i*>(Padded<1>(p, n).data));
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
  }

  static Float Add(Float a, Float b) { return _mm256_add_ps(a, b); }
  static Float Mul(Float a, Float b) { return _mm256_mul_ps(a, b); }
  static Float Div(Float a, Float b) { return _mm256_div_ps(a, b); }
  static Float Max(Float a, Float b) { return _mm256_max_ps(a, b); }
  static Float Min(Float a, Float b) { return _mm256_min_ps(a, b); }
  static Float Abs(Float a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
  static Float Round(Float a) {
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  static Float Fma(Float a, Float b, Float c) { return _mm256_fmadd_ps(a, b, c); }
  static Float Fnma(Float a, Float b, Float c) { return _mm256_fnmadd_ps(a, b, c); }
  static float Sum(Float a) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  static float MaxOf(Float a) {
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
  }

  static __m256i Both(__m128i low, __m128i high) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
  }
  static Levels UnpackTwoBits(const uint8_t* p) {
    const __m128i bytes = Load128(p);
    const __m256i three = _mm256_set1_epi8(3);
    const __m256i first = Both(bytes, _mm_srli_epi16(bytes, 2));
    return {_mm256_and_si256(first, three), _mm256_and_si256(_mm256_srli_epi16(first, 4), three)};
  }
  // 32 bits at p: byte i of the result is -1 where bit i is set.
  static __m256i SpreadMask(const uint8_t* p) {
    int32_t bits;
    __builtin_memcpy(&bits, p, sizeof(bits));
    const __m256i source =
        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i place = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201u));
    const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(bits), source);
    return _mm256_cmpeq_epi8(_mm256_and_si256(bytes, place), place);
  }
  static __m256i SpreadBits(const uint8_t* p, char value) {
    return _mm256_and_si256(SpreadMask(p), _mm256_set1_epi8(value));
  }
  // 32 digits from the 13 bytes, with the tables from `at` on.
  static __m256i UnpackTernaryHalf(__m256i bytes, int at) {
    const __m256i placed = _mm256_shuffle_epi8(bytes, Load256(kTernary.place + at));
    const __m256i even = _mm256_mullo_epi16(placed, Load256(kTernary.even + at / 2));
    const __m256i odd =
        _mm256_mullo_epi16(_mm256_srli_epi16(placed, 8), Load256(kTernary.odd + at / 2));
    const __m256i digits = _mm256_blendv_epi8(even, _mm256_slli_epi16(odd, 8),
                                              _mm256_set1_epi16(static_cast<int16_t>(0xff00)));
    // (3 u) >> 8 is 1 from u = 86 on and 2 from u = 171 on. A comparison gives -1 where it holds.
    const auto from = [&](uint8_t bound) {
      const __m256i least = _mm256_set1_epi8(static_cast<char>(bound));
      return _mm256_cmpeq_epi8(_mm256_max_epu8(digits, least), digits);
    };
    return _mm256_abs_epi8(_mm256_add_epi8(from(86), from(171)));
  }
  static Levels UnpackTernary(const uint8_t* p) {
    // Bytes 0 to 7, then 8 to 12 as the upper part of bytes 5 to 12: nothing past the group is
    // read.
    const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    const __m128i high = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + 5));
    const __m256i bytes =
        _mm256_broadcastsi128_si256(_mm_unpacklo_epi64(low, _mm_srli_epi64(high, 24)));
    return {UnpackTernaryHalf(bytes, 0), UnpackTernaryHalf(bytes, 32)};
  }
  template <WeightFormat kFormat>
  static Levels Unpack(const uint8_t* p) {
    if constexpr (kFormat == WeightFormat::kInt4) {
      const __m256i bytes = Load256(p);
      const __m256i fifteen = _mm256_set1_epi8(15);
      return {_mm256_and_si256(bytes, fifteen),
              _mm256_and_si256(_mm256_srli_epi16(bytes, 4), fifteen)};
    } else if constexpr (kFormat == WeightFormat::kInt3) {
      const Levels low = UnpackTwoBits(p);
      return {_mm256_or_si256(low.low, SpreadBits(p + 16, 4)),
              _mm256_or_si256(low.high, SpreadBits(p + 20, 4))};
    } else if constexpr (kFormat == WeightFormat::kInt2) {
      return UnpackTwoBits(p);
    } else if constexpr (kFormat == WeightFormat::kInt1) {
      return {SpreadBits(p, 1), SpreadBits(p + 4, 1)};
    } else if constexpr (kFormat == WeightFormat::kTernary) {
      return UnpackTernary(p);
    } else {
      return {Load256(p), Load256(p + 32)};
    }
  }
  static void StoreLevels(Levels levels, uint8_t* p) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), levels.low);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 32), levels.high);
  }

  static Codes LoadCodes(const int8_t* p) { return {Load256(p), Load256(p + 32)}; }
  static void StoreCodes(Float v, int8_t* p) {
    const __m256i words = _mm256_cvtps_epi32(v);
    const __m128i halves =
        _mm_packs_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(halves, halves));
  }

  static Float PairsToFloat(__m256i pairs) {
    return _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  // Four products of at most 15 * 127: within 16 bits.
  static Float Dot(Levels levels, Codes codes) {
    return PairsToFloat(_mm256_add_epi16(_mm256_maddubs_epi16(levels.low, codes.low),
                                         _mm256_maddubs_epi16(levels.high, codes.high)));
  }
  // Signed levels w = level - 128 as |w| * (code with the sign of w): 2 * 128 * 127 fits 16 bits.
  static __m256i SignedPairs(__m256i levels, __m256i codes) {
    const __m256i w = _mm256_xor_si256(levels, _mm256_set1_epi8(static_cast<char>(0x80)));
    return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(codes, w));
  }
  static Float DotInt8(Levels levels, Codes codes) {
    const __m256i ones = _mm256_set1_epi16(1);
    return _mm256_cvtepi32_ps(
        _mm256_add_epi32(_mm256_madd_epi16(SignedPairs(levels.low, codes.low), ones),
                         _mm256_madd_epi16(SignedPairs(levels.high, codes.high), ones)));
  }

  // 16 entries a part, each in both halves.
  template <int kEntries>
  struct Table {
    __m256i part[kEntries / 16];
  };
  template <int kEntries>
  static Table<kEntries> LoadTable(const uint8_t* p) {
    Table<kEntries> table;
    for (int i = 0; i < kEntries / 16; ++i) {
      table.part[i] = _mm256_broadcastsi128_si256(Load128(p + 16 * i));
    }
    return table;
  }
  template <int kEntries>
  static __m256i LookUpHalf(const Table<kEntries>& table, __m256i windows) {
    const __m256i low = _mm256_and_si256(windows, _mm256_set1_epi8(15));
    const __m256i first = _mm256_shuffle_epi8(table.part[0], low);
    if constexpr (kEntries == 16) {
      return first;
    } else {
      // A blend chooses by bit 7 of each byte: bits 4 and 5 of the window are brought there.
      const __m256i bit4 = _mm256_slli_epi16(windows, 3), bit5 = _mm256_slli_epi16(windows, 2);
      const __m256i second = _mm256_shuffle_epi8(table.part[1], low);
      const __m256i third = _mm256_shuffle_epi8(table.part[2], low);
      const __m256i fourth = _mm256_shuffle_epi8(table.part[3], low);
      return _mm256_blendv_epi8(_mm256_blendv_epi8(first, second, bit4),
                                _mm256_blendv_epi8(third, fourth, bit4), bit5);
    }
  }
  template <int kEntries>
  static Levels LookUp(const Table<kEntries>& table, Levels windows) {
    return {LookUpHalf<kEntries>(table, windows.low), LookUpHalf<kEntries>(table, windows.high)};
  }
  static Levels Shift(Levels windows, const uint8_t* p) {
    return {_mm256_sub_epi8(_mm256_add_epi8(windows.low, windows.low), SpreadMask(p)),
            _mm256_sub_epi8(_mm256_add_epi8(windows.high, windows.high), SpreadMask(p + 4))};
  }
  static Levels AddLevels(Levels a, Levels b) {
    return {_mm256_add_epi8(a.low, b.low), _mm256_add_epi8(a.high, b.high)};
  }
  static Codes Signed(Codes codes) { return codes; }
  static Float DotSigned(Levels levels, Codes codes) { return DotInt8(levels, codes); }
};

#include "kernels/matmul-inl.h"

}  // namespace

const MatmulKernels& Avx2Matmul() { return kMatmulKernels; }

}  // namespace crumb
