// Integer weights times int8 activations. Part of matmul-inl.h.
//
// kLanes weight rows lie side by side in a vector: 32-bit lane i belongs to row i, and one step
// multiplies four columns of each with the same four activation codes. So a lane holds the exact
// sum of a group as it is needed, and only then do floats begin:
//   acc_r <- acc_r + (s_w s_x) dot_r - (s_w offset) (s_x sum of codes)    group after group
// in that order, each with one rounding. A result is therefore the same bit for bit for every tile,
// batch and instruction set.

constexpr int kQuads = kGroup / 4;
constexpr int64_t kQuadBytes = 4 * kLanes;
constexpr int64_t kGroupLevels = kGroup * kLanes;  // bytes of a group of kLanes rows, unpacked
constexpr int64_t kTileVectors = kTileRows / kLanes;
constexpr int kWideBias = 128;  // of levels up to 255

// What an accumulator starts from, times the sum of the group's codes: where levels do not come
// with their bias subtracted and no offsets follow.
template <bool kWide, bool kGroupScales>
constexpr int kStart = kWide ? Simd::kSubtracted - kWideBias : (kGroupScales ? 0 : -1);

// Scratch of one call.
struct IntScratch {
  uint8_t* levels;   // a tile unpacked: vector, group, quad, row
  uint8_t* rows;     // a tile as rows: copies of packed rows, or decoded trellises
  uint8_t* halves;   // copies of the scales of a tile
  uint8_t* zeros;    // and of its zeros
  float* scales;     // vector, group, row
  float* offsets;    // the same; what is added to a sum for each
  float* x_offsets;  // scale times sum of codes of each activation row and group
  int8_t* x_codes;   // codes in another order
  uint8_t* rest;     // not used here

  IntScratch(void* scratch, int64_t groups, int64_t batch) {
    constexpr int64_t kPadding = 64;  // read or written in vain
    const int64_t n = kTileRows * groups;
    levels = static_cast<uint8_t*>(scratch);
    rows = levels + n * kGroup;
    scales = reinterpret_cast<float*>(rows + n * kGroup + kPadding);
    offsets = scales + n + 16 * kLanes;
    x_offsets = offsets + n + 16 * kLanes;
    halves = reinterpret_cast<uint8_t*>(x_offsets + batch * groups);
    zeros = halves + 2 * n + kPadding;
    x_codes = reinterpret_cast<int8_t*>(zeros + n + kPadding);
    rest = reinterpret_cast<uint8_t*>(x_codes + batch * groups * kGroup);
  }
};

// ---- activations -------------------------------------------------------------------------------

IntInputs PrepareInputs(const ActivationView& x, bool ternary, const IntScratch& scratch) {
  const int64_t n = x.batch * x.groups;
  for (int64_t i = 0; i < n; ++i) {
    scratch.x_offsets[i] = x.scales[i] * static_cast<float>(x.sums[i]);
    if (ternary) TernaryOrder(x.codes + i * kGroup, scratch.x_codes + i * kGroup);
  }
  return {
      ternary ? scratch.x_codes : x.codes, x.scales, scratch.x_offsets, x.sums, x.groups, x.unit};
}

IntInputs RowsFrom(IntInputs x, int64_t b) {
  x.codes += b * x.groups * kGroup;
  x.scales += b * x.groups;
  x.offsets += b * x.groups;
  x.sums += b * x.groups;
  return x;
}

// ---- scales of weights -------------------------------------------------------------------------

// Reads eight scales or sixteen zeros of each row at a time, past the tile's last row too.
template <WeightFormat kFormat>
void PrepareScales(const uint8_t* halves, const uint8_t* zeros, int64_t groups, int64_t rows,
                   const IntScratch& scratch) {
  constexpr float kFactor = (Format<kFormat>::kLevels - 1) / 255;
  constexpr float kBias = Format<kFormat>::kIsInt8 ? kWideBias : 0;
  for (int64_t first = 0; first < rows; first += kLanes) {
    float* scales = scratch.scales + first * groups;
    for (int64_t g = 0; g < groups; g += 8) {
      Simd::Quads pairs[4];
      Simd::Transpose(halves + 2 * (first * groups + g), 2 * groups, pairs);
      CRUMB_UNROLL for (int i = 0; i < 4; ++i) {
        if (g + 2 * i >= groups) break;
        Simd::Store(scales + (g + 2 * i) * kLanes, Simd::LowHalf(pairs[i]));
        Simd::Store(scales + (g + 2 * i + 1) * kLanes, Simd::HighHalf(pairs[i]));
      }
    }
    if (zeros == nullptr) continue;
    float* offsets = scratch.offsets + first * groups;
    for (int64_t g = 0; g < groups; g += 16) {
      Simd::Quads fours[4];
      Simd::Transpose(zeros + first * groups + g, groups, fours);
      CRUMB_UNROLL for (int i = 0; i < 16; ++i) {
        if (g + i >= groups) break;
        const Float zero = Simd::ToFloat(Simd::ByteOf(fours[i / 4], i % 4));
        const Float offset = Simd::Fma(zero, Simd::Set(kFactor), Simd::Set(-kBias));
        const int64_t at = (g + i) * kLanes;
        Simd::Store(offsets + at, Simd::Mul(Simd::Load(scales + at), offset));
      }
    }
  }
}

// Asks for the scales and zeros of a tile that begins at `row`, if there is one before `end`.
inline void PrefetchScales(const WeightView& w, int64_t row, int64_t end) {
  if (row >= end) return;
  const int64_t n = Smaller(kTileRows, end - row) * w.groups;
  const auto ask = [n](const uint8_t* p, int64_t each) {
    for (int64_t i = 0; i < each * n; i += 64) __builtin_prefetch(p + i);
  };
  ask(w.scales + 2 * row * w.groups, 2);
  if (w.zeros != nullptr) ask(w.zeros + row * w.groups, 1);
}

// Scales of `rows` <= kTileRows rows that have one each.
void LoadRowScales(const WeightView& w, int64_t row, int64_t rows, float* out) {
  for (int64_t i = 0; i < kTileRows; i += kLanes) {
    const int64_t n = rows - i < 0 ? 0 : Smaller(kLanes, rows - i);
    Simd::Store(out + i, Simd::LoadHalf(w.scales + 2 * (row + i), n));
  }
}

// The first n of kLanes outputs.
void StoreRows(Float values, int64_t n, float* y) {
  if (n >= kLanes) return Simd::Store(y, values);
  alignas(64) float all[kLanes];
  Simd::Store(all, values);
  for (int64_t i = 0; i < n; ++i) y[i] = all[i];
}

// ---- many activation rows: a tile is unpacked once for all -------------------------------------

template <bool kWide, bool kGroupScales, int kBatch>
void IntTile(const IntScratch& w, const IntInputs& x, int64_t rows, const float* row_scales,
             float* y, int64_t y_stride) {
  using Dot = typename Simd::template Dot<kWide>;
  constexpr int kVectors = Simd::kIntVectors;
  constexpr int kFactor = kStart<kWide, kGroupScales>;
  for (int64_t v = 0; v * kLanes < rows; v += kVectors) {
    Float acc[kVectors][kBatch];
    CRUMB_UNROLL for (auto& row : acc) { CRUMB_UNROLL for (Float& a : row) a = Simd::Zero(); }
    for (int64_t g = 0; g < x.groups; ++g) {
      const uint8_t* levels = w.levels + (v * x.groups + g) * kGroupLevels;
      const int8_t* codes = x.codes + g * kGroup;
      Dot dot[kVectors][kBatch];
      CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
        const int32_t start = kFactor == 0 ? 0 : kFactor * x.sums[b * x.groups + g];
        CRUMB_UNROLL for (int i = 0; i < kVectors; ++i) dot[i][b].Start(start);
      }
      CRUMB_UNROLL for (int q = 0; q < kQuads; ++q) {
        Simd::Quads quads[kVectors];
        CRUMB_UNROLL for (int i = 0; i < kVectors; ++i) {
          quads[i] = Simd::LoadQuads(levels + i * x.groups * kGroupLevels + q * kQuadBytes);
        }
        CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
          const auto four = Simd::LoadCodes4(codes + b * x.groups * kGroup + 4 * q);
          CRUMB_UNROLL for (int i = 0; i < kVectors; ++i) dot[i][b].Add(quads[i], four);
        }
      }
      CRUMB_UNROLL for (int i = 0; i < kVectors; ++i) {
        const int64_t at = ((v + i) * x.groups + g) * kLanes;
        CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
          Float product = Simd::Set(x.scales[b * x.groups + g]);
          if constexpr (kGroupScales) product = Simd::Mul(Simd::Load(w.scales + at), product);
          acc[i][b] = Simd::Fma(Simd::ToFloat(dot[i][b].Sum()), product, acc[i][b]);
          if constexpr (kGroupScales) {
            acc[i][b] = Simd::Fnma(Simd::Load(w.offsets + at),
                                   Simd::Set(x.offsets[b * x.groups + g]), acc[i][b]);
          }
        }
      }
    }
    CRUMB_UNROLL for (int i = 0; i < kVectors; ++i) {
      const int64_t first = (v + i) * kLanes;
      if (first >= rows) break;
      CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
        Float sum = acc[i][b];
        if constexpr (!kGroupScales) sum = Simd::Mul(sum, Simd::Load(row_scales + first));
        StoreRows(sum, rows - first, y + b * y_stride + first);
      }
    }
  }
}

// IntTile for `batch` <= kBatch activation rows.
template <bool kWide, bool kGroupScales, int kBatch = Simd::kIntBatch>
void IntTileFor(int64_t batch, const IntScratch& w, const IntInputs& x, int64_t rows,
                const float* row_scales, float* y, int64_t y_stride) {
  if (batch == kBatch) {
    IntTile<kWide, kGroupScales, kBatch>(w, x, rows, row_scales, y, y_stride);
  } else if constexpr (kBatch > 1) {
    IntTileFor<kWide, kGroupScales, kBatch - 1>(batch, w, x, rows, row_scales, y, y_stride);
  }
}

// Any number of activation rows, by the matrix unit if there is one: as few register tiles as will
// do, of nearly the same width, since a narrow one waits for its own sums.
template <bool kWide, bool kGroupScales>
void IntTiles(const IntScratch& w, const IntInputs& x, int64_t batch, int64_t rows,
              const float* row_scales, float* y, int64_t y_stride) {
  if (x.unit != nullptr && batch >= x.unit->batch) {
    const UnpackedRows unpacked = {w.levels,  kGroupScales ? w.scales : nullptr,
                                   w.offsets, row_scales,
                                   rows,      kStart<kWide, kGroupScales>};
    return x.unit->multiply(unpacked, x, batch, y, y_stride);
  }
  const int64_t tiles = (batch + Simd::kIntBatch - 1) / Simd::kIntBatch;
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t b = batch * i / tiles;
    IntTileFor<kWide, kGroupScales>(batch * (i + 1) / tiles - b, w, RowsFrom(x, b), rows,
                                    row_scales, y + b * y_stride, y_stride);
  }
}

// A tile of packed rows as levels.
template <WeightFormat kFormat>
void UnpackTile(const uint8_t* codes, int64_t groups, int64_t rows, TileAhead next,
                uint8_t* levels) {
  constexpr int64_t kBytes = GroupLevels<kFormat>::kBytes;
  for (int64_t first = 0; first < rows; first += kLanes) {
    const uint8_t* row = codes + first * groups * kBytes;
    for (int64_t g = 0; g < groups; ++g, levels += kGroupLevels) {
      next.Ask(kLanes * kBytes);
      GroupLevels<kFormat>::Unpack(row + g * kBytes, groups * kBytes,
                                   [&](int q, Simd::Quads quads) CRUMB_INLINE {
                                     Simd::StoreQuads(quads, levels + q * kQuadBytes);
                                   });
    }
  }
}

// ---- few activation rows: unpacking happens in registers, once for all --------------------------

// kLanes weight rows, of which the first `count` are wanted.
template <WeightFormat kFormat, bool kGroupScales, int kBatch>
void IntTileOfFew(const uint8_t* codes, const IntScratch& w, int64_t first, const IntInputs& x,
                  int64_t count, const float* row_scales, TileAhead& next, float* y,
                  int64_t y_stride) {
  constexpr bool kWide = kFormat == WeightFormat::kInt8;
  constexpr int64_t kBytes = GroupLevels<kFormat>::kBytes;
  constexpr int kFactor = kStart<kWide, kGroupScales>;
  // Sums that do not wait for one another.
  constexpr int kChains = kBatch <= Simd::kFewWithTwoSums ? 2 : 1;
  const float* scales = w.scales + first * x.groups;
  const float* offsets = w.offsets + first * x.groups;
  const int64_t row_bytes = x.groups * kBytes;
  Float acc[kBatch];
  CRUMB_UNROLL for (Float& a : acc) a = Simd::Zero();
  for (int64_t g = 0; g < x.groups; ++g) {
    next.Ask(kLanes * kBytes);
    typename Simd::template Dot<kWide> dot[kBatch][kChains];
    CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
      dot[b][0].Start(kFactor == 0 ? 0 : kFactor * x.sums[b * x.groups + g]);
      if constexpr (kChains > 1) dot[b][1].Start(0);
    }
    const int8_t* x_codes = x.codes + g * kGroup;
    GroupLevels<kFormat>::Unpack(
        codes + g * kBytes, row_bytes, [&](int q, Simd::Quads quads) CRUMB_INLINE {
          CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
            dot[b][q % kChains].Add(quads,
                                    Simd::LoadCodes4(x_codes + b * x.groups * kGroup + 4 * q));
          }
        });
    CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
      Simd::Ints sum = dot[b][0].Sum();
      if constexpr (kChains > 1) sum = Simd::AddInts(sum, dot[b][1].Sum());
      Float product = Simd::Set(x.scales[b * x.groups + g]);
      if constexpr (kGroupScales) product = Simd::Mul(Simd::Load(scales + g * kLanes), product);
      acc[b] = Simd::Fma(Simd::ToFloat(sum), product, acc[b]);
      if constexpr (kGroupScales) {
        acc[b] = Simd::Fnma(Simd::Load(offsets + g * kLanes),
                            Simd::Set(x.offsets[b * x.groups + g]), acc[b]);
      }
    }
  }
  CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
    if constexpr (!kGroupScales) acc[b] = Simd::Mul(acc[b], Simd::Load(row_scales + first));
    StoreRows(acc[b], count, y + b * y_stride + first);
  }
}

// `rows` weight rows of a tile with 2 <= batch <= kBatch activation rows.
template <WeightFormat kFormat, bool kGroupScales, int kBatch = Simd::kFew>
void IntTilesOfFew(int64_t batch, const uint8_t* codes, const IntScratch& w, const IntInputs& x,
                   int64_t rows, const float* row_scales, TileAhead next, float* y,
                   int64_t y_stride) {
  if (batch == kBatch) {
    for (int64_t first = 0; first < rows; first += kLanes) {
      IntTileOfFew<kFormat, kGroupScales, kBatch>(
          codes + first * x.groups * GroupLevels<kFormat>::kBytes, w, first, x, rows - first,
          row_scales, next, y, y_stride);
    }
  } else if constexpr (kBatch > 2) {
    IntTilesOfFew<kFormat, kGroupScales, kBatch - 1>(batch, codes, w, x, rows, row_scales, next, y,
                                                     y_stride);
  }
}

// ---- one activation row: unpacking happens in registers ----------------------------------------

// Lane r: the sum of the lanes of dot(r), for kLanes rows.
template <int kDoublings = Simd::kDoublings, typename DotOfRow>
CRUMB_INLINE inline Simd::Ints SumRows(const DotOfRow& dot, int first = 0) {
  if constexpr (kDoublings == 0) {
    return dot(first);
  } else {
    const Simd::Ints low = SumRows<kDoublings - 1>(dot, first);
    const Simd::Ints high = SumRows<kDoublings - 1>(dot, first + (1 << (kDoublings - 1)));
    return Simd::template Merge<kDoublings>(low, high);
  }
}

// Exact sums of kLanes rows of one group.
template <WeightFormat kFormat, int kFactor, typename S = Simd>
CRUMB_INLINE inline Simd::Ints GroupDot(const uint8_t* group, int64_t row_bytes,
                                        const int8_t* codes, int32_t sum) {
  const int32_t start = kFactor == 0 ? 0 : kFactor * sum;
  if constexpr (kFormat == WeightFormat::kInt8) {
    Simd::Ints dots = Simd::SetInts(start);
    CRUMB_UNROLL for (int c = 0; c < kGroup; c += Simd::kColumns) {
      const auto x = Simd::LoadCodes(codes + c);
      dots = Simd::AddInts(dots, SumRows([&](int r) CRUMB_INLINE {
                             return Simd::RowDot(Simd::LoadLevels(group + r * row_bytes + c), x);
                           }));
    }
    return dots;
  } else if constexpr (kFormat == WeightFormat::kTernary && Simd::kTernaryInRegisters) {
    return S::TernaryDot(group, row_bytes, codes);
  } else {
    typename Simd::template Dot<false> dot;
    dot.Start(start);
    GroupLevels<kFormat>::Unpack(group, row_bytes, [&](int q, Simd::Quads quads) CRUMB_INLINE {
      dot.Add(quads, Simd::LoadCodes4(codes + 4 * q));
    });
    return dot.Sum();
  }
}

// The set's own form for some formats (Simd::kOwnRows): Arrange puts codes into its order, and
// Rows(rows, x, scales, offsets, dots) is as IntRowsOfOne.
template <WeightFormat kFormat>
struct GridRow;
template <WeightFormat kFormat>
constexpr bool kHasGridRow = Simd::kOwnRows &&
                             (kFormat == WeightFormat::kInt8 || kFormat == WeightFormat::kInt4 ||
                              kFormat == WeightFormat::kInt2);

template <WeightFormat kFormat, bool kGroupScales>
Float IntRowsOfOne(const uint8_t* rows, int64_t distance, const IntInputs& x, const float* scales,
                   const float* offsets) {
  constexpr int64_t kBytes = GroupLevels<kFormat>::kBytes;
  constexpr int kFactor = kStart<kFormat == WeightFormat::kInt8, kGroupScales>;
  const int64_t row_bytes = x.groups * kBytes;
  const uint8_t* ahead = rows + distance;
  Float acc = Simd::Zero();
  for (int64_t g = 0; g < x.groups; ++g) {
    // The rows lie in one piece, and each step reads as much as it prefetches.
    for (int64_t i = 0; distance != 0 && i < kLanes * kBytes; i += 64) {
      __builtin_prefetch(ahead + i);
    }
    ahead += kLanes * kBytes;
    const Simd::Ints dots =
        GroupDot<kFormat, kFactor>(rows + g * kBytes, row_bytes, x.codes + g * kGroup, x.sums[g]);
    Float product = Simd::Set(x.scales[g]);
    if constexpr (kGroupScales) product = Simd::Mul(Simd::Load(scales + g * kLanes), product);
    acc = Simd::Fma(Simd::ToFloat(dots), product, acc);
    if constexpr (kGroupScales) {
      acc = Simd::Fnma(Simd::Load(offsets + g * kLanes), Simd::Set(x.offsets[g]), acc);
    }
  }
  return acc;
}

// With more activation rows than these, memory has time enough, and asking for the next tile only
// delays the unpacking of this one.
constexpr int64_t kMostWithAhead = 48;

// ---- both --------------------------------------------------------------------------------------

template <WeightFormat kFormat>
void IntRows(const WeightView& w, const ActivationView& view, int64_t begin, int64_t end, float* y,
             int64_t y_stride, void* scratch_bytes) {
  constexpr bool kTernary = kFormat == WeightFormat::kTernary;
  constexpr bool kWide = kFormat == WeightFormat::kInt8;
  constexpr bool kGroupScales = kFormat != WeightFormat::kBinaryRow;
  constexpr int64_t kBytes = GroupLevels<kFormat>::kBytes;
  IntScratch scratch(scratch_bytes, w.groups, view.batch);
  if (w.zeros == nullptr) scratch.offsets = scratch.scales;  // offset 1
  IntInputs x = PrepareInputs(view, kTernary, scratch);
  const int64_t row_bytes = w.groups * kBytes;
  const int64_t tile_bytes = kLanes * row_bytes;
  const int64_t distance = PrefetchDistance(tile_bytes);
  // GridRow, one row after another, is faster for short rows of 8 and 4 bits. Long rows of 8 bits
  // go side by side, a line each; so do those of 4 bits, unless they lie such that they push each
  // other out of the innermost cache before their lines are used up. With 2 bits, if few groups are
  // missing in the last batch.
  [[maybe_unused]] const bool one_by_one =
      kFormat == WeightFormat::kInt2
          ? RoundUp(w.groups, 16) * 4 <= w.groups * 5
          : tile_bytes <= kLargestPrefetch || (!kWide && row_bytes % 2048 == 0);
  if constexpr (kHasGridRow<kFormat>) {
    if (view.batch == 1 && one_by_one) {
      GridRow<kFormat>::Arrange(view.codes, view.groups, scratch.x_codes);
      x.codes = scratch.x_codes;
    }
  }
  for (int64_t row = begin; row < end; row += kTileRows) {
    const int64_t rows = Smaller(kTileRows, end - row);
    float row_scales[kTileRows];
    if constexpr (kGroupScales) {
      const uint8_t* halves = w.scales + 2 * row * w.groups;
      const uint8_t* zeros = w.zeros == nullptr ? nullptr : w.zeros + row * w.groups;
      // PrepareScales reads up to 15 bytes behind the tile: few short rows after it do not hold
      // them.
      if ((end - row - rows) * w.groups < 16) {
        __builtin_memcpy(scratch.halves, halves, static_cast<uint64_t>(2 * rows * w.groups));
        halves = scratch.halves;
        if (zeros != nullptr) {
          __builtin_memcpy(scratch.zeros, zeros, static_cast<uint64_t>(rows * w.groups));
          zeros = scratch.zeros;
        }
      }
      PrepareScales<kFormat>(halves, zeros, w.groups, rows, scratch);
    } else {
      LoadRowScales(w, row, rows, row_scales);
    }
    const uint8_t* codes = w.codes + row * row_bytes;
    // Vectors of rows are read whole, and ternary groups beyond their end.
    if (rows < kTileRows || (kTernary && row + rows == end)) {
      __builtin_memcpy(scratch.rows, codes, static_cast<uint64_t>(rows * row_bytes));
      codes = scratch.rows;
    }
    const TileAhead next(w.codes + (row + kTileRows) * row_bytes,
                         w.codes + (view.batch <= kMostWithAhead ? end : 0) * row_bytes,
                         kTileRows * row_bytes);
    if (view.batch > 1) PrefetchScales(w, row + kTileRows, end);
    if (view.batch > 1 && view.batch <= Simd::kFew) {
      IntTilesOfFew<kFormat, kGroupScales>(view.batch, codes, scratch, x, rows, row_scales, next,
                                           y + row, y_stride);
      continue;
    }
    if (view.batch > 1) {
      UnpackTile<kFormat>(codes, w.groups, rows, next, scratch.levels);
      IntTiles<kWide, kGroupScales>(scratch, x, view.batch, rows, row_scales, y + row, y_stride);
      continue;
    }
    for (int64_t r = 0; r < rows; r += kLanes) {
      const int64_t at = r * w.groups;
      const uint8_t* tile = codes + r * row_bytes;
      if constexpr (kHasGridRow<kFormat>) {
        if (one_by_one) {
          const int64_t behind = (row + kTileRows) * w.groups;
          const Float sums = GridRow<kFormat>::Rows(tile, x, scratch.scales + at,
                                                    scratch.offsets + at, w.scales + 2 * behind,
                                                    w.zeros == nullptr ? nullptr : w.zeros + behind,
                                                    reinterpret_cast<int32_t*>(scratch.levels));
          StoreRows(sums, rows - r, y + row + r);
          continue;
        }
      }
      Float sums = IntRowsOfOne<kFormat, kGroupScales>(tile, distance, x, scratch.scales + at,
                                                       scratch.offsets + at);
      if constexpr (!kGroupScales) sums = Simd::Mul(sums, Simd::Load(row_scales + r));
      StoreRows(sums, rows - r, y + row + r);
    }
  }
}
