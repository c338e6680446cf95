// Matrix kernels with AVX-512 (F, BW, DQ, VL), VNNI and VBMI.
#include <immintrin.h>

#if defined(__GNUC__) && !defined(__clang__)
// The intrinsics of g++ 12 start from an undefined vector on purpose (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include "kernels/kernel_table.h"

namespace crumb {
namespace {

#include "kernels/ternary_tables-inl.h"

struct Simd {
  static constexpr int64_t kLanes = 16;
  static constexpr int kFloatRows = 4;
  static constexpr int kFloatBatch = 6;
  static constexpr int kIntRows = 4;
  static constexpr int kIntBatch = 6;
  static constexpr int kTrellisRows = 4;
  static constexpr float kInt8Bias = 0;

  using Float = __m512;
  using Levels = __m512i;
  using Codes = __m512i;

  static Float Zero() { return _mm512_setzero_ps(); }
  static Float Set(float v) { return _mm512_set1_ps(v); }
  static Float Load(const float* p) { return _mm512_loadu_ps(p); }
  static void Store(float* p, Float v) { _mm512_storeu_ps(p, v); }

  static __mmask16 First(int64_t n) { return static_cast<__mmask16>((1u << n) - 1); }
  static Float LoadFirst(const uint8_t* p, int64_t n) { return _mm512_maskz_loadu_ps(First(n), p); }
  static Float LoadHalf(const uint8_t* p, int64_t n) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(First(n), p));
  }
  static Float LoadBfloat16(const uint8_t* p, int64_t n) {
    const __m512i words = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(First(n), p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(words, 16));
  }
  static Float LoadBytes(const uint8_t* p, int64_t n) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(First(n), p)));
  }

  static Float Add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float Mul(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float Div(Float a, Float b) { return _mm512_div_ps(a, b); }
  static Float Max(Float a, Float b) { return _mm512_max_ps(a, b); }
  static Float Min(Float a, Float b) { return _mm512_min_ps(a, b); }
  static Float Abs(Float a) { return _mm512_abs_ps(a); }
  static Float Round(Float a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  static Float Fma(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }
  static Float Fnma(Float a, Float b, Float c) { return _mm512_fnmadd_ps(a, b, c); }
  static float Sum(Float a) { return _mm512_reduce_add_ps(a); }
  static float MaxOf(Float a) { return _mm512_reduce_max_ps(a); }

  // One bit of the word at p for each byte.
  static __mmask64 LoadBits(const uint8_t* p) {
    uint64_t bits;
    __builtin_memcpy(&bits, p, sizeof(bits));
    return _cvtu64_mask64(bits);
  }
  static Levels UnpackTwoBits(const uint8_t* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m512i shifts = _mm512_set_epi64(6, 6, 4, 4, 2, 2, 0, 0);
    const __m512i shifted = _mm512_srlv_epi64(_mm512_broadcast_i32x4(bytes), shifts);
    return _mm512_and_si512(shifted, _mm512_set1_epi8(3));
  }
  static Levels UnpackTernary(const uint8_t* p) {
    // Bytes 0 to 7, then 8 to 12 as the upper part of bytes 5 to 12: nothing past the group is
    // read.
    const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    const __m128i high = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + 5));
    const __m128i bytes = _mm_unpacklo_epi64(low, _mm_srli_epi64(high, 24));
    const __m512i placed =
        _mm512_permutexvar_epi8(_mm512_load_si512(kTernary.place), _mm512_castsi128_si512(bytes));
    const __m512i even = _mm512_mullo_epi16(placed, _mm512_load_si512(kTernary.even));
    const __m512i odd =
        _mm512_mullo_epi16(_mm512_srli_epi16(placed, 8), _mm512_load_si512(kTernary.odd));
    const __m512i digits =
        _mm512_mask_blend_epi8(0xaaaaaaaaaaaaaaaau, even, _mm512_slli_epi16(odd, 8));
    // (3 u) >> 8 is 1 from u = 86 on and 2 from u = 171 on.
    const __mmask64 one = _mm512_cmpge_epu8_mask(digits, _mm512_set1_epi8(86));
    const __mmask64 two = _mm512_cmpge_epu8_mask(digits, _mm512_set1_epi8(static_cast<char>(171)));
    const __m512i ones = _mm512_maskz_set1_epi8(one, 1);
    return _mm512_mask_add_epi8(ones, two, ones, ones);
  }
  template <WeightFormat kFormat>
  static Levels Unpack(const uint8_t* p) {
    if constexpr (kFormat == WeightFormat::kInt4) {
      const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
      const __m512i shifts = _mm512_set_epi64(4, 4, 4, 4, 0, 0, 0, 0);
      const __m512i shifted = _mm512_srlv_epi64(_mm512_broadcast_i64x4(bytes), shifts);
      return _mm512_and_si512(shifted, _mm512_set1_epi8(15));
    } else if constexpr (kFormat == WeightFormat::kInt3) {
      const __m512i low = UnpackTwoBits(p);
      return _mm512_mask_add_epi8(low, LoadBits(p + 16), low, _mm512_set1_epi8(4));
    } else if constexpr (kFormat == WeightFormat::kInt2) {
      return UnpackTwoBits(p);
    } else if constexpr (kFormat == WeightFormat::kInt1) {
      return _mm512_maskz_set1_epi8(LoadBits(p), 1);
    } else if constexpr (kFormat == WeightFormat::kTernary) {
      return UnpackTernary(p);
    } else {
      return _mm512_loadu_si512(p);
    }
  }
  static void StoreLevels(Levels levels, uint8_t* p) { _mm512_storeu_si512(p, levels); }

  static Codes LoadCodes(const int8_t* p) { return _mm512_loadu_si512(p); }
  static void StoreCodes(Float v, int8_t* p) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
  }
  static Float Dot(Levels levels, Codes codes) {
    return _mm512_cvtepi32_ps(_mm512_dpbusd_epi32(_mm512_setzero_si512(), levels, codes));
  }
  static Float DotInt8(Levels levels, Codes codes) { return Dot(levels, codes); }

  template <int kEntries>
  using Table = __m512i;
  template <int kEntries>
  static __m512i LoadTable(const uint8_t* p) {
    return _mm512_loadu_si512(p);
  }
  template <int kEntries>
  static Levels LookUp(__m512i table, Levels windows) {
    return _mm512_permutexvar_epi8(windows, table);
  }
  static Levels Shift(Levels windows, const uint8_t* p) {
    const __m512i twice = _mm512_add_epi8(windows, windows);
    return _mm512_mask_sub_epi8(twice, LoadBits(p), twice, _mm512_set1_epi8(-1));
  }
  static Levels AddLevels(Levels a, Levels b) { return _mm512_add_epi8(a, b); }
  // Codes and -128 times their sums, as Dot starts from.
  struct SignedCodes {
    __m512i codes, start;
  };
  static SignedCodes Signed(Codes codes) {
    const __m512i bias = _mm512_set1_epi8(static_cast<char>(128));
    const __m512i zero = _mm512_setzero_si512();
    return {codes, _mm512_sub_epi32(zero, _mm512_dpbusd_epi32(zero, bias, codes))};
  }
  static Float DotSigned(Levels levels, const SignedCodes& x) {
    return _mm512_cvtepi32_ps(_mm512_dpbusd_epi32(x.start, levels, x.codes));
  }
};

#include "kernels/matmul-inl.h"

}  // namespace

const MatmulKernels& Avx512Matmul() { return kMatmulKernels; }

}  // namespace crumb
