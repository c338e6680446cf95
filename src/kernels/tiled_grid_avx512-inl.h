// Products with integer grids in tiles (codecs/tiled_grid.h) with AVX-512 and VNNI. Part of
// matmul_avx512.cc, which includes it behind matmul-inl.h.
//
// A vector of a tile is multiplied as it lies: a lane for each row, four columns of it with the
// same four activation codes. Both halves of a tile (16 rows each) share the codes. Levels that are
// not the lowest bits of their bytes are not shifted: they give products that are 2^kShift times
// too large, to a sum of their own, which is shifted once a group, exactly, since all its parts are
// multiples. It stays far within 32 bits: no more than 64 columns of 255 times 127, below 2^21.
// Memory is read in the order of its addresses, from one end of the rows to the other.

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
  static constexpr int kVectors = kWide                            ? 16
                                  : kFormat == WeightFormat::kInt4 ? 8
                                  : kFormat == WeightFormat::kInt3 ? 6
                                  : kTwoBits                       ? 4
                                                                   : 2;
  static constexpr int kShift = kWide ? 0 : kFormat == WeightFormat::kInt3 ? 3 : 4;
  static constexpr int kTileHalves = 2;
  static constexpr int64_t kRows = kTileHalves * kTileRows;
  static constexpr int64_t kVectorBytes = 4 * kRows;
  static constexpr int64_t kCodeBytes = kVectorBytes * kVectors;
  static constexpr int64_t kScaleBytes = 2 * kRows;
  static constexpr int64_t kGroupBytes =
      kCodeBytes + (kGroupScales ? kScaleBytes : 0) + (kZeros ? kRows : 0);
  static constexpr int kInRegisters = 8;  // most activation rows that share what was unpacked

  // ---- weights ----

  // The same of one half of a tile, or of both.
  template <int kHalves>
  struct Halves {
    Vector half[kHalves];

    // The vector v of a group.
    static CRUMB_INLINE Halves Load(const uint8_t* group, int v) {
      Halves a;
      CRUMB_UNROLL for (int h = 0; h < kHalves; ++h) {
        a.half[h] = _mm512_loadu_si512(group + v * kVectorBytes + h * 64);
      }
      return a;
    }
    CRUMB_INLINE Halves And(uint8_t byte) const {
      return Each([byte](Vector a) CRUMB_INLINE { return Simd::And(a, byte); });
    }
    template <int n>
    CRUMB_INLINE Halves Right() const {
      return Each([](Vector a) CRUMB_INLINE { return _mm512_srli_epi16(a, n); });
    }
    CRUMB_INLINE Halves Twice() const {
      return Each([](Vector a) CRUMB_INLINE { return _mm512_add_epi8(a, a); });
    }
    CRUMB_INLINE Halves Or(Halves b) const {
      CRUMB_UNROLL for (int h = 0; h < kHalves; ++h) {
        b.half[h] = _mm512_or_si512(half[h], b.half[h]);
      }
      return b;
    }

   private:
    template <typename F>
    CRUMB_INLINE Halves Each(const F& f) const {
      Halves b;
      CRUMB_UNROLL for (int h = 0; h < kHalves; ++h) b.half[h] = f(half[h]);
      return b;
    }
  };

  // Keeps compilers from loading what comes later before what comes earlier: then the CPU's own
  // prefetching does not see one stream, and of two threads each reads 18 GB/s in place of 23.
  static CRUMB_INLINE inline void KeepOrder() { __asm__ volatile("" ::: "memory"); }

  // Calls use(q, part, levels) for the 16 quads of a group; levels of part 1 are times 2^kShift.
  // With one half, `group` is that half of it.
  template <int kHalves, typename Use>
  static CRUMB_INLINE inline void ForQuads(const uint8_t* group, const Use& use) {
    using Levels = Halves<kHalves>;
    if constexpr (kWide) {
      CRUMB_UNROLL for (int v = 0; v < 16; ++v) {
        use(v, 0, Levels::Load(group, v));
        KeepOrder();
      }
    } else if constexpr (kFormat == WeightFormat::kInt4) {
      CRUMB_UNROLL for (int v = 0; v < 8; ++v) {
        const Levels a = Levels::Load(group, v);
        use(v, 0, a.And(0x0f));
        use(v + 8, 1, a.And(0xf0));
        KeepOrder();
      }
    } else if constexpr (kFormat == WeightFormat::kInt3) {
      CRUMB_UNROLL for (int v = 0; v < 6; ++v) {
        const Levels a = Levels::Load(group, v);
        use(v, 0, a.And(0x07));
        use(v + 6, 1, a.And(0x38));
      }
      // Two bits come to places 3 and 4, the third one to place 5.
      const auto join = [&](int v, Levels third) CRUMB_INLINE {
        return Levels::Load(group, v).template Right<3>().And(0x18).Or(third.And(0x20));
      };
      const Levels a = Levels::Load(group, 4), b = Levels::Load(group, 5);
      use(12, 1, join(0, a.template Right<1>()));
      use(13, 1, join(1, a.template Right<2>()));
      use(14, 1, join(2, b.template Right<1>()));
      use(15, 1, join(3, b.template Right<2>()));
    } else if constexpr (kTwoBits) {
      CRUMB_UNROLL for (int v = 0; v < 4; ++v) {
        const Levels a = Levels::Load(group, v), b = a.template Right<2>();
        use(v, 0, a.And(0x03));
        use(v + 4, 0, b.And(0x03));
        use(v + 8, 1, a.And(0x30));
        use(v + 12, 1, b.And(0x30));
      }
    } else {  // levels 0 and 2, as GroupLevels has them
      CRUMB_UNROLL for (int v = 0; v < 2; ++v) {
        const Levels a = Levels::Load(group, v);
        const auto two = [&](int k, Levels bits) CRUMB_INLINE {
          use(8 * v + k, 0, bits.And(0x02));
          use(8 * v + k + 4, 1, bits.And(0x20));
        };
        two(0, a.Twice());
        two(1, a);
        two(2, a.template Right<1>());
        two(3, a.template Right<2>());
      }
    }
  }

  static Float Scales(const uint8_t* group, int half) {
    return Simd::LoadHalf(group + kCodeBytes + 32 * half, kTileRows);
  }
  static Float Zeros(const uint8_t* group, int half) {
    return Simd::LoadBytes(group + kCodeBytes + kScaleBytes + 16 * half, kTileRows);
  }
  // Scale times offset, as PrepareScales has it.
  static Float Offsets(const uint8_t* group, int half, Float scales) {
    if constexpr (!kZeros) return scales;
    constexpr float kFactor = (Format<kFormat>::kLevels - 1) / 255;
    constexpr float kBias = kWide ? kWideBias : 0;
    const Float zeros = Zeros(group, half);
    return Simd::Mul(scales, Simd::Fma(zeros, Simd::Set(kFactor), Simd::Set(-kBias)));
  }

  // The tile of a row.
  static const uint8_t* Tile(const WeightView& w, int64_t row) {
    return w.codes + row / kRows * w.groups * kGroupBytes;
  }

  // ---- few activation rows ----

  // Group g of a tile.
  template <int kBatch>
  static CRUMB_INLINE inline void AddGroup(const uint8_t* group, const IntInputs& x, int64_t g,
                                           Float (&acc)[kTileHalves][kBatch]) {
    constexpr int kFactor = kStart<kWide, kGroupScales>;
    // Up to 4 rows have two sums each; at 8 bits, where all levels are of part 0, by turns, so that
    // fewer products wait for one another. For more there are no registers: levels are shifted.
    constexpr int kSums = kBatch <= 4 ? 2 : 1;
    Vector sums[kTileHalves][kBatch][kSums];
    CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
      const int32_t start = kFactor == 0 ? 0 : kFactor * x.sums[b * x.groups + g];
      CRUMB_UNROLL for (int h = 0; h < kTileHalves; ++h) {
        sums[h][b][0] = Simd::SetInts(start);
        if constexpr (kSums > 1) sums[h][b][1] = _mm512_setzero_si512();
      }
    }
    const int8_t* codes = x.codes + g * kGroup;
    ForQuads<kTileHalves>(group, [&](int q, int part, Halves<kTileHalves> levels) CRUMB_INLINE {
      if (kSums == 1 && part != 0) levels = levels.template Right<kShift>();
      const int s = kSums == 1 ? 0 : kShift > 0 ? part : q % 2;
      CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
        const Vector four = Simd::LoadCodes4(codes + b * x.groups * kGroup + 4 * q);
        CRUMB_UNROLL for (int h = 0; h < kTileHalves; ++h) {
          sums[h][b][s] = _mm512_dpbusd_epi32(sums[h][b][s], levels.half[h], four);
        }
      }
    });
    CRUMB_UNROLL for (int h = 0; h < kTileHalves; ++h) {
      Float scales, offsets;
      if constexpr (kGroupScales) {
        scales = Scales(group, h);
        offsets = Offsets(group, h, scales);
      }
      CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
        Vector dot = sums[h][b][0];
        if constexpr (kSums > 1) {
          dot = _mm512_add_epi32(dot, _mm512_srai_epi32(sums[h][b][1], unsigned{kShift}));
        }
        Float product = Simd::Set(x.scales[b * x.groups + g]);
        if constexpr (kGroupScales) product = Simd::Mul(scales, product);
        acc[h][b] = Simd::Fma(Simd::ToFloat(dot), product, acc[h][b]);
        if constexpr (kGroupScales) {
          acc[h][b] = Simd::Fnma(offsets, Simd::Set(x.offsets[b * x.groups + g]), acc[h][b]);
        }
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
    for (int64_t tile = begin / kRows * kRows; tile < end; tile += kRows) {
      Float acc[kTileHalves][kBatch];
      CRUMB_UNROLL for (auto& half : acc) { CRUMB_UNROLL for (Float& a : half) a = Simd::Zero(); }
      for (int64_t g = 0; g < w.groups; ++g, group += kGroupBytes) {
        AddGroup(group, x, g, acc);
      }
      CRUMB_UNROLL for (int h = 0; h < kTileHalves; ++h) {
        const int64_t row = tile + h * kTileRows;
        if (row < begin || row >= end) continue;
        const int64_t rows = Smaller(kTileRows, end - row);
        CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
          Float sum = acc[h][b];
          if constexpr (!kGroupScales) {
            sum = Simd::Mul(sum, Simd::LoadHalf(w.scales + 2 * row, rows));
          }
          StoreRows(sum, rows, y + b * y_stride + row);
        }
      }
    }
  }

  // ---- many activation rows, and floats ----

  // The levels of the half tile at `row`, in the order of IntTile: group, quad, row.
  static void Unpack(const WeightView& w, int64_t row, TileAhead next, uint8_t* levels) {
    const uint8_t* group = Tile(w, row) + row % kRows / kTileRows * 64;
    for (int64_t g = 0; g < w.groups; ++g, group += kGroupBytes, levels += kGroupLevels) {
      next.Ask(kGroupBytes / kTileHalves);
      ForQuads<1>(group, [&](int q, int part, Halves<1> quad) CRUMB_INLINE {
        if (part != 0) quad = quad.template Right<kShift>();
        Simd::StoreQuads(quad.half[0], levels + q * kQuadBytes);
      });
    }
  }

  static void RowsUnpacked(const WeightView& w, const IntInputs& x, int64_t batch, int64_t begin,
                           int64_t end, float* y, int64_t y_stride, IntScratch scratch) {
    if (!kZeros) scratch.offsets = scratch.scales;
    const int64_t tile_bytes = w.groups * kGroupBytes;
    for (int64_t row = begin; row < end; row += kTileRows) {
      const uint8_t* tile = Tile(w, row);
      const int half = static_cast<int>(row % kRows / kTileRows);
      const int64_t rows = Smaller(kTileRows, end - row);
      // Each half asks for as many bytes of the next tile.
      const uint8_t* next = tile + tile_bytes + half * (tile_bytes / kTileHalves);
      const bool ask = row / kRows < (end - 1) / kRows && batch <= kMostWithAhead;
      Unpack(w, row, TileAhead(next, ask ? tile + 2 * tile_bytes : next, tile_bytes),
             scratch.levels);
      float row_scales[kTileRows];
      if constexpr (kGroupScales) {
        for (int64_t g = 0; g < w.groups; ++g) {
          const Float scales = Scales(tile + g * kGroupBytes, half);
          Simd::Store(scratch.scales + g * kTileRows, scales);
          if constexpr (kZeros) {
            Simd::Store(scratch.offsets + g * kTileRows,
                        Offsets(tile + g * kGroupBytes, half, scales));
          }
        }
      } else {
        LoadRowScales(w, row, rows, row_scales);
      }
      IntTiles<kWide, kGroupScales>(scratch, x, batch, rows, row_scales, y + row, y_stride);
    }
  }

  // Row `row` from the unpacked levels of its half tile, with the same roundings as the codec's own
  // DecodeRow.
  static void RowOfFloats(const WeightView& w, int64_t row, const uint8_t* levels, float* out) {
    const int64_t lane = row % kTileRows;
    const int half = static_cast<int>(row % kRows / kTileRows);
    const uint8_t* group = Tile(w, row);
    const Vector quads = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const Vector places = _mm512_slli_epi32(quads, 6);
    static_assert(kQuadBytes == 1 << 6);
    for (int64_t g = 0; g < w.groups; ++g, group += kGroupBytes, levels += kGroupLevels) {
      alignas(64) uint8_t columns[kGroup];
      _mm512_store_si512(columns, _mm512_i32gather_epi32(places, levels + 4 * lane, 1));
      float scales[kTileRows], offsets[kTileRows];
      if constexpr (kGroupScales) {
        Simd::Store(scales, Scales(group, half));
      } else {
        Simd::Store(scales, Simd::Set(HalfAt(w.scales + 2 * row)));
      }
      if constexpr (kZeros) {
        const Float most = Simd::Set(Format<kFormat>::kLevels - 1);
        Simd::Store(offsets, Simd::Div(Simd::Mul(Zeros(group, half), most), Simd::Set(255)));
      }
      const Float scale = Simd::Set(scales[lane]);
      const Float offset = Simd::Set(kZeros ? offsets[lane] : 1);
      for (int64_t j = 0; j < kGroup; j += kLanes, out += kLanes) {
        const Float above = _mm512_sub_ps(Simd::LoadBytes(columns + j, kLanes), offset);
        Simd::Store(out, Simd::Mul(above, scale));
      }
    }
  }
  static float HalfAt(const uint8_t* p) { return _mm512_cvtss_f32(Simd::LoadHalf(p, 1)); }

  static void RowsOfFloats(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end,
                           float* y, int64_t y_stride, void* scratch) {
    // Scratch: a tile of floats, and its levels.
    auto* levels = static_cast<uint8_t*>(scratch) + kTileRows * w.groups * kGroup * 4;
    // DecodedRows asks for the rows from `begin` on, one after another.
    DecodedRows(w, x, begin, end, y, y_stride, scratch,
                [&](const WeightView&, int64_t row, float* out) {
                  if (row % kTileRows == 0) Unpack(w, row, TileAhead(), levels);
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
