// Integer products of many activation rows with AMX (TDPBSUD: Intel SDM volume 2C).
//
// A register tile is 16 lines of 64 bytes. Of 16 activation rows, a group of 64 codes is such a
// tile as it lies; so is a group of 16 unpacked weight rows, line q of which is the quad q of each
// row. Their product is 16 x 16 sums of 64 columns, exact in 32 bits, which go through memory to
// become floats in the order that all sets keep. Two tiles of sums take turns, so that a product
// need not wait for the one before it.
#include <immintrin.h>

#include "kernels/kernel_table.h"

namespace crumb {
namespace {

constexpr int64_t kSide = 16;   // activation rows, weight rows, and quads of a product
constexpr int64_t kGroup = 64;  // columns of it
constexpr int64_t kGroupLevels = kSide * kGroup;

// Intel SDM volume 1, "Tile configuration": all eight tiles have 16 lines of 64 bytes.
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t bytes_of_line[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t lines[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr TileConfig kConfig;
static_assert(sizeof(TileConfig) == 64);

// g++ 12 thinks that configuring reads eight bytes, and that loading a tile reads no memory.
inline void WriteAllToMemory() { __asm__ volatile("" ::: "memory"); }

void Prepare() {
  WriteAllToMemory();
  _tile_loadconfig(&kConfig);
}
void Release() { _tile_release(); }

using Sums = int32_t[kSide][kSide];  // activation row, weight row

// The sums of one group. Tiles are named by numbers in the source, hence one function for each of
// the two that take turns.
template <bool kOdd>
inline void MultiplyGroup(const uint8_t* levels, const int8_t* codes, int64_t stride, Sums& sums) {
  WriteAllToMemory();
  if constexpr (kOdd) {
    _tile_zero(0);
    _tile_loadd(1, codes, stride);
    _tile_loadd(2, levels, kGroup);
    _tile_dpbsud(0, 1, 2);
    _tile_stored(0, sums, kGroup);
  } else {
    _tile_zero(3);
    _tile_loadd(4, codes, stride);
    _tile_loadd(5, levels, kGroup);
    _tile_dpbsud(3, 4, 5);
    _tile_stored(3, sums, kGroup);
  }
}

// Group g of the 16 activation rows from `first` on (kernel_table.h, UnpackedRows).
template <bool kGroupScales>
inline void AddGroup(const UnpackedRows& w, const IntInputs& x, int64_t first, int64_t g,
                     const Sums& sums, __m512 (&acc)[kSide]) {
  __m512 scales, offsets;
  if constexpr (kGroupScales) {
    scales = _mm512_loadu_ps(w.scales + g * kSide);
    offsets = _mm512_loadu_ps(w.offsets + g * kSide);
  }
#pragma GCC unroll 16
  for (int64_t b = 0; b < kSide; ++b) {
    const int64_t at = (first + b) * x.groups + g;
    __m512i dot = _mm512_load_si512(sums[b]);
    if (w.start != 0) dot = _mm512_add_epi32(dot, _mm512_set1_epi32(w.start * x.sums[at]));
    __m512 product = _mm512_set1_ps(x.scales[at]);
    if constexpr (kGroupScales) product = _mm512_mul_ps(scales, product);
    acc[b] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), product, acc[b]);
    if constexpr (kGroupScales) {
      acc[b] = _mm512_fnmadd_ps(offsets, _mm512_set1_ps(x.offsets[at]), acc[b]);
    }
  }
}

// The 16 activation rows from `first` on.
template <bool kGroupScales>
void MultiplyBlock(const UnpackedRows& w, const IntInputs& x, int64_t first, float* y,
                   int64_t y_stride) {
  alignas(64) Sums even, odd;
  __m512 acc[kSide];
#pragma GCC unroll 16
  for (__m512& a : acc) a = _mm512_setzero_ps();
  const int64_t stride = x.groups * kGroup;
  const uint8_t* levels = w.levels;
  const int8_t* codes = x.codes + first * stride;
  MultiplyGroup<false>(levels, codes, stride, even);
  for (int64_t g = 0; g < x.groups; g += 2) {
    levels += kGroupLevels;
    codes += kGroup;
    if (g + 1 < x.groups) MultiplyGroup<true>(levels, codes, stride, odd);
    AddGroup<kGroupScales>(w, x, first, g, even, acc);
    if (g + 1 >= x.groups) break;
    levels += kGroupLevels;
    codes += kGroup;
    if (g + 2 < x.groups) MultiplyGroup<false>(levels, codes, stride, even);
    AddGroup<kGroupScales>(w, x, first, g + 1, odd, acc);
  }
  const auto stored = static_cast<__mmask16>((1u << w.rows) - 1);
#pragma GCC unroll 16
  for (int64_t b = 0; b < kSide; ++b) {
    __m512 sum = acc[b];
    if constexpr (!kGroupScales) sum = _mm512_mul_ps(sum, _mm512_loadu_ps(w.row_scales));
    _mm512_mask_storeu_ps(y + (first + b) * y_stride, stored, sum);
  }
}

// The last block ends with the last row: rows that it shares with the one before it are computed
// twice, which costs less than a configuration of its own, and gives the same bits.
void Multiply(const UnpackedRows& w, const IntInputs& x, int64_t n, float* y, int64_t y_stride) {
  const auto multiply_block = w.scales != nullptr ? MultiplyBlock<true> : MultiplyBlock<false>;
  for (int64_t first = 0; first < n; first += kSide) {
    multiply_block(w, x, first + kSide <= n ? first : n - kSide, y, y_stride);
  }
}

constexpr MatrixUnit kUnit = {kSide, Prepare, Release, Multiply};

}  // namespace

const MatmulKernels& AmxMatmul() {
  static const MatmulKernels kernels = [] {
    MatmulKernels with_unit = Avx512Matmul();
    with_unit.unit = &kUnit;
    return with_unit;
  }();
  return kernels;
}

}  // namespace crumb
