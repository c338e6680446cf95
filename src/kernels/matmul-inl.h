// The matrix kernels, written once for every instruction set. No include guard: each X_SET.cc
// defines `struct Simd` (the operations listed below) in an anonymous namespace of crumb and
// includes this file right after it, inside that namespace, so that nothing here has linkage (see
// kernel_table.h).
//
//   kLanes                  floats in a vector, 2^kDoublings
//   Float, Ints             kLanes floats; kLanes 32-bit integers
//   kFloatRows, kFloatBatch register tile of the float kernel: weight rows x activation rows
//   kFloatRowsOfOne         its weight rows with one activation row
//   Zero, Set, Load, Store  of Float; no alignment is asked for
//   LoadFirst(p, n), LoadHalf(p, n), LoadBfloat16(p, n), LoadBytes(p, n)
//                           the first n <= kLanes numbers at p as floats, then zeros
//   Add, Mul, Div, Max, Min, Abs, Round, Sum, MaxOf
//   Fma(a, b, c)            a b + c
//   Fnma(a, b, c)           c - a b
//   StoreCodes(v, p)        v holds whole numbers within -127 .. 127
//
// for float_products-inl.h and activations; besides, for int_products-inl.h:
//
//   kIntVectors, kIntBatch  register tile: vectors of weight rows x activation rows
//   kFew                    most activation rows that share what was unpacked to registers
//   kFewWithTwoSums         most of them that have two sums each
//   Quads                   kLanes rows side by side, four bytes (levels or packed bits) of each
//   Transpose(p, stride, q), TransposeHalf(p, stride, q)
//                           16 (8) bytes of each of kLanes rows as four (two) Quads
//   LoadQuads, StoreQuads   of 4 kLanes bytes
//   And(q, byte), Or(q, q)
//   ShiftRight<n>(q)        each byte by n; the n upper bits of the result are any
//   FourBits<v>(q, n)       byte i of a lane: v where bit 4 n + i of the lane is set, else 0
//   TernaryDigits(q, five), TernaryDigitsOfByte(q)
//                           the five digits of each byte; the first four digits of byte 0
//   LowHalf(q), HighHalf(q) the lower and the upper half of each lane, finite float16, as Float
//   ByteOf(q, i)            byte i of each lane as Ints
//   Codes4, LoadCodes4(p)   four activation codes for every lane
//   Wide(q), kSubtracted    levels up to 255 as Dot<true> takes them: minus kSubtracted (0 or 128)
//   Dot<wide>               sums of kLanes rows: Start(n), Add(quads, codes4) sixteen times, Sum();
//                           Dot<false> is for levels below 16
//   ToFloat(ints), AddInts(a, b), SetInts(n)
//   Levels, Codes           kColumns (divides 64) levels up to 255, and activation codes
//   LoadLevels(p), StoreLevels(v, p), LoadCodes(p)
//   RowDot(levels, codes)   sums of (level - kSubtracted) * code in kLanes parts
//   Merge<n>(a, b)          one step of adding the lanes of 2^n vectors (SumRows)
//   kTernaryInRegisters     whether there is a TernaryDot(p, stride, codes) besides
//
// and what trellis-inl.h names. A "quad" is four columns.

#if defined(__clang__)
#define CRUMB_UNROLL _Pragma("clang loop unroll(full)")
#define CRUMB_LOOP _Pragma("clang loop unroll(disable)")
#else
#define CRUMB_UNROLL _Pragma("GCC unroll 16")
#define CRUMB_LOOP _Pragma("GCC unroll 1")
#endif

#define CRUMB_INLINE __attribute__((always_inline))

using Float = Simd::Float;
constexpr int64_t kGroup = 64;
constexpr int64_t kLanes = Simd::kLanes;

int64_t Smaller(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t RoundUp(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

// ---- activations -------------------------------------------------------------------------------

// amax / 127, or NaN when one of the numbers is NaN or Inf.
float ScaleOf(const float* x, int64_t n) {
  Float largest = Simd::Zero();
  Float poison = Simd::Zero();  // x * 0 summed: NaN when an x is NaN or Inf
  for (int64_t i = 0; i < n; i += kLanes) {
    const Float v = Simd::Load(x + i);
    largest = Simd::Max(largest, Simd::Abs(v));
    poison = Simd::Fma(v, Simd::Zero(), poison);
  }
  const float nan_or_zero = Simd::Sum(poison);
  return nan_or_zero == 0 ? Simd::MaxOf(largest) / 127 : nan_or_zero;
}

// Returns the sum of the codes.
int32_t QuantizeGroup(const float* x, float scale, int8_t* codes) {
  Float sum = Simd::Zero();
  for (int64_t i = 0; i < kGroup; i += kLanes) {
    Float code = Simd::Zero();
    if (scale > 0) {  // not for NaN
      code = Simd::Round(Simd::Div(Simd::Load(x + i), Simd::Set(scale)));
      code = Simd::Max(Simd::Min(code, Simd::Set(127)), Simd::Set(-127));
    }
    sum = Simd::Add(sum, code);
    Simd::StoreCodes(code, codes + i);
  }
  return static_cast<int32_t>(Simd::Sum(sum));
}

void Quantize(const float* x, int64_t groups, int64_t groups_of_a_scale, int8_t* codes,
              float* scales, int32_t* sums) {
  for (int64_t first = 0; first < groups; first += groups_of_a_scale) {
    const float scale = ScaleOf(x + first * kGroup, groups_of_a_scale * kGroup);
    for (int64_t g = first; g < first + groups_of_a_scale; ++g) {
      scales[g] = scale;
      sums[g] = QuantizeGroup(x + g * kGroup, scale, codes + g * kGroup);
    }
  }
}

// With one activation row, weights stream from memory, and rows are too short for the CPU's own
// prefetching to settle: ask for the same place one tile or more on, at least kPrefetchBytes. A
// tile of long rows would push itself out of the first cache; then 0, and the CPU does it alone.
constexpr int64_t kPrefetchBytes = 4096;
constexpr int64_t kLargestPrefetch = 32768;
int64_t PrefetchDistance(int64_t tile_bytes) {
  return tile_bytes > kLargestPrefetch ? 0 : RoundUp(kPrefetchBytes, tile_bytes);
}

// The same for kernels that walk `rows` rows of `row_bytes` side by side: how far ahead of a place
// to ask for memory. In long rows some lines on, and from a row's end to the tile of rows behind
// this one; in short rows whole tiles on.
class RowsAhead {
 public:
  RowsAhead(int64_t rows, int64_t row_bytes) : inside_(row_bytes) {
    if (row_bytes > kInRow) {
      distance_ = kInRow;
      inside_ = row_bytes - kInRow;
      jump_ = (rows - 1) * row_bytes;
    } else {
      distance_ = RoundUp(kPrefetchBytes, rows * row_bytes);
    }
  }
  // From `offset` bytes behind the start of any row.
  int64_t From(int64_t offset) const { return offset < inside_ ? distance_ : distance_ + jump_; }

 private:
  static constexpr int64_t kInRow = 256;
  int64_t distance_;
  int64_t inside_;
  int64_t jump_ = 0;
};

// Asks for the tile behind this one, in the order of addresses, while this one is worked on: in
// that order more misses are under way, and the CPU's own prefetching, which does not see through
// rows side by side, runs too. Small tiles come to the innermost cache; larger ones would push out
// each other there, so they come to the second one.
class TileAhead {
 public:
  static constexpr int64_t kLargestInFirst = 8192;
  TileAhead() = default;  // of nothing
  // The tile of `tile_bytes` from `begin` on, as far as it lies before `end`.
  TileAhead(const uint8_t* begin, const uint8_t* end, int64_t tile_bytes)
      : TileAhead(begin, end, tile_bytes, kLargestInFirst) {}
  TileAhead(const uint8_t* begin, const uint8_t* end, int64_t tile_bytes, int64_t largest_in_first)
      : at_(begin), end_(end), to_first_(tile_bytes <= largest_in_first) {}

  CRUMB_INLINE void Ask(int64_t bytes) {
    for (int64_t i = 0; i < bytes && at_ < end_; i += kLine, at_ += kLine) {
      if (to_first_) {
        __builtin_prefetch(at_, 0, 3);
      } else {
        __builtin_prefetch(at_, 0, 2);
      }
    }
  }

 private:
  static constexpr int64_t kLine = 64;
  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;
  bool to_first_ = true;
};

// Each file uses what those before it define.
// clang-format off
#include "kernels/group_levels-inl.h"
#include "kernels/float_products-inl.h"
#include "kernels/tiled_floats-inl.h"
#include "kernels/int_products-inl.h"
#include "kernels/trellis-inl.h"
// clang-format on

// ---- the table ---------------------------------------------------------------------------------

template <WeightFormat kFormat>
void GroupRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end, float* y,
               int64_t y_stride, void* scratch) {
  if (x.int8) {
    IntRows<kFormat>(w, x, begin, end, y, y_stride, scratch);
  } else {
    DecodedRows(w, x, begin, end, y, y_stride, scratch, DecodeGroupRow<kFormat>);
  }
}

void BinaryRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end, float* y,
                int64_t y_stride, void* scratch) {
  if (x.int8) {
    IntRows<WeightFormat::kBinaryRow>(w, x, begin, end, y, y_stride, scratch);
  } else {
    DecodedRows(w, x, begin, end, y, y_stride, scratch, DecodeBinaryRow);
  }
}

// Where Simd has kTrellisTiles and kGridTiles. The format of a grid is that of the original.
template <int kBits>
void TiledTrellisRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end,
                      float* y, int64_t y_stride, void* scratch);
template <WeightFormat kFormat>
void TiledGridRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end,
                   float* y, int64_t y_stride, void* scratch);

void Rows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end, float* y,
          int64_t y_stride, void* scratch) {
  constexpr void (*kByFormat[])(const WeightView&, const ActivationView&, int64_t, int64_t, float*,
                                int64_t, void*) = {FloatRows<LoadFloat32>,
                                                   FloatRows<LoadFloat16>,
                                                   FloatRows<LoadBfloat16>,
                                                   GroupRows<WeightFormat::kInt8>,
                                                   GroupRows<WeightFormat::kInt4>,
                                                   GroupRows<WeightFormat::kInt3>,
                                                   GroupRows<WeightFormat::kInt2>,
                                                   GroupRows<WeightFormat::kInt1>,
                                                   GroupRows<WeightFormat::kTernary>,
                                                   TrellisFormatRows<1>,
                                                   TrellisFormatRows<2>,
                                                   TrellisFormatRows<3>,
                                                   TrellisFormatRows<4>,
                                                   BinaryRows};
  const auto format = static_cast<int>(w.format);
  if constexpr (Simd::kTrellisTiles) {
    constexpr decltype(&BinaryRows) kTiled[] = {TiledTrellisRows<1>, TiledTrellisRows<2>,
                                                TiledTrellisRows<3>, TiledTrellisRows<4>};
    const int i = format - static_cast<int>(WeightFormat::kTiledTrellis1);
    if (i >= 0 && i < 4) return kTiled[i](w, x, begin, end, y, y_stride, scratch);
  }
  if constexpr (Simd::kGridTiles) {
    constexpr decltype(&BinaryRows) kTiled[] = {
        TiledGridRows<WeightFormat::kInt8>,     TiledGridRows<WeightFormat::kInt4>,
        TiledGridRows<WeightFormat::kInt3>,     TiledGridRows<WeightFormat::kInt2>,
        TiledGridRows<WeightFormat::kInt1>,     TiledGridRows<WeightFormat::kTernary>,
        TiledGridRows<WeightFormat::kBinaryRow>};
    const int i = format - static_cast<int>(WeightFormat::kTiledInt8);
    if (i >= 0 && i < 7) return kTiled[i](w, x, begin, end, y, y_stride, scratch);
  }
  if constexpr (Simd::kFloatTiles) {
    constexpr decltype(&BinaryRows) kTiled[] = {TiledFloatRows<LoadFloat16>,
                                                TiledFloatRows<LoadBfloat16>};
    const int i = format - static_cast<int>(WeightFormat::kTiledFloat16);
    if (i >= 0) return kTiled[i](w, x, begin, end, y, y_stride, scratch);
  }
  kByFormat[format](w, x, begin, end, y, y_stride, scratch);
}

#include "kernels/rotation-inl.h"

constexpr MatmulKernels kMatmulKernels = {
    Quantize, Rows, Rotate, Simd::kTrellisTiles, Simd::kGridTiles, Simd::kFloatTiles, nullptr};
