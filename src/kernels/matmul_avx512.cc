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

struct Simd {
  static constexpr int64_t kLanes = 16;
  static constexpr int kDoublings = 4;
  static constexpr int kFloatRows = 4;
  static constexpr int kFloatRowsOfOne = 4;
  static constexpr int kFloatBatch = 6;
  static constexpr int kIntVectors = 1;
  static constexpr int kIntBatch = 12;
  static constexpr int kFew = 8;
  static constexpr int kFewWithTwoSums = 3;
  static constexpr int kColumns = 64;
  static constexpr int kSubtracted = 0;
  static constexpr bool kTernaryInRegisters = true;
  static constexpr bool kRowByRow = true;
  static constexpr bool kOwnRows = true;
  static constexpr bool kTrellisTiles = true;
  static constexpr bool kGridTiles = true;
  static constexpr bool kFloatTiles = true;
  static constexpr int kLargestLevel = 255;
  static constexpr int kTileFew = 8;
  static constexpr int kTileFewWithTwoSums = 4;
  static constexpr bool kProductsWait = true;
  static constexpr int TileVectors(int /*batch*/) { return 2; }

  using Float = __m512;
  using Levels = __m512i;
  using Codes = __m512i;
  using Ints = __m512i;
  using Quads = __m512i;
  using Codes4 = __m512i;

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

  // The steps of Sum for two vectors at once: lanes 8, 4, 2 and 1 apart.
  static Float AddHalves(Float a, Float b) {
    return Add(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
  }
  static Float AddQuarters(Float a, Float b) {
    return Add(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
  }
  static Float AddPairs(Float a, Float b) {
    const __m512d x = _mm512_castps_pd(a), y = _mm512_castps_pd(b);
    return Add(_mm512_castpd_ps(_mm512_unpacklo_pd(x, y)),
               _mm512_castpd_ps(_mm512_unpackhi_pd(x, y)));
  }
  static Float AddNeighbours(Float a, Float b) {
    return Add(_mm512_shuffle_ps(a, b, 0x88), _mm512_shuffle_ps(a, b, 0xdd));
  }
  // y[b * stride + r] = Sum(v[r][b]), the same bits, for four rows: 45 instructions for 16 sums,
  // where each alone takes 8. No loops: nothing of v may have to lie in memory.
  static constexpr int kRowsOfSums = 4;
  template <int kBatch>
  static void StoreSums(const Float (&v)[kRowsOfSums][kBatch], float* y, int64_t stride) {
    StoreSumsFrom<0>(v, y, stride);
  }
  template <int kFrom, int kBatch>
  static void StoreSumsFrom(const Float (&v)[kRowsOfSums][kBatch], float* y, int64_t stride) {
    constexpr int kLeft = kBatch - kFrom;
    if constexpr (kLeft > 2) {
      const Float a = FourHalves<kFrom>(v[0]), b = FourHalves<kFrom>(v[1]);
      const Float c = FourHalves<kFrom>(v[2]), d = FourHalves<kFrom>(v[3]);
      const Float sums = AddNeighbours(AddPairs(a, b), AddPairs(c, d));
      _mm_storeu_ps(y, _mm512_castps512_ps128(sums));
      _mm_storeu_ps(y + stride, _mm512_extractf32x4_ps(sums, 1));
      _mm_storeu_ps(y + 2 * stride, _mm512_extractf32x4_ps(sums, 2));
      if constexpr (kLeft > 3) _mm_storeu_ps(y + 3 * stride, _mm512_extractf32x4_ps(sums, 3));
      if constexpr (kLeft > 4) StoreSumsFrom<kFrom + 4>(v, y + 4 * stride, stride);
    } else {
      // Blocks of four lanes: rows 0 and 1 of both columns, then rows 2 and 3.
      const Float even = AddQuarters(TwoHalves<kFrom>(v[0]), TwoHalves<kFrom>(v[2]));
      const Float odd = AddQuarters(TwoHalves<kFrom>(v[1]), TwoHalves<kFrom>(v[3]));
      const Float pairs = AddPairs(even, odd);
      const __m512d sums = _mm512_castps_pd(AddNeighbours(pairs, pairs));
      const __m512i order = _mm512_setr_epi64(0, 4, 2, 6, 0, 0, 0, 0);
      const __m512 rows = _mm512_castpd_ps(_mm512_permutexvar_pd(order, sums));
      _mm_storeu_ps(y, _mm512_castps512_ps128(rows));
      if constexpr (kLeft > 1) _mm_storeu_ps(y + stride, _mm512_extractf32x4_ps(rows, 1));
    }
  }
  // Columns kFrom, kFrom + 1 (.. kFrom + 3) of a row, zeros behind the last.
  template <int kFrom, int kBatch>
  static Float TwoHalves(const Float (&row)[kBatch]) {
    if constexpr (kFrom + 1 < kBatch) return AddHalves(row[kFrom], row[kFrom + 1]);
    if constexpr (kFrom + 1 == kBatch) return AddHalves(row[kFrom], Zero());
    return Zero();
  }
  template <int kFrom, int kBatch>
  static Float FourHalves(const Float (&row)[kBatch]) {
    return AddQuarters(TwoHalves<kFrom>(row), TwoHalves<kFrom + 2>(row));
  }

  // ---- kLanes rows side by side ----

  static __m128i Load128(const uint8_t* p) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  }
  // Rows i, i + 4, i + 8 and i + 12.
  static __m512i LoadFourRows(const uint8_t* p, int64_t stride, int i) {
    __m512i rows = _mm512_castsi128_si512(Load128(p + i * stride));
    rows = _mm512_inserti32x4(rows, Load128(p + (i + 4) * stride), 1);
    rows = _mm512_inserti32x4(rows, Load128(p + (i + 8) * stride), 2);
    return _mm512_inserti32x4(rows, Load128(p + (i + 12) * stride), 3);
  }
  static void Transpose(const uint8_t* p, int64_t stride, Quads out[4]) {
    const __m512i a = LoadFourRows(p, stride, 0), b = LoadFourRows(p, stride, 1);
    const __m512i c = LoadFourRows(p, stride, 2), d = LoadFourRows(p, stride, 3);
    const __m512i ab0 = _mm512_unpacklo_epi32(a, b), ab1 = _mm512_unpackhi_epi32(a, b);
    const __m512i cd0 = _mm512_unpacklo_epi32(c, d), cd1 = _mm512_unpackhi_epi32(c, d);
    out[0] = _mm512_unpacklo_epi64(ab0, cd0);
    out[1] = _mm512_unpackhi_epi64(ab0, cd0);
    out[2] = _mm512_unpacklo_epi64(ab1, cd1);
    out[3] = _mm512_unpackhi_epi64(ab1, cd1);
  }
  // 8 bytes of rows i and i + 1.
  static __m128i LoadTwoHalves(const uint8_t* p, int64_t stride, int i) {
    const __m128 low =
        _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + i * stride)));
    return _mm_castps_si128(
        _mm_loadh_pi(low, reinterpret_cast<const __m64*>(p + (i + 1) * stride)));
  }
  // 8 bytes of rows i and i + 1, and of those 4, 8 and 12 rows on.
  static __m512 LoadEightHalves(const uint8_t* p, int64_t stride, int i) {
    __m512i rows = _mm512_castsi128_si512(LoadTwoHalves(p, stride, i));
    rows = _mm512_inserti32x4(rows, LoadTwoHalves(p, stride, i + 4), 1);
    rows = _mm512_inserti32x4(rows, LoadTwoHalves(p, stride, i + 8), 2);
    return _mm512_castsi512_ps(_mm512_inserti32x4(rows, LoadTwoHalves(p, stride, i + 12), 3));
  }
  static void TransposeHalf(const uint8_t* p, int64_t stride, Quads out[2]) {
    const __m512 a = LoadEightHalves(p, stride, 0), b = LoadEightHalves(p, stride, 2);
    out[0] = _mm512_castps_si512(_mm512_shuffle_ps(a, b, 0x88));
    out[1] = _mm512_castps_si512(_mm512_shuffle_ps(a, b, 0xdd));
  }
  static Quads LoadQuads(const uint8_t* p) { return _mm512_loadu_si512(p); }
  static void StoreQuads(Quads q, uint8_t* p) { _mm512_storeu_si512(p, q); }
  static Quads And(Quads a, uint8_t byte) {
    return _mm512_and_si512(a, _mm512_set1_epi8(static_cast<char>(byte)));
  }
  static Quads Twice(Quads a) { return _mm512_add_epi8(a, a); }
  static Quads Or(Quads a, Quads b) { return _mm512_or_si512(a, b); }
  template <int n>
  static Quads ShiftRight(Quads a) {
    return _mm512_srli_epi16(a, n);
  }
  // vpmultishiftqb takes for each byte the eight bits of its two lanes from a place on, so that the
  // bit in question comes to the place of kValue.
  template <int kValue>
  static Quads FourBits(Quads bits, int n) {
    constexpr int kPlace = kValue == 4 ? 2 : 1;
    static_assert(kValue == 1 << kPlace);
    const uint64_t from = static_cast<uint64_t>(4 * n + 64 - kPlace);
    const uint64_t low = (0x03020100u + from * 0x01010101u) & 0x3f3f3f3fu;
    const uint64_t places = low | (low ^ 0x20202020u) << 32;
    const __m512i shifted =
        _mm512_multishift_epi64_epi8(_mm512_set1_epi64(static_cast<int64_t>(places)), bits);
    return And(shifted, kValue);
  }

  // Digit k of a byte is (3 u) >> 8 with u = 3^k byte modulo 256.
  static __m512i Thrice(__m512i u) { return _mm512_add_epi8(_mm512_add_epi8(u, u), u); }
  static __m512i FirstDigits(__m512i u) {
    // (3 u) >> 8 is 1 from u = 86 on and 2 from u = 171 on.
    const __mmask64 one = _mm512_cmpge_epu8_mask(u, _mm512_set1_epi8(86));
    const __mmask64 two = _mm512_cmpge_epu8_mask(u, _mm512_set1_epi8(static_cast<char>(171)));
    const __m512i ones = _mm512_maskz_set1_epi8(one, 1);
    return _mm512_mask_add_epi8(ones, two, ones, ones);
  }
  static void TernaryDigits(Quads bytes, Quads out[5]) {
    for (int k = 0; k < 5; ++k, bytes = Thrice(bytes)) out[k] = FirstDigits(bytes);
  }
  // Byte 0 of each lane times 1, 3, 9 and 27.
  static __m512i PowersOfByte(__m512i bytes) {
    const __m512i source =
        _mm512_broadcast_i32x4(_mm_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c));
    const __m512i byte = _mm512_shuffle_epi8(bytes, source);
    const __m512i odd = _mm512_mask_blend_epi8(0xaaaaaaaaaaaaaaaau, byte, Thrice(byte));
    return _mm512_mask_blend_epi8(0xccccccccccccccccu, odd, Thrice(Thrice(odd)));
  }
  static Quads TernaryDigitsOfByte(Quads bytes) { return FirstDigits(PowersOfByte(bytes)); }
  // Without extracting digits: digit k is (3 u_k - u_{k+1}) / 256, so that
  // 256 sum q_k x_k = 3 sum u_k x_k - sum u_{k+1} x_k. `codes` in TernaryOrder.
  static Ints TernaryDot(const uint8_t* p, int64_t stride, const int8_t* codes) {
    __m512i bytes[4];
    Transpose(p, stride, bytes);
    __m512i now = _mm512_setzero_si512(), next = now;
    for (int i = 0; i < 3; ++i) {
      __m512i u = bytes[i];
      for (int k = 0; k < 5; ++k) {
        const __m512i x = LoadCodes4(codes + int64_t{12} * k + int64_t{4} * i);
        now = _mm512_dpbusd_epi32(now, u, x);
        u = Thrice(u);
        next = _mm512_dpbusd_epi32(next, u, x);
      }
    }
    const __m512i u = PowersOfByte(bytes[3]), x = LoadCodes4(codes + 60);
    now = _mm512_dpbusd_epi32(now, u, x);
    next = _mm512_dpbusd_epi32(next, Thrice(u), x);
    const __m512i thrice = _mm512_add_epi32(_mm512_add_epi32(now, now), now);
    return _mm512_srai_epi32(_mm512_sub_epi32(thrice, next), 8);
  }

  // Finite halves as floats: exponent and fraction in place, then times 2^(127 - 15).
  static Float HalfAbove(__m512i a) {
    const __m512i bits = _mm512_and_si512(_mm512_srai_epi32(a, 3),
                                          _mm512_set1_epi32(static_cast<int32_t>(0x8fffe000)));
    return _mm512_mul_ps(_mm512_castsi512_ps(bits), _mm512_set1_ps(0x1p112f));
  }
  static Float LowHalf(Quads a) { return HalfAbove(_mm512_slli_epi32(a, 16)); }
  static Float HighHalf(Quads a) { return HalfAbove(a); }
  static Ints ByteOf(Quads a, int i) {
    return _mm512_and_si512(_mm512_srli_epi32(a, static_cast<unsigned>(8 * i)),
                            _mm512_set1_epi32(255));
  }

  static Codes4 LoadCodes4(const int8_t* p) {
    int32_t four;
    __builtin_memcpy(&four, p, sizeof(four));
    return _mm512_set1_epi32(four);
  }
  static Quads Wide(Quads levels) { return levels; }
  template <bool kWide>
  struct Dot {
    __m512i sum;
    void Start(int32_t n) { sum = _mm512_set1_epi32(n); }
    void Add(Quads quads, Codes4 codes) { sum = _mm512_dpbusd_epi32(sum, quads, codes); }
    Ints Sum() const { return sum; }
  };
  static Float ToFloat(Ints a) { return _mm512_cvtepi32_ps(a); }
  static Ints SetInts(int32_t n) { return _mm512_set1_epi32(n); }
  static Ints AddInts(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
  template <unsigned n>
  static Ints ShiftInts(Ints a) {
    return _mm512_srai_epi32(a, n);
  }

  // ---- 64 columns of one row ----

  // One bit of the word at p for each byte.
  static __mmask64 LoadBits(const uint8_t* p) {
    uint64_t bits;
    __builtin_memcpy(&bits, p, sizeof(bits));
    return _cvtu64_mask64(bits);
  }
  static Levels LoadLevels(const uint8_t* p) { return _mm512_loadu_si512(p); }
  static void StoreLevels(Levels levels, uint8_t* p) { _mm512_storeu_si512(p, levels); }

  static Codes LoadCodes(const int8_t* p) { return _mm512_loadu_si512(p); }
  static void StoreCodes(Float v, int8_t* p) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
  }
  static Ints RowDot(Levels levels, Codes codes) {
    return _mm512_dpbusd_epi32(_mm512_setzero_si512(), levels, codes);
  }
  template <int kStep>
  static Ints Merge(Ints a, Ints b) {
    if constexpr (kStep == 1) {
      return _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    } else if constexpr (kStep == 2) {
      return _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    } else {
      return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xdd));
    }
  }

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
};

#include "kernels/matmul-inl.h"
// Uses what is above.
#include "kernels/grid_row_avx512-inl.h"
#include "kernels/trellis_row_avx512-inl.h"
// clang-format off
#include "kernels/tiled_grid-inl.h"
#include "kernels/tiled_trellis_avx512-inl.h"
// clang-format on

}  // namespace

const MatmulKernels& Avx512Matmul() { return kMatmulKernels; }

}  // namespace crumb
