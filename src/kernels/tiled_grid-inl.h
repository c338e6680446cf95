// Products with integer grids in tiles (codecs/tiled_grid.h). Included behind matmul-inl.h by the
// sets that have Simd::kGridTiles; of Simd it needs besides:
//
//   kLargestLevel        of those that Dot<false> takes, sixteen of them in a sum
//   kTileFew             most activation rows that share what was unpacked to registers
//   kTileFewWithTwoSums  most of them that have two sums for each row of weights
//   kProductsWait        a second sum is faster also where no levels ask for one
//   TileVectors(batch)   vectors of rows that are worked on together
//   Twice(q)             each byte times 2, modulo 256
//   ShiftInts<n>(ints)   arithmetic shift to the right
//
// A vector of a tile is multiplied as it lies: a lane for each row, four columns of it with the
// same four activation codes, which the vectors of a tile share. Where Dot takes levels so large,
// those that are not the lowest bits of their bytes are not shifted all the way down: they give
// products that are 2^kPlace times too large, to a sum of their own, which is shifted once a group,
// exactly, since all its parts are multiples. It stays far within 32 bits: no more than 64 columns
// of 255 times 127, below 2^21. Memory is read in the order of its addresses, from one end of the
// rows to the other.

// f(0), f(1), .. f(kTo - 1) with numbers known to the compiler. In place of loops that are to be
// unrolled: g++ knows only then from the beginning that what arrays hold can stay in registers, and
// else stores it again and again for nobody.
template <int n>
struct Number {
  constexpr operator int() const { return n; }
};
template <int kTo, int kFrom = 0, typename F>
CRUMB_INLINE inline void Times(const F& f) {
  if constexpr (kFrom < kTo) {
    f(Number<kFrom>());
    Times<kTo, kFrom + 1>(f);
  }
}

template <WeightFormat kFormat>  // of the original
struct TiledGrid {
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
  // Part 1, the upper one, of what a byte holds: the bits it lies above part 0, and at which it is
  // left for two sums.
  static constexpr int kLargest = kFormat == WeightFormat::kInt4   ? 15
                                  : kFormat == WeightFormat::kInt3 ? 7
                                  : kTwoBits                       ? 3
                                                                   : 2;
  static constexpr int kShift = kWide                            ? 0
                                : kFormat == WeightFormat::kInt4 ? 4
                                : kFormat == WeightFormat::kInt3 ? 3
                                                                 : 2;
  static constexpr int kPlace = kLargest << kShift <= Simd::kLargestLevel ? kShift : 0;
  static constexpr int64_t kRows = 2 * kTileRows;
  static constexpr int kTileVectors = kRows / kLanes;  // of rows
  static constexpr int64_t kVectorBytes = 4 * kRows;
  static constexpr int64_t kCodeBytes = kVectorBytes * kVectors;
  static constexpr int64_t kScaleBytes = 2 * kRows;
  static constexpr int64_t kGroupBytes =
      kCodeBytes + (kGroupScales ? kScaleBytes : 0) + (kZeros ? kRows : 0);

  // ---- weights ----

  // The same of kCount * kLanes rows.
  template <int kCount>
  struct Levels {
    Simd::Quads of[kCount];

    // From the vector v of a group, of the rows from which `group` counts.
    static CRUMB_INLINE Levels Load(const uint8_t* group, int v) {
      Levels a;
      Times<kCount>([&](auto i) CRUMB_INLINE {
        a.of[i] = Simd::LoadQuads(group + v * kVectorBytes + i * kQuadBytes);
      });
      return a;
    }
    CRUMB_INLINE Levels And(uint8_t byte) const {
      Levels a;
      Times<kCount>([&](auto i) CRUMB_INLINE { a.of[i] = Simd::And(of[i], byte); });
      return a;
    }
    // With bits of the neighbour above.
    template <int n>
    CRUMB_INLINE Levels Right() const {
      if constexpr (n == 0) return *this;
      Levels a;
      Times<kCount>([&](auto i) CRUMB_INLINE { a.of[i] = Simd::template ShiftRight<n>(of[i]); });
      return a;
    }
    CRUMB_INLINE Levels Twice() const {
      Levels a;
      Times<kCount>([&](auto i) CRUMB_INLINE { a.of[i] = Simd::Twice(of[i]); });
      return a;
    }
    CRUMB_INLINE Levels Or(const Levels& b) const {
      Levels a;
      Times<kCount>([&](auto i) CRUMB_INLINE { a.of[i] = Simd::Or(of[i], b.of[i]); });
      return a;
    }
  };

  // Keeps compilers from loading what comes later before what comes earlier: then the CPU's own
  // prefetching does not see one stream, and of two threads each reads 18 GB/s in place of 23. Says
  // that `group` changes; to say so of all memory would have g++ store levels that nobody reads.
  template <typename T>
  static CRUMB_INLINE inline void KeepOrder(const T*& group) {
    __asm__ volatile("" : "+r"(group));
  }

  // Calls use(q, part, levels) for the 16 quads of a group of the rows from which `group` counts;
  // levels of part 1 are times 2^kAt: kPlace or 0.
  template <int kCount, int kAt, typename Use>
  static CRUMB_INLINE inline void ForQuads(const uint8_t* group, const Use& use) {
    using Some = Levels<kCount>;
    if constexpr (kWide) {
      Times<16>([&](auto v) CRUMB_INLINE {
        use(v, 0, Some::Load(group, v));
        KeepOrder(group);
      });
    } else if constexpr (kFormat == WeightFormat::kInt4) {
      Times<8>([&](auto v) CRUMB_INLINE {
        const Some a = Some::Load(group, v);
        use(v, 0, a.And(15));
        use(v + 8, 1, a.template Right<4 - kAt>().And(15 << kAt));
        KeepOrder(group);
      });
    } else if constexpr (kFormat == WeightFormat::kInt3) {
      Times<6>([&](auto v) CRUMB_INLINE {
        const Some a = Some::Load(group, v);
        use(v, 0, a.And(7));
        use(v + 6, 1, a.template Right<3 - kAt>().And(7 << kAt));
        KeepOrder(group);
      });
      // Bits 6 and 7, and `third`, which holds the third one at its place.
      const auto join = [&](int v, Some third) CRUMB_INLINE {
        const Some two = Some::Load(group, v).template Right<6 - kAt>().And(3 << kAt);
        use(12 + v, 1, two.Or(third.And(4 << kAt)));
      };
      const Some a = Some::Load(group, 4), b = Some::Load(group, 5);
      join(0, a.template Right<4 - kAt>());
      join(1, a.template Right<5 - kAt>());
      join(2, b.template Right<4 - kAt>());
      join(3, b.template Right<5 - kAt>());
    } else if constexpr (kTwoBits) {
      Times<4>([&](auto v) CRUMB_INLINE {
        const auto two = [&](int q, Some bits) CRUMB_INLINE {
          use(q, 0, bits.And(3));
          use(q + 4, 1, bits.template Right<2 - kAt>().And(3 << kAt));
        };
        const Some a = Some::Load(group, v);
        two(v, a);
        two(v + 8, a.template Right<4>());
      });
    } else {  // levels 0 and 2, as GroupLevels has them
      Times<2>([&](auto v) CRUMB_INLINE {
        const auto two = [&](int k, Some bits) CRUMB_INLINE {
          use(8 * v + k, 0, bits.And(2));
          use(8 * v + k + 2, 1, bits.template Right<2 - kAt>().And(2 << kAt));
        };
        const Some a = Some::Load(group, v);
        two(0, a.Twice());
        two(1, a);
        two(4, a.template Right<3>());
        two(5, a.template Right<4>());
      });
    }
  }

  // Of the kLanes rows from `vector` on.
  static Float Scales(const uint8_t* group, int vector) {
    return Simd::LoadHalf(group + kCodeBytes + 2 * kLanes * vector, kLanes);
  }
  static Float Zeros(const uint8_t* group, int vector) {
    return Simd::LoadBytes(group + kCodeBytes + kScaleBytes + kLanes * vector, kLanes);
  }
  // Scale times offset, as PrepareScales has it.
  static Float Offsets(const uint8_t* group, int vector, Float scales) {
    if constexpr (!kZeros) return scales;
    constexpr float kFactor = (Format<kFormat>::kLevels - 1) / 255;
    constexpr float kBias = kWide ? kWideBias : 0;
    const Float zeros = Zeros(group, vector);
    return Simd::Mul(scales, Simd::Fma(zeros, Simd::Set(kFactor), Simd::Set(-kBias)));
  }

  // The tile of a row.
  static const uint8_t* Tile(const WeightView& w, int64_t row) {
    return w.codes + row / kRows * w.groups * kGroupBytes;
  }
  // As Dot takes them.
  static CRUMB_INLINE Simd::Quads ForDot(Simd::Quads levels) {
    return kWide ? Simd::Wide(levels) : levels;
  }

  // ---- few activation rows ----

  // Group g of a tile: the rows of kCount vectors from kFirst on.
  template <int kFirst, int kCount, int kBatch>
  static CRUMB_INLINE inline void AddVectors(const uint8_t* group, const IntInputs& x, int64_t g,
                                             Float (&acc)[kTileVectors][kBatch]) {
    constexpr int kFactor = kStart<kWide, kGroupScales>;
    // Two sums for the two parts, or by turns, so that fewer products wait for one another. For
    // many activation rows there are no registers: all levels are shifted down.
    constexpr bool kApart = kPlace > 0 && kBatch <= Simd::kTileFewWithTwoSums;
    constexpr bool kByTurns = !kApart && Simd::kProductsWait && kBatch <= Simd::kTileFewWithTwoSums;
    constexpr int kSums = kApart || kByTurns ? 2 : 1;
    typename Simd::template Dot<kWide> sums[kCount][kBatch][kSums];
    Times<kBatch>([&](auto b) CRUMB_INLINE {
      const int32_t start = kFactor == 0 ? 0 : kFactor * x.sums[b * x.groups + g];
      Times<kCount>([&](auto i) CRUMB_INLINE {
        sums[i][b][0].Start(start);
        if constexpr (kSums > 1) sums[i][b][1].Start(0);
      });
    });
    const int8_t* codes = x.codes + g * kGroup;
    ForQuads<kCount, kApart ? kPlace : 0>(
        group + kFirst * kQuadBytes,
        [&](int q, int part, const Levels<kCount>& levels) CRUMB_INLINE {
          const int s = kApart ? part : kByTurns ? q % 2 : 0;
          Times<kBatch>([&](auto b) CRUMB_INLINE {
            const auto four = Simd::LoadCodes4(codes + b * x.groups * kGroup + 4 * q);
            Times<kCount>([&](auto i)
                              CRUMB_INLINE { sums[i][b][s].Add(ForDot(levels.of[i]), four); });
          });
        });
    Times<kCount>([&](auto i) CRUMB_INLINE {
      Float scales, offsets;
      if constexpr (kGroupScales) {
        scales = Scales(group, kFirst + i);
        offsets = Offsets(group, kFirst + i, scales);
      }
      Times<kBatch>([&](auto b) CRUMB_INLINE {
        Simd::Ints dot = sums[i][b][0].Sum();
        if constexpr (kSums > 1) {
          dot = Simd::AddInts(
              dot, Simd::template ShiftInts < kApart ? kPlace : 0 > (sums[i][b][1].Sum()));
        }
        Float product = Simd::Set(x.scales[b * x.groups + g]);
        if constexpr (kGroupScales) product = Simd::Mul(scales, product);
        Float& sum = acc[kFirst + i][b];
        sum = Simd::Fma(Simd::ToFloat(dot), product, sum);
        if constexpr (kGroupScales) {
          sum = Simd::Fnma(offsets, Simd::Set(x.offsets[b * x.groups + g]), sum);
        }
      });
    });
  }

  // All of them.
  template <int kFirst = 0, int kBatch>
  static CRUMB_INLINE inline void AddGroup(const uint8_t* group, const IntInputs& x, int64_t g,
                                           Float (&acc)[kTileVectors][kBatch]) {
    constexpr int kCount = Simd::TileVectors(kBatch);
    AddVectors<kFirst, kCount>(group, x, g, acc);
    if constexpr (kFirst + kCount < kTileVectors) AddGroup<kFirst + kCount>(group, x, g, acc);
  }

  // batch <= kBatch activation rows.
  template <int kBatch = Simd::kTileFew>
  static void RowsInRegisters(const WeightView& w, const IntInputs& x, int64_t batch, int64_t begin,
                              int64_t end, float* y, int64_t y_stride) {
    if constexpr (kBatch > 1) {
      if (batch < kBatch) {
        return RowsInRegisters<kBatch - 1>(w, x, batch, begin, end, y, y_stride);
      }
    }
    const uint8_t* group = Tile(w, begin);
    for (int64_t tile = begin / kRows * kRows; tile < end; tile += kRows) {
      Float acc[kTileVectors][kBatch];
      CRUMB_UNROLL for (auto& rows : acc) { CRUMB_UNROLL for (Float& a : rows) a = Simd::Zero(); }
      for (int64_t g = 0; g < w.groups; ++g, group += kGroupBytes) {
        AddGroup(group, x, g, acc);
      }
      CRUMB_UNROLL for (int i = 0; i < kTileVectors; ++i) {
        const int64_t row = tile + i * kLanes;
        if (row < begin || row >= end) continue;
        const int64_t rows = Smaller(kLanes, end - row);
        CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
          Float sum = acc[i][b];
          if constexpr (!kGroupScales) {
            sum = Simd::Mul(sum, Simd::LoadHalf(w.scales + 2 * row, rows));
          }
          StoreRows(sum, rows, y + b * y_stride + row);
        }
      }
    }
  }

  // ---- many activation rows, and floats: half a tile is unpacked ----

  static constexpr int kHalfVectors = kTileRows / kLanes;

  // The levels of the half tile at `row`: vector, group, quad, row; as Dot takes them, or plain.
  template <bool kForDot>
  static void Unpack(const WeightView& w, int64_t row, TileAhead next, uint8_t* levels) {
    const uint8_t* group = Tile(w, row) + row % kRows * 4;
    for (int64_t g = 0; g < w.groups; ++g, group += kGroupBytes, levels += kGroupLevels) {
      next.Ask(kGroupBytes / 2);
      ForQuads<kHalfVectors, 0>(group, [&](int q, int, Levels<kHalfVectors> quad) CRUMB_INLINE {
        CRUMB_UNROLL for (int i = 0; i < kHalfVectors; ++i) {
          Simd::StoreQuads(kForDot ? ForDot(quad.of[i]) : quad.of[i],
                           levels + i * w.groups * kGroupLevels + q * kQuadBytes);
        }
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
      const uint8_t* next = tile + tile_bytes + half * (tile_bytes / 2);
      const bool ask = row / kRows < (end - 1) / kRows && batch <= kMostWithAhead;
      Unpack<true>(w, row, TileAhead(next, ask ? tile + 2 * tile_bytes : next, tile_bytes),
                   scratch.levels);
      float row_scales[kTileRows];
      if constexpr (kGroupScales) {
        for (int i = 0; i < kHalfVectors; ++i) {
          for (int64_t g = 0; g < w.groups; ++g) {
            const uint8_t* group = tile + g * kGroupBytes;
            const int vector = half * kHalfVectors + i;
            const int64_t at = (i * w.groups + g) * kLanes;
            const Float scales = Scales(group, vector);
            Simd::Store(scratch.scales + at, scales);
            if constexpr (kZeros) {
              Simd::Store(scratch.offsets + at, Offsets(group, vector, scales));
            }
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
    const int64_t lane = row % kLanes;
    const int vector = static_cast<int>(row % kRows / kLanes);
    const uint8_t* group = Tile(w, row);
    levels += row % kTileRows / kLanes * w.groups * kGroupLevels + 4 * lane;
    for (int64_t g = 0; g < w.groups; ++g, group += kGroupBytes, levels += kGroupLevels) {
      uint8_t columns[kGroup];
      CRUMB_UNROLL for (int q = 0; q < kQuads; ++q) {
        __builtin_memcpy(columns + 4 * q, levels + q * kQuadBytes, 4);
      }
      float scales[kLanes], offsets[kLanes];
      if constexpr (kGroupScales) {
        Simd::Store(scales, Scales(group, vector));
      } else {
        Simd::Store(scales, Simd::LoadHalf(w.scales + 2 * (row - lane), lane + 1));
      }
      if constexpr (kZeros) {
        const Float most = Simd::Set(Format<kFormat>::kLevels - 1);
        Simd::Store(offsets, Simd::Div(Simd::Mul(Zeros(group, vector), most), Simd::Set(255)));
      }
      const Float scale = Simd::Set(scales[lane]);
      const Float minus_offset = Simd::Set(kZeros ? -offsets[lane] : -1);
      for (int64_t j = 0; j < kGroup; j += kLanes, out += kLanes) {
        const Float above = Simd::Add(Simd::LoadBytes(columns + j, kLanes), minus_offset);
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
                  if (row % kTileRows == 0) Unpack<false>(w, row, TileAhead(), levels);
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
  if (x.batch <= Simd::kTileFew) {
    return Code::RowsInRegisters(w, inputs, x.batch, begin, end, y, y_stride);
  }
  Code::RowsUnpacked(w, inputs, x.batch, begin, end, y, y_stride, scratch);
}
