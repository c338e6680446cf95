// The matrix kernels, written once for every instruction set. No include guard: each X_SET.cc
// defines `struct Simd` (the operations listed below) in an anonymous namespace of crumb and
// includes this file right after it, inside that namespace, so that nothing here has linkage (see
// kernel_table.h).
//
//   kLanes                  floats in a vector
//   kFloatRows, kFloatBatch register tile of the float kernel: weight rows x activation rows
//   kIntRows, kIntBatch     the same for the int8 kernels
//   Float, Levels, Codes    kLanes floats; 64 unsigned weight levels; 64 activation codes
//   Zero, Set, Load, Store  of Float; no alignment is asked for
//   LoadFirst(p, n), LoadHalf(p, n), LoadBfloat16(p, n), LoadBytes(p, n)
//                           the first n <= kLanes numbers at p as floats, then zeros
//   Add, Mul, Div, Max, Min, Abs, Round, Sum, MaxOf
//   Fma(a, b, c)            a b + c
//   Fnma(a, b, c)           c - a b
//   Unpack<format>(p)       one group of codes as levels
//   StoreLevels(levels, p)
//   LoadCodes(p), StoreCodes(v, p)
//                           v holds whole numbers within -127 .. 127
//   Dot(levels, codes)      sums of products in kLanes parts, exact; levels below 16
//   DotInt8(levels, codes)  the same of (level - kInt8Bias), levels up to 255
//
// and what trellis-inl.h names.
//
// Order of every sum: position c of a row goes to lane c % kLanes (floats) or, by groups, to the
// lane that Dot gives it; lanes are added at the end. It is the same whatever the tile, so a result
// does not depend on the batch that its row came in, nor on the split over threads.

#if defined(__clang__)
#define CRUMB_UNROLL _Pragma("clang loop unroll(full)")
#else
#define CRUMB_UNROLL _Pragma("GCC unroll 16")
#endif

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

// ---- group formats -----------------------------------------------------------------------------

// The weight of level q is scale * (kStep * q - offset) with offset = zero * (kLevels - 1) / 255,
// or 1 without zero point (codecs/group_int.h).
template <WeightFormat kFormat>
struct Format {
  static constexpr float kStep = kFormat == WeightFormat::kInt1 ? 2 : 1;
  static constexpr float kLevels = kFormat == WeightFormat::kInt8   ? 256
                                   : kFormat == WeightFormat::kInt4 ? 16
                                   : kFormat == WeightFormat::kInt3 ? 8
                                                                    : 4;  // the others have no zero
  static constexpr bool kIsInt8 = kFormat == WeightFormat::kInt8;
  static Simd::Levels Unpack(const uint8_t* codes) { return Simd::Unpack<kFormat>(codes); }
  static Float Dot(Simd::Levels levels, Simd::Codes codes) {
    if constexpr (kIsInt8) return Simd::DotInt8(levels, codes);
    return Simd::Dot(levels, codes);
  }
};

// Levels below 16 that were unpacked before, one byte each.
struct UnpackedLevels {
  static Simd::Levels Unpack(const uint8_t* levels) {
    return Simd::Unpack<WeightFormat::kInt8>(levels);
  }
  static Float Dot(Simd::Levels levels, Simd::Codes codes) { return Simd::Dot(levels, codes); }
};

// `n` scales and offsets of one row from group g on.
template <WeightFormat kFormat>
void LoadScales(const WeightView& w, int64_t group, int64_t n, Float* scale, Float* offset) {
  *scale = Simd::LoadHalf(w.scales + 2 * group, n);
  *offset = Simd::Set(1);
  if (w.zeros != nullptr) {
    const Float zero = Simd::LoadBytes(w.zeros + group, n);
    *offset = Simd::Div(Simd::Mul(zero, Simd::Set(Format<kFormat>::kLevels - 1)), Simd::Set(255));
  }
}

// ---- group formats times int8 activations ------------------------------------------------------

// Rows of codes, and by row and group what to multiply with: y = sum over groups of
// scale_w scale_x dot(levels, codes) - offset_w offset_x, offset_x = scale_x sum(codes).
struct IntWeights {
  const uint8_t* codes;
  int64_t row_bytes;
  int64_t group_bytes;
  float* scales;   // row r at r * stride; zeros after the last group
  float* offsets;  // the same
  int64_t stride;
};

IntWeights RowsFrom(IntWeights w, int64_t row) {
  w.codes += row * w.row_bytes;
  w.scales += row * w.stride;
  w.offsets += row * w.stride;
  return w;
}

struct IntActivations {
  const int8_t* codes;
  int64_t row_codes;
  float* scales;
  float* offsets;
  int64_t stride;
};

// With one activation row, weights stream from memory, and rows are too short for the CPU's own
// prefetching to settle: ask for the same place some tiles on, at least kPrefetchBytes.
constexpr int64_t kPrefetchBytes = 4096;
int64_t PrefetchDistance(int64_t tile_bytes) { return RoundUp(kPrefetchBytes, tile_bytes); }

template <typename Levels, int kRows, int kBatch>
void IntTile(const IntWeights& w, const IntActivations& x, int64_t groups, float* y,
             int64_t y_stride) {
  [[maybe_unused]] const int64_t ahead = PrefetchDistance(kRows * w.row_bytes);
  Float acc[kRows][kBatch];
  CRUMB_UNROLL for (auto& row : acc) { CRUMB_UNROLL for (Float& a : row) a = Simd::Zero(); }
  for (int64_t g = 0; g < groups; g += kLanes) {
    alignas(64) float products[kRows][kBatch][kLanes];
    CRUMB_UNROLL for (int r = 0; r < kRows; ++r) {
      const Float scale = Simd::Load(w.scales + r * w.stride + g);
      const Float offset = Simd::Load(w.offsets + r * w.stride + g);
      CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
        const int64_t at = b * x.stride + g;
        acc[r][b] = Simd::Fnma(offset, Simd::Load(x.offsets + at), acc[r][b]);
        Simd::Store(products[r][b], Simd::Mul(scale, Simd::Load(x.scales + at)));
      }
    }
    const int64_t n = Smaller(kLanes, groups - g);
    for (int64_t i = 0; i < n; ++i) {
      Simd::Levels levels[kRows];
      CRUMB_UNROLL for (int r = 0; r < kRows; ++r) {
        const uint8_t* codes = w.codes + r * w.row_bytes + (g + i) * w.group_bytes;
        if constexpr (kBatch == 1) __builtin_prefetch(codes + ahead);
        levels[r] = Levels::Unpack(codes);
      }
      CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
        const Simd::Codes codes = Simd::LoadCodes(x.codes + b * x.row_codes + (g + i) * kGroup);
        CRUMB_UNROLL for (int r = 0; r < kRows; ++r) {
          acc[r][b] =
              Simd::Fma(Levels::Dot(levels[r], codes), Simd::Set(products[r][b][i]), acc[r][b]);
        }
      }
    }
  }
  CRUMB_UNROLL for (int r = 0; r < kRows; ++r) {
    CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) y[b * y_stride + r] = Simd::Sum(acc[r][b]);
  }
}

template <typename Levels, int kBatch>
void IntTiles(const IntWeights& w, const IntActivations& x, int64_t groups, int64_t rows, float* y,
              int64_t y_stride) {
  constexpr int kRows = Simd::kIntRows;
  int64_t r = 0;
  for (; r + kRows <= rows; r += kRows) {
    IntTile<Levels, kRows, kBatch>(RowsFrom(w, r), x, groups, y + r, y_stride);
  }
  for (; r < rows; ++r) IntTile<Levels, 1, kBatch>(RowsFrom(w, r), x, groups, y + r, y_stride);
}

// Calls the instance for `batch` activation rows, 1 <= batch <= kBatch.
template <typename Levels, int kBatch>
void IntTilesFor(int64_t batch, const IntWeights& w, const IntActivations& x, int64_t groups,
                 int64_t rows, float* y, int64_t y_stride) {
  if (batch == kBatch) {
    IntTiles<Levels, kBatch>(w, x, groups, rows, y, y_stride);
  } else if constexpr (kBatch > 1) {
    IntTilesFor<Levels, kBatch - 1>(batch, w, x, groups, rows, y, y_stride);
  }
}

template <WeightFormat kFormat>
void PrepareScales(const WeightView& w, int64_t begin, int64_t rows, const IntWeights& out) {
  constexpr float kStep = Format<kFormat>::kStep;
  constexpr float kBias = Format<kFormat>::kIsInt8 ? Simd::kInt8Bias : 0;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t g = 0; g < w.groups; g += kLanes) {
      Float scale, offset;
      LoadScales<kFormat>(w, (begin + r) * w.groups + g, Smaller(kLanes, w.groups - g), &scale,
                          &offset);
      offset = Simd::Add(offset, Simd::Set(-kStep * kBias));
      Simd::Store(out.scales + r * out.stride + g, Simd::Mul(scale, Simd::Set(kStep)));
      Simd::Store(out.offsets + r * out.stride + g, Simd::Mul(scale, offset));
    }
  }
}

void PrepareActivations(const ActivationView& x, int64_t begin, int64_t rows,
                        const IntActivations& out) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t g = 0; g < out.stride; ++g) {
      const int64_t at = (begin + r) * x.groups + g;
      const bool there = g < x.groups;
      out.scales[r * out.stride + g] = there ? x.scales[at] : 0;
      out.offsets[r * out.stride + g] = there ? x.scales[at] * static_cast<float>(x.sums[at]) : 0;
    }
  }
}

template <WeightFormat kFormat>
void UnpackRows(const WeightView& w, int64_t begin, int64_t rows, uint8_t* levels) {
  const uint8_t* codes = w.codes + begin * w.groups * w.group_bytes;
  for (int64_t g = 0; g < rows * w.groups; ++g) {
    Simd::StoreLevels(Simd::Unpack<kFormat>(codes + g * w.group_bytes), levels + g * kGroup);
  }
}

template <WeightFormat kFormat>
void IntRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end, float* y,
             int64_t y_stride, void* scratch) {
  const int64_t stride = RoundUp(w.groups, kLanes);
  auto* levels = static_cast<uint8_t*>(scratch);
  auto* floats = reinterpret_cast<float*>(levels + kTileRows * w.groups * kGroup);
  IntWeights weights = {nullptr, w.groups * w.group_bytes,    w.group_bytes,
                        floats,  floats + kTileRows * stride, stride};
  floats += 2 * kTileRows * stride;
  IntActivations rows_x = {nullptr, x.groups * kGroup, floats, floats + Simd::kIntBatch * stride,
                           stride};
  // With one activation row each code is used once: unpacking happens in registers.
  const bool unpack = x.batch > 1 && kFormat != WeightFormat::kInt8;
  if (unpack) weights.row_bytes = w.groups * kGroup, weights.group_bytes = kGroup;
  if (x.batch == 1) PrepareActivations(x, 0, 1, rows_x);
  for (int64_t row = begin; row < end; row += kTileRows) {
    const int64_t rows = Smaller(kTileRows, end - row);
    PrepareScales<kFormat>(w, row, rows, weights);
    weights.codes = unpack ? levels : w.codes + row * w.groups * w.group_bytes;
    if (unpack) UnpackRows<kFormat>(w, row, rows, levels);
    for (int64_t b = 0; b < x.batch; b += Simd::kIntBatch) {
      const int64_t batch = Smaller(Simd::kIntBatch, x.batch - b);
      rows_x.codes = x.codes + b * rows_x.row_codes;
      float* out = y + b * y_stride + row;
      if (x.batch == 1) {
        IntTiles<Format<kFormat>, 1>(weights, rows_x, w.groups, rows, out, y_stride);
        continue;
      }
      PrepareActivations(x, b, batch, rows_x);
      if constexpr (kFormat == WeightFormat::kInt8) {
        IntTilesFor<Format<kFormat>, Simd::kIntBatch>(batch, weights, rows_x, w.groups, rows, out,
                                                      y_stride);
      } else {
        IntTilesFor<UnpackedLevels, Simd::kIntBatch>(batch, weights, rows_x, w.groups, rows, out,
                                                     y_stride);
      }
    }
  }
}

// ---- everything times float activations --------------------------------------------------------

struct LoadFloat32 {
  static constexpr int64_t kBytes = 4;
  static Float Load(const uint8_t* p, int64_t n) { return Simd::LoadFirst(p, n); }
};
struct LoadFloat16 {
  static constexpr int64_t kBytes = 2;
  static Float Load(const uint8_t* p, int64_t n) { return Simd::LoadHalf(p, n); }
};
struct LoadBfloat16 {
  static constexpr int64_t kBytes = 2;
  static Float Load(const uint8_t* p, int64_t n) { return Simd::LoadBfloat16(p, n); }
};

// Row r starts at data + r * row_bytes and has `cols` numbers.
struct FloatWeights {
  const uint8_t* data;
  int64_t row_bytes;
  int64_t cols;
};

FloatWeights RowsFrom(FloatWeights w, int64_t row) {
  w.data += row * w.row_bytes;
  return w;
}

template <typename Loader, int kRows, int kBatch>
void FloatTile(const FloatWeights& w, const float* x, int64_t x_stride, float* y,
               int64_t y_stride) {
  [[maybe_unused]] const int64_t ahead = PrefetchDistance(kRows * w.row_bytes);
  Float acc[kRows][kBatch];
  CRUMB_UNROLL for (auto& row : acc) { CRUMB_UNROLL for (Float& a : row) a = Simd::Zero(); }
  const auto step = [&](int64_t c, int64_t n) {
    Float weights[kRows];
    CRUMB_UNROLL for (int r = 0; r < kRows; ++r) {
      const uint8_t* data = w.data + r * w.row_bytes + c * Loader::kBytes;
      if constexpr (kBatch == 1) __builtin_prefetch(data + ahead);
      weights[r] = Loader::Load(data, n);
    }
    CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
      const Float values = Simd::Load(x + b * x_stride + c);
      CRUMB_UNROLL for (int r = 0; r < kRows; ++r) {
        acc[r][b] = Simd::Fma(weights[r], values, acc[r][b]);
      }
    }
  };
  int64_t c = 0;
  for (; c + kLanes <= w.cols; c += kLanes) step(c, kLanes);
  if (c < w.cols) step(c, w.cols - c);
  CRUMB_UNROLL for (int r = 0; r < kRows; ++r) {
    CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) y[b * y_stride + r] = Simd::Sum(acc[r][b]);
  }
}

template <typename Loader, int kBatch>
void FloatTiles(const FloatWeights& w, const float* x, int64_t x_stride, int64_t rows, float* y,
                int64_t y_stride) {
  constexpr int kRows = Simd::kFloatRows;
  int64_t r = 0;
  for (; r + kRows <= rows; r += kRows) {
    FloatTile<Loader, kRows, kBatch>(RowsFrom(w, r), x, x_stride, y + r, y_stride);
  }
  for (; r < rows; ++r) FloatTile<Loader, 1, kBatch>(RowsFrom(w, r), x, x_stride, y + r, y_stride);
}

template <typename Loader, int kBatch>
void FloatTilesFor(int64_t batch, const FloatWeights& w, const float* x, int64_t x_stride,
                   int64_t rows, float* y, int64_t y_stride) {
  if (batch == kBatch) {
    FloatTiles<Loader, kBatch>(w, x, x_stride, rows, y, y_stride);
  } else if constexpr (kBatch > 1) {
    FloatTilesFor<Loader, kBatch - 1>(batch, w, x, x_stride, rows, y, y_stride);
  }
}

template <typename Loader>
void DecodeFloatRow(const WeightView& w, int64_t row, float* out) {
  const uint8_t* data = w.codes + row * w.cols * Loader::kBytes;
  for (int64_t c = 0; c < w.cols; c += kLanes) {
    Simd::Store(out + c, Loader::Load(data + c * Loader::kBytes, Smaller(kLanes, w.cols - c)));
  }
}

// The same roundings as the codec's own DecodeRow.
template <WeightFormat kFormat>
void DecodeGroupRow(const WeightView& w, int64_t row, float* out) {
  for (int64_t first = 0; first < w.groups; first += kLanes) {
    const int64_t n = Smaller(kLanes, w.groups - first);
    Float scales, offsets;
    LoadScales<kFormat>(w, row * w.groups + first, n, &scales, &offsets);
    float scale[kLanes], offset[kLanes];
    Simd::Store(scale, scales);
    Simd::Store(offset, offsets);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t g = first + i;
      uint8_t levels[kGroup];
      Simd::StoreLevels(Simd::Unpack<kFormat>(w.codes + (row * w.groups + g) * w.group_bytes),
                        levels);
      for (int64_t j = 0; j < kGroup; j += kLanes) {
        const Float level =
            Simd::Mul(Simd::LoadBytes(levels + j, kLanes), Simd::Set(Format<kFormat>::kStep));
        const Float above = Simd::Add(level, Simd::Set(-offset[i]));
        Simd::Store(out + g * kGroup + j, Simd::Mul(above, Simd::Set(scale[i])));
      }
    }
  }
}

// One activation row: each weight is used once, straight from where it lies.
template <typename Loader>
void FloatRowsOfOne(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end,
                    float* y) {
  const int64_t row_bytes = w.cols * Loader::kBytes;
  FloatTiles<Loader, 1>({w.codes + begin * row_bytes, row_bytes, w.cols}, x.floats, 0, end - begin,
                        y + begin, 0);
}

// Decodes kTileRows rows at a time to floats and uses them for all activation rows.
template <typename Decode>
void DecodedRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end, float* y,
                 int64_t y_stride, void* scratch, Decode decode) {
  const int64_t padded = w.groups * kGroup;
  auto* tile = static_cast<float*>(scratch);
  const FloatWeights weights = {static_cast<const uint8_t*>(scratch), padded * 4, w.cols};
  for (int64_t row = begin; row < end; row += kTileRows) {
    const int64_t rows = Smaller(kTileRows, end - row);
    for (int64_t r = 0; r < rows; ++r) decode(w, row + r, tile + r * padded);
    for (int64_t b = 0; b < x.batch; b += Simd::kFloatBatch) {
      FloatTilesFor<LoadFloat32, Simd::kFloatBatch>(Smaller(Simd::kFloatBatch, x.batch - b),
                                                    weights, x.floats + b * padded, padded, rows,
                                                    y + b * y_stride + row, y_stride);
    }
  }
}

template <typename Loader>
void FloatRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end, float* y,
               int64_t y_stride, void* scratch) {
  if (x.batch == 1) {
    FloatRowsOfOne<Loader>(w, x, begin, end, y);
  } else {
    DecodedRows(w, x, begin, end, y, y_stride, scratch, DecodeFloatRow<Loader>);
  }
}

template <WeightFormat kFormat>
void GroupRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end, float* y,
               int64_t y_stride, void* scratch) {
  if (x.int8) {
    IntRows<kFormat>(w, x, begin, end, y, y_stride, scratch);
  } else {
    DecodedRows(w, x, begin, end, y, y_stride, scratch, DecodeGroupRow<kFormat>);
  }
}

#include "kernels/trellis-inl.h"

// ---- the table ---------------------------------------------------------------------------------

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
                                                   TrellisFormatRows<4>};
  kByFormat[static_cast<int>(w.format)](w, x, begin, end, y, y_stride, scratch);
}

#include "kernels/rotation-inl.h"

constexpr MatmulKernels kMatmulKernels = {Quantize, Rows, Rotate};
