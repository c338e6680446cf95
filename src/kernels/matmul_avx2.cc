// Matrix kernels with AVX2, FMA and F16C.
#include <immintrin.h>

#include "kernels/kernel_table.h"

namespace crumb {
namespace {

struct Simd {
  static constexpr int64_t kLanes = 8;
  static constexpr int kDoublings = 3;
  static constexpr int kFloatRows = 3;
  static constexpr int kFloatRowsOfOne = 4;
  static constexpr int kFloatBatch = 4;
  static constexpr int kRowsOfSums = 0;
  static constexpr int kIntVectors = 2;
  static constexpr int kIntBatch = 4;
  static constexpr int kFew = 3;
  static constexpr int kFewWithTwoSums = 1;
  static constexpr int kColumns = 32;
  static constexpr int kSubtracted = 128;
  static constexpr bool kTernaryInRegisters = false;
  static constexpr bool kRowByRow = false;
  static constexpr bool kOwnRows = false;
  static constexpr bool kTrellisTiles = false;
  static constexpr bool kGridTiles = true;
  static constexpr bool kFloatTiles = false;
  static constexpr int kLargestLevel = 15;
  static constexpr int kTileFew = 4;
  static constexpr int kTileFewWithTwoSums = 1;
  static constexpr bool kProductsWait = false;
  // So many that the sums in 16 bits stay in registers.
  static constexpr int TileVectors(int batch) { return batch == 1 ? 4 : 1; }

  using Float = __m256;
  using Levels = __m256i;
  using Codes = __m256i;
  using Ints = __m256i;
  using Quads = __m256i;
  using Codes4 = __m256i;

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

  // ---- kLanes rows side by side ----

  // Rows i and i + 4.
  static __m256i LoadTwoRows(const uint8_t* p, int64_t stride, int i) {
    return Both(Load128(p + i * stride), Load128(p + (i + 4) * stride));
  }
  static void Transpose(const uint8_t* p, int64_t stride, Quads out[4]) {
    const __m256i a = LoadTwoRows(p, stride, 0), b = LoadTwoRows(p, stride, 1);
    const __m256i c = LoadTwoRows(p, stride, 2), d = LoadTwoRows(p, stride, 3);
    const __m256i ab0 = _mm256_unpacklo_epi32(a, b), ab1 = _mm256_unpackhi_epi32(a, b);
    const __m256i cd0 = _mm256_unpacklo_epi32(c, d), cd1 = _mm256_unpackhi_epi32(c, d);
    out[0] = _mm256_unpacklo_epi64(ab0, cd0);
    out[1] = _mm256_unpackhi_epi64(ab0, cd0);
    out[2] = _mm256_unpacklo_epi64(ab1, cd1);
    out[3] = _mm256_unpackhi_epi64(ab1, cd1);
  }
  // 8 bytes of rows i and i + 1.
  static __m128 LoadTwoHalves(const uint8_t* p, int64_t stride, int i) {
    const __m128 low =
        _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + i * stride)));
    return _mm_loadh_pi(low, reinterpret_cast<const __m64*>(p + (i + 1) * stride));
  }
  static void TransposeHalf(const uint8_t* p, int64_t stride, Quads out[2]) {
    const __m256 a = _mm256_insertf128_ps(_mm256_castps128_ps256(LoadTwoHalves(p, stride, 0)),
                                          LoadTwoHalves(p, stride, 4), 1);
    const __m256 b = _mm256_insertf128_ps(_mm256_castps128_ps256(LoadTwoHalves(p, stride, 2)),
                                          LoadTwoHalves(p, stride, 6), 1);
    out[0] = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88));
    out[1] = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xdd));
  }
  static Quads LoadQuads(const uint8_t* p) { return Load256(p); }
  static void StoreQuads(Quads q, uint8_t* p) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), q);
  }
  static Quads And(Quads a, uint8_t byte) {
    return _mm256_and_si256(a, _mm256_set1_epi8(static_cast<char>(byte)));
  }
  static Quads Twice(Quads a) { return _mm256_add_epi8(a, a); }
  static Quads Or(Quads a, Quads b) { return _mm256_or_si256(a, b); }
  template <int n>
  static Quads ShiftRight(Quads a) {
    return _mm256_srli_epi16(a, n);
  }
  template <int kValue>
  static Quads FourBits(Quads bits, int n) {
    const __m256i source = _mm256_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c, 0, 0x04040404,
                                             0x08080808, 0x0c0c0c0c);
    const __m256i byte = _mm256_shuffle_epi8(
        bits, _mm256_add_epi8(source, _mm256_set1_epi8(static_cast<char>(n / 2))));
    const __m256i place = _mm256_set1_epi32(0x08040201);
    const __m256i bit = _mm256_and_si256(n % 2 == 0 ? byte : _mm256_srli_epi16(byte, 4), place);
    // Of 0, 1, 2, 4 and 8.
    constexpr char v = kValue;
    const __m256i values = _mm256_setr_epi8(0, v, v, 0, v, 0, 0, 0, v, 0, 0, 0, 0, 0, 0, 0, 0, v, v,
                                            0, v, 0, 0, 0, v, 0, 0, 0, 0, 0, 0, 0);
    return _mm256_shuffle_epi8(values, bit);
  }

  // Bytes u as pairs of digits (9 u) >> 8, 0 .. 8.
  static __m256i TwoDigits(__m256i even, __m256i odd) {
    const __m256i nine = _mm256_set1_epi16(9);
    return _mm256_or_si256(_mm256_mulhi_epu16(even, nine),
                           _mm256_slli_epi16(_mm256_mulhi_epu16(odd, nine), 8));
  }
  static void TernaryDigits(Quads bytes, Quads out[5]) {
    const __m256i first = _mm256_setr_epi8(0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                           1, 1, 1, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0);
    const __m256i second = _mm256_setr_epi8(0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2,
                                            0, 1, 2, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0);
    const __m256i nine = _mm256_set1_epi16(9), three = _mm256_set1_epi16(3);
    // Each byte in the upper half of a word: words have no carry into one another.
    __m256i even = _mm256_slli_epi16(bytes, 8);
    __m256i odd = _mm256_and_si256(bytes, _mm256_set1_epi16(static_cast<int16_t>(0xff00)));
    __m256i pair = TwoDigits(even, odd);
    out[0] = _mm256_shuffle_epi8(first, pair);
    out[1] = _mm256_shuffle_epi8(second, pair);
    even = _mm256_mullo_epi16(even, nine);
    odd = _mm256_mullo_epi16(odd, nine);
    pair = TwoDigits(even, odd);
    out[2] = _mm256_shuffle_epi8(first, pair);
    out[3] = _mm256_shuffle_epi8(second, pair);
    even = _mm256_mulhi_epu16(_mm256_mullo_epi16(even, nine), three);
    odd = _mm256_mulhi_epu16(_mm256_mullo_epi16(odd, nine), three);
    out[4] = _mm256_or_si256(even, _mm256_slli_epi16(odd, 8));
  }
  static Quads TernaryDigitsOfByte(Quads bytes) {
    // Byte 0 times 3^i in the upper half of a word: the digit is the word times 3 over 2^16.
    const __m256i byte = _mm256_slli_epi16(
        _mm256_shuffle_epi8(
            bytes, _mm256_setr_epi8(0, -1, 0, -1, 4, -1, 4, -1, 8, -1, 8, -1, 12, -1, 12, -1, 0, -1,
                                    0, -1, 4, -1, 4, -1, 8, -1, 8, -1, 12, -1, 12, -1)),
        8);
    const __m256i three = _mm256_set1_epi16(3);
    const __m256i even = _mm256_mullo_epi16(byte, _mm256_set1_epi32(0x00090001));
    const __m256i odd = _mm256_mullo_epi16(byte, _mm256_set1_epi32(0x001b0003));
    return _mm256_or_si256(_mm256_mulhi_epu16(even, three),
                           _mm256_slli_epi16(_mm256_mulhi_epu16(odd, three), 8));
  }

  // Finite halves as floats: exponent and fraction in place, then times 2^(127 - 15).
  static Float HalfAbove(__m256i a) {
    const __m256i bits = _mm256_and_si256(_mm256_srai_epi32(a, 3),
                                          _mm256_set1_epi32(static_cast<int32_t>(0x8fffe000)));
    return _mm256_mul_ps(_mm256_castsi256_ps(bits), _mm256_set1_ps(0x1p112f));
  }
  static Float LowHalf(Quads a) { return HalfAbove(_mm256_slli_epi32(a, 16)); }
  static Float HighHalf(Quads a) { return HalfAbove(a); }
  static Ints ByteOf(Quads a, int i) {
    return _mm256_and_si256(_mm256_srli_epi32(a, 8 * i), _mm256_set1_epi32(255));
  }

  static Codes4 LoadCodes4(const int8_t* p) {
    int32_t four;
    __builtin_memcpy(&four, p, sizeof(four));
    return _mm256_set1_epi32(four);
  }
  static Quads Wide(Quads levels) {
    return _mm256_xor_si256(levels, _mm256_set1_epi8(static_cast<char>(0x80)));
  }
  // Has a sum made where it stands: g++ would add in another order, all at the end, and keep the
  // summands on the stack until then.
  static __m256i Now(__m256i sum) {
    __asm__("" : "+x"(sum));
    return sum;
  }
  static __m256i AddPairs(__m256i sum, __m256i pairs) {
    return Now(_mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))));
  }
  // Signed w as |w| * (code with the sign of w): 2 * 128 * 127 fits 16 bits.
  static __m256i SignedPairs(__m256i w, __m256i codes) {
    return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(codes, w));
  }
  template <bool kWide>
  struct Dot {
    __m256i sum, pairs;
    int added;

    void Start(int32_t n) {
      sum = _mm256_set1_epi32(n);
      added = 0;
    }
    // Wherever it stands, `added` is known when it is inlined.
    __attribute__((always_inline)) void Add(Quads quads, Codes4 codes) {
      if constexpr (kWide) {
        sum = AddPairs(sum, SignedPairs(quads, codes));
      } else {
        // Sixteen products of at most 15 * 127: within 16 bits.
        const __m256i products = _mm256_maddubs_epi16(quads, codes);
        pairs = added % 8 == 0 ? products : Now(_mm256_add_epi16(pairs, products));
        if (++added % 8 == 0) sum = AddPairs(sum, pairs);
      }
    }
    Ints Sum() const { return sum; }
  };
  static Float ToFloat(Ints a) { return _mm256_cvtepi32_ps(a); }
  static Ints SetInts(int32_t n) { return _mm256_set1_epi32(n); }
  static Ints AddInts(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
  template <int n>
  static Ints ShiftInts(Ints a) {
    return _mm256_srai_epi32(a, n);
  }

  // ---- kColumns columns of one row ----

  static Levels LoadLevels(const uint8_t* p) { return Load256(p); }
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
  static void StoreLevels(Levels levels, uint8_t* p) { StoreQuads(levels, p); }

  static Codes LoadCodes(const int8_t* p) { return Load256(p); }
  static void StoreCodes(Float v, int8_t* p) {
    const __m256i words = _mm256_cvtps_epi32(v);
    const __m128i halves =
        _mm_packs_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(halves, halves));
  }

  static Ints RowDot(Levels levels, Codes codes) {
    return _mm256_madd_epi16(SignedPairs(Wide(levels), codes), _mm256_set1_epi16(1));
  }
  template <int kStep>
  static Ints Merge(Ints a, Ints b) {
    if constexpr (kStep == 1) {
      return _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
    } else if constexpr (kStep == 2) {
      return _mm256_add_epi32(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    } else {
      return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20),
                              _mm256_permute2x128_si256(a, b, 0x31));
    }
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
      table.part[i] = _mm256_broadcastsi128_si256(Load128(p + int64_t{16} * i));
    }
    return table;
  }
  template <int kEntries>
  static Levels LookUp(const Table<kEntries>& table, Levels windows) {
    const __m256i low = _mm256_and_si256(windows, _mm256_set1_epi8(15));
    const __m256i first = _mm256_shuffle_epi8(table.part[0], low);
    if constexpr (kEntries == 16) {
      return first;
    } else {
      // A blend chooses by bit 7 of each byte: bits 4 and 5 of the window are brought there.
      const __m256i bit4 = _mm256_slli_epi16(windows, 3);
      const __m256i second = _mm256_shuffle_epi8(table.part[1], low);
      const __m256i lower = _mm256_blendv_epi8(first, second, bit4);
      if constexpr (kEntries == 32) {
        return lower;
      } else {
        const __m256i bit5 = _mm256_slli_epi16(windows, 2);
        const __m256i third = _mm256_shuffle_epi8(table.part[2], low);
        const __m256i fourth = _mm256_shuffle_epi8(table.part[3], low);
        return _mm256_blendv_epi8(lower, _mm256_blendv_epi8(third, fourth, bit4), bit5);
      }
    }
  }
  static Levels Shift(Levels windows, const uint8_t* p) {
    return _mm256_sub_epi8(_mm256_add_epi8(windows, windows), SpreadMask(p));
  }
  static Levels AddLevels(Levels a, Levels b) { return _mm256_add_epi8(a, b); }
};

#include "kernels/matmul-inl.h"
// Uses what is above.
#include "kernels/tiled_grid-inl.h"

}  // namespace

const MatmulKernels& Avx2Matmul() { return kMatmulKernels; }

}  // namespace crumb
