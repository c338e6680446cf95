// Products with integer grids in tiles (codecs/tiled_grid.h) with AVX-512 and VNNI. Part of
// matmul_avx512.cc, which includes it behind matmul-inl.h.
//
// A vector of a tile is multiplied as it lies: a lane for each of 16 rows, four columns of it with
// the same four activation codes. Levels that are not the lowest bits of their bytes are not
// shifted: they are products 2^kShift times too large, which a sum of their own takes, and that
// sum is shifted once a group, exactly, since all its parts are multiples. It stays within 32 bits
// by far: at most 64 columns of 255 times 127, below 2^21. Memory is read in the order of its
// addresses, from one end of the rows to the other.

template <WeightFormat kFormat>  // of the original
struct TiledGrid {
  using Vector = __m512i;
  static constexpr bool kWide = kFormat == WeightFormat::kInt8;
  static constexpr bool kTwoBits =
      kFormat == WeightFormat::kInt2 || kFormat == WeightFormat::kTernary;
  static constexpr bool kOneBit =
      kFormat == WeightFormat::kInt1 || kFormat == WeightFormat::kBinaryRow;
  static constexpr bool kGroupScales = kFormat != WeightFormat::kBinaryRow;
  static constexpr bool kZeros = !kOneBit && kFormat != WeightFormat::kTernary;
  static constexpr int kVectors = kWide                               ? 16
                                  : kFormat == WeightFormat::kInt4 ? 8
                                  : kFormat == WeightFormat::kInt3 ? 6
                                  : kTwoBits                          ? 4
                                                                      : 2;
  static constexpr int kShift = kWide ? 0 : kFormat == WeightFormat::kInt3 ? 3 : 4;
  static constexpr int64_t kCodeBytes = int64_t{64} * kVectors;
  static constexpr int64_t kScaleBytes = 32;
  static constexpr int64_t kGroupBytes =
      kCodeBytes + (kGroupScales ? kScaleBytes : 0) + (kZeros ? 16 : 0);
  // Most activation rows whose sums stay in registers.
  static constexpr int kInRegisters = 8;

  // ---- weights ----

  static Vector Load(const uint8_t* group, int v) { return _mm512_loadu_si512(group + 64 * v); }
  template <int n>
  static Vector Right(Vector a) {
    return _mm512_srli_epi16(a, n);
  }

  // Calls use(q, part, levels) for the 16 quads of a group; levels of part 1 are times 2^kShift.
  template <typename Use>
  static CRUMB_INLINE inline void ForQuads(const uint8_t* group, const Use& use) {
    if constexpr (kWide) {
      CRUMB_UNROLL for (int v = 0; v < 16; ++v) use(v, 0, Load(group, v));
    } else if constexpr (kFormat == WeightFormat::kInt4) {
      CRUMB_UNROLL for (int v = 0; v < 8; ++v) {
        const Vector a = Load(group, v);
        use(v, 0, Simd::And(a, 0x0f));
        use(v + 8, 1, Simd::And(a, 0xf0));
      }
    } else if constexpr (kFormat == WeightFormat::kInt3) {
      CRUMB_UNROLL for (int v = 0; v < 6; ++v) {
        const Vector a = Load(group, v);
        use(v, 0, Simd::And(a, 0x07));
        use(v + 6, 1, Simd::And(a, 0x38));
      }
      // Two bits come to places 3 and 4, the third one to place 5.
      const Vector a = Load(group, 4), b = Load(group, 5);
      const auto join = [&](int v, Vector third) CRUMB_INLINE {
        return _mm512_or_si512(Simd::And(Right<3>(Load(group, v)), 0x18), Simd::And(third, 0x20));
      };
      use(12, 1, join(0, Right<1>(a)));
      use(13, 1, join(1, Right<2>(a)));
      use(14, 1, join(2, Right<1>(b)));
      use(15, 1, join(3, Right<2>(b)));
    } else if constexpr (kTwoBits) {
      CRUMB_UNROLL for (int v = 0; v < 4; ++v) {
        const Vector a = Load(group, v), b = Right<2>(a);
        use(v, 0, Simd::And(a, 0x03));
        use(v + 4, 0, Simd::And(b, 0x03));
        use(v + 8, 1, Simd::And(a, 0x30));
        use(v + 12, 1, Simd::And(b, 0x30));
      }
    } else {  // levels 0 and 2, as GroupLevels has them
      CRUMB_UNROLL for (int v = 0; v < 2; ++v) {
        const Vector a = Load(group, v);
        const auto two = [&](int k, Vector bits) CRUMB_INLINE {
          use(8 * v + k, 0, Simd::And(bits, 0x02));
          use(8 * v + k + 4, 1, Simd::And(bits, 0x20));
        };
        two(0, _mm512_add_epi8(a, a));
        two(1, a);
        two(2, Right<1>(a));
        two(3, Right<2>(a));
      }
    }
  }

  static Float Scales(const uint8_t* group) { return Simd::LoadHalf(group + kCodeBytes, 16); }
  static Float Zeros(const uint8_t* group) {
    return Simd::LoadBytes(group + kCodeBytes + kScaleBytes, 16);
  }
  // Scale times offset, as PrepareScales has it.
  static Float Offsets(const uint8_t* group, Float scales) {
    if constexpr (!kZeros) return scales;
    constexpr float kFactor = (Format<kFormat>::kLevels - 1) / 255;
    constexpr float kBias = kWide ? kWideBias : 0;
    return Simd::Mul(scales,
                     Simd::Fma(Zeros(group), Simd::Set(kFactor), Simd::Set(-kBias)));
  }

  // ---- few activation rows ----

  // Group g of a tile.
  template <int kBatch>
  static CRUMB_INLINE inline void AddGroup(const uint8_t* group, const IntInputs& x, int64_t g,
                                           Float (&acc)[kBatch]) {
    constexpr int kFactor = kStart<kWide, kGroupScales>;
    // At 8 bits there is one kind of sums; with few rows it has two chains all the same, so that
    // fewer products wait for one another.
    constexpr int kSums = kShift > 0 || kBatch <= 4 ? 2 : 1;
    Vector sums[kBatch][kSums];
    CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
      sums[b][0] = Simd::SetInts(kFactor == 0 ? 0 : kFactor * x.sums[b * x.groups + g]);
      if constexpr (kSums > 1) sums[b][1] = _mm512_setzero_si512();
    }
    const int8_t* codes = x.codes + g * kGroup;
    ForQuads(group, [&](int q, int part, Vector levels) CRUMB_INLINE {
      const int s = kShift > 0 ? part : q % kSums;
      CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
        sums[b][s] = _mm512_dpbusd_epi32(sums[b][s], levels,
                                         Simd::LoadCodes4(codes + b * x.groups * kGroup + 4 * q));
      }
    });
    Float scales, offsets;
    if constexpr (kGroupScales) {
      scales = Scales(group);
      offsets = Offsets(group, scales);
    }
    CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
      Vector dot = sums[b][0];
      if constexpr (kSums > 1) {
        dot = _mm512_add_epi32(dot, _mm512_srai_epi32(sums[b][1], static_cast<unsigned>(kShift)));
      }
      Float product = Simd::Set(x.scales[b * x.groups + g]);
      if constexpr (kGroupScales) product = Simd::Mul(scales, product);
      acc[b] = Simd::Fma(Simd::ToFloat(dot), product, acc[b]);
      if constexpr (kGroupScales) {
        acc[b] = Simd::Fnma(offsets, Simd::Set(x.offsets[b * x.groups + g]), acc[b]);
      }
    }
  }

  // batch <= kBatch activation rows.
  template <int kBatch = kInRegisters>
  static void RowsInRegisters(const WeightView& w, const IntInputs& x, int64_t batch, int64_t begin,
                              int64_t end, float* y, int64_t y_stride) {
    if constexpr (kBatch > 1) {
      if (batch < kBatch) {
        return RowsInRegisters<kBatch - 1>(w, x, batch, begin, end, y, y_stride);
      }
    }
    const uint8_t* group = Tile(w, begin);
    for (int64_t row = begin; row < end; row += kTileRows) {
      Float acc[kBatch];
      CRUMB_UNROLL for (Float& a : acc) a = Simd::Zero();
      for (int64_t g = 0; g < w.groups; ++g, group += kGroupBytes) AddGroup(group, x, g, acc);
      const int64_t rows = Smaller(kTileRows, end - row);
      CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
        if constexpr (!kGroupScales) {
          acc[b] = Simd::Mul(acc[b], Simd::LoadHalf(w.scales + 2 * row, rows));
        }
        StoreRows(acc[b], rows, y + b * y_stride + row);
      }
    }
  }

  static const uint8_t* Tile(const WeightView& w, int64_t row) {
    return w.codes + row / kTileRows * w.groups * kGroupBytes;
  }

  // ---- many activation rows, and floats ----

  // The levels of a tile in the order of IntTile: group, quad, row.
  static void Unpack(const uint8_t* group, int64_t groups, TileAhead next, uint8_t* levels) {
    for (int64_t g = 0; g < groups; ++g, group += kGroupBytes, levels += kGroupLevels) {
      next.Ask(kGroupBytes);
      ForQuads(group, [&](int q, int part, Vector quad) CRUMB_INLINE {
        Simd::StoreQuads(part == 0 ? quad : Right<kShift>(quad), levels + q * kQuadBytes);
      });
    }
  }

  static void RowsUnpacked(const WeightView& w, const IntInputs& x, int64_t batch, int64_t begin,
                           int64_t end, float* y, int64_t y_stride, IntScratch scratch) {
    if (!kZeros) scratch.offsets = scratch.scales;
    const int64_t tile_bytes = w.groups * kGroupBytes;
    for (int64_t row = begin; row < end; row += kTileRows) {
      const uint8_t* tile = Tile(w, row);
      const int64_t rows = Smaller(kTileRows, end - row);
      const bool ask = row + kTileRows < end && batch <= kMostWithAhead;
      const uint8_t* behind = tile + tile_bytes;
      Unpack(tile, w.groups, TileAhead(behind, ask ? behind + tile_bytes : behind, tile_bytes),
             scratch.levels);
      alignas(64) float row_scales[kTileRows];
      if constexpr (kGroupScales) {
        for (int64_t g = 0; g < w.groups; ++g) {
          const Float scales = Scales(tile + g * kGroupBytes);
          Simd::Store(scratch.scales + g * kTileRows, scales);
          if constexpr (kZeros) {
            Simd::Store(scratch.offsets + g * kTileRows, Offsets(tile + g * kGroupBytes, scales));
          }
        }
      } else {
        LoadRowScales(w, row, rows, row_scales);
      }
      IntTiles<kWide, kGroupScales>(scratch, x, batch, rows, row_scales, y + row, y_stride);
    }
  }

  // Row `row` from the unpacked levels of its tile, with the same roundings as the codec's own
  // DecodeRow.
  static void RowOfFloats(const WeightView& w, int64_t row, const uint8_t* levels, float* out) {
    const int64_t lane = row % kTileRows;
    const uint8_t* group = Tile(w, row);
    const Vector places = _mm512_mullo_epi32(
        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
        Simd::SetInts(kQuadBytes));
    for (int64_t g = 0; g < w.groups; ++g, group += kGroupBytes, levels += kGroupLevels) {
      alignas(64) uint8_t columns[kGroup];
      _mm512_store_si512(columns, _mm512_i32gather_epi32(places, levels + 4 * lane, 1));
      alignas(64) float scales[kTileRows], offsets[kTileRows];
      if constexpr (kGroupScales) {
        Simd::Store(scales, Scales(group));
      } else {
        Simd::Store(scales, Simd::LoadHalf(w.scales + 2 * row, 1));
      }
      if constexpr (kZeros) {
        Simd::Store(offsets, Simd::Div(Simd::Mul(Zeros(group), Simd::Set(Format<kFormat>::kLevels - 1)),
                                       Simd::Set(255)));
      }
      const Float scale = Simd::Set(scales[kGroupScales ? lane : 0]);
      const Float offset = Simd::Set(kZeros ? offsets[lane] : 1);
      for (int64_t j = 0; j < kGroup; j += kLanes, out += kLanes) {
        const Float above = _mm512_sub_ps(Simd::LoadBytes(columns + j, kLanes), offset);
        Simd::Store(out, Simd::Mul(above, scale));
      }
    }
  }

  static void RowsOfFloats(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end,
                           float* y, int64_t y_stride, void* scratch) {
    // Scratch: a tile of floats, and its levels.
    auto* levels = static_cast<uint8_t*>(scratch) + kTileRows * w.groups * kGroup * 4;
    // DecodedRows asks for the rows from `begin` on, one after another.
    DecodedRows(w, x, begin, end, y, y_stride, scratch,
                [&](const WeightView&, int64_t row, float* out) {
                  if (row % kTileRows == 0) Unpack(Tile(w, row), w.groups, TileAhead(), levels);
                  RowOfFloats(w, row, levels, out);
                });
  }
};

template <WeightFormat kFormat>
void TiledGridRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end,
                   float* y, int64_t y_stride, void* scratch_bytes) {
  using Code = TiledGrid<kFormat>;
  if (!x.int8) return Code::RowsOfFloats(w, x, begin, end, y, y_stride, scratch_bytes);
  const IntScratch scratch(scratch_bytes, w.groups, x.batch);
  const IntInputs inputs = PrepareInputs(x, false, scratch);
  if (x.batch <= Code::kInRegisters) {
    return Code::RowsInRegisters(w, inputs, x.batch, begin, end, y, y_stride);
  }
  Code::RowsUnpacked(w, inputs, x.batch, begin, end, y, y_stride, scratch);
}
