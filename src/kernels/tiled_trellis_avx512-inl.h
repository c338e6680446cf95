// Products with trellis codes in tiles (codecs/tiled_trellis.h) with AVX-512, VBMI and GFNI. Part
// of matmul_avx512.cc, which includes it behind trellis_row_avx512-inl.h, whose tables it uses.
//
// Eight bytes of a piece are eight rows of eight columns. gf2p8affineqb with the unit vectors turns
// them into a byte for each column, its bits in those rows, the newest lowest: a load and one
// instruction make the windows of eight columns in eight rows, which lie eight (4 bits: four) rows
// apart. The other rows are a few bytes on in the piece. With 2 and 3 bits a byte has room for the
// windows of two and of four rows: vpermb looks up those in its lowest six bits, vpermi2b the next,
// and with 3 bits the last one after a shift.
// With 1 bit these are windows of the even and of the odd rows.
//
// So a vector of weights is eight rows of two quads, and eight vectors ("steps") are the 64 rows of
// a tile; with 1 bit 16 are 128. vpdpbusd adds up a group in an accumulator for each step; two of
// them become one vector of 16 rows by one addition of neighbours, which is the exact sum as all
// integer products have it.

template <int kBits>
struct TiledTrellis {
  using Vector = __m512i;
  using Tables = typename TrellisRow<kBits>::Tables;
  // Sums in a loop: as a vector of other elements g++ 12 would copy each sum at every step.
  using Sums = int32_t __attribute__((vector_size(64)));
  static constexpr int kSteps = kBits == 1 ? 16 : 8;
  static constexpr int64_t kRows = 8 * kSteps;
  static constexpr int kVectors = kSteps / 2;  // of 16 rows
  static constexpr int kTables = TrellisRow<kBits>::kTables;
  // Steps whose windows are made together.
  static constexpr int kShared = kBits == 4 ? 1 : kBits == 2 ? 2 : 4;
  // Of a piece.
  static constexpr int kPlanes = kBits == 4 ? 2 : 1;
  static constexpr int64_t kHistoryBytes = kBits == 3 ? 4 : 6;
  static constexpr int64_t kPieceBytes = kHistoryBytes + (kBits == 1 ? 64 : kRows * kPlanes);
  static constexpr int64_t kOctets = 8;  // of a group
  static constexpr int64_t kOctetBytes = kTables * kPieceBytes + (kBits == 1 ? 2 : 0);
  static constexpr int64_t kGroupBytes = kOctets * kOctetBytes;
  static constexpr int64_t kAhead = 2 * kGroupBytes;
  // Most activation rows whose accumulators stay in registers, and those whose outputs wait to be
  // put in order.
  static constexpr int kInRegisters = kBits % 2 == 1 ? 4 : 8;
  static constexpr int64_t kWaiting = 4 * Simd::kIntBatch;

  // ---- weights ----

  static Vector Windows(const uint8_t* p) {
    const Vector units = _mm512_set1_epi64(static_cast<int64_t>(0x8040201008040201u));
    return _mm512_gf2p8affine_epi64_epi8(units, _mm512_loadu_si512(p), 0);
  }

  // Qword i of step s is row RowOfStep(s, i) of the tile.
  static constexpr int RowOfStep(int s, int i) {
    return kBits == 4 ? 32 * (s / 4) + 4 * i + s % 4 : kSteps * i + s;
  }

  // ForSteps (below) of 2 to 4 bits.
  template <int kFirst, int kLast, typename Use>
  static CRUMB_INLINE inline void ForStepsOfPlanes(const uint8_t* octet, const Tables& tables,
                                                   const Use& use) {
    CRUMB_UNROLL for (int s = kFirst; s < kLast; s += kShared) {
      // Where the row of the last of these steps is the eighth byte (4 bits: the eighth of planes).
      const int64_t from = kBits == 4 ? 64 * (s / 4) + 2 * (s % 4) : s;
      Vector bits[kTables];
      CRUMB_UNROLL for (int t = 0; t < kTables; ++t) bits[t] =
          Windows(octet + t * kPieceBytes + from);
      if constexpr (kBits == 4) {
        use(s, tables.template Levels<0>(bits));
      } else if constexpr (kBits == 2) {
        use(s + 1, tables.template Levels<0>(bits));
        use(s, tables.template Levels<1>(bits));
      } else {
        use(s + 3, tables.template Levels<0>(bits));
        use(s + 2, tables.template Levels<1>(bits));
        use(s + 1, tables.template Levels<2>(bits));
        use(s, tables.template Levels<3>(bits));
      }
    }
  }

  // ForSteps of 1 bit: even and odd rows by turns, each with a window of its own parity in table 0
  // and one of the row before in table 1.
  template <int kFirst, int kLast, typename Use>
  static CRUMB_INLINE inline void ForStepsOfOneBit(const uint8_t* octet, const Tables& t,
                                                   const Use& use) {
    const uint8_t* odds = octet + kPieceBytes;
    Vector before = Windows(odds + kFirst / 2);
    CRUMB_UNROLL for (int s = kFirst; s < kLast; s += kShared) {
      const Vector even = Windows(octet + s / 2), odd = Windows(odds + s / 2 + 2);
      use(s, _mm512_add_epi8(t.template LookUp<1>(0, even), t.template LookUp<0>(1, before)));
      use(s + 1, _mm512_add_epi8(t.template LookUp<1>(0, odd), t.template LookUp<1>(1, even)));
      use(s + 2, _mm512_add_epi8(t.template LookUp<0>(0, even), t.template LookUp<1>(1, odd)));
      use(s + 3, _mm512_add_epi8(t.template LookUp<0>(0, odd), t.template LookUp<0>(1, even)));
      before = odd;
    }
  }

  // Calls use(s, levels) for the steps kFirst <= s < kLast of eight columns, multiples of kShared.
  template <int kFirst, int kLast, typename Use>
  static CRUMB_INLINE inline void ForSteps(const uint8_t* octet, const Tables& tables,
                                           const Use& use) {
    if constexpr (kBits == 1) {
      ForStepsOfOneBit<kFirst, kLast>(octet, tables, use);
    } else {
      ForStepsOfPlanes<kFirst, kLast>(octet, tables, use);
    }
  }

  // For what reads a tile with pauses; else the CPU's own prefetching does.
  static CRUMB_INLINE inline void AskAhead(const uint8_t* octet) {
    for (int64_t i = 0; i < kOctetBytes; i += 64) __builtin_prefetch(octet + kAhead + i);
  }

  // ---- order of rows ----

  // Vector v has the rows of steps 2 v and 2 v + 1: lane l is row RowOfLane(v, l).
  static constexpr int RowOfLane(int v, int l) {
    return RowOfStep(2 * v + l % 4 / 2, 2 * (l / 4) + l % 2);
  }
  static Vector FirstQuads(Vector a, Vector b) { return Shuffle<0x88>(a, b); }
  static Vector SecondQuads(Vector a, Vector b) { return Shuffle<0xdd>(a, b); }
  template <int kFrom>
  static Vector Shuffle(Vector a, Vector b) {
    return _mm512_castps_si512(
        _mm512_shuffle_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), kFrom));
  }

  // For vpermi2ps: the rows 16 n + i that vectors 2 h and 2 h + 1 have, and which these are.
  struct alignas(64) RowOrder {
    int32_t from[kVectors][kVectors / 2][16];
    __mmask16 has[kVectors][kVectors / 2];
    constexpr RowOrder() : from(), has() {
      for (int v = 0; v < kVectors; ++v) {
        for (int l = 0; l < 16; ++l) {
          const int row = RowOfLane(v, l), n = row / 16, h = v / 2;
          from[n][h][row % 16] = 16 * (v % 2) + l;
          has[n][h] = static_cast<__mmask16>(has[n][h] | 1 << row % 16);
        }
      }
    }
  };
  static constexpr RowOrder kOrder = RowOrder();
  static Float InOrder(int n, const Float (&v)[kVectors]) {
    Float rows = Simd::Zero();
    CRUMB_UNROLL for (int h = 0; h < kVectors / 2; ++h) {
      const Vector from = _mm512_load_si512(kOrder.from[n][h]);
      const Float picked = _mm512_permutex2var_ps(v[2 * h], from, v[2 * h + 1]);
      rows = _mm512_mask_mov_ps(rows, kOrder.has[n][h], picked);
    }
    return rows;
  }

  // Outputs of rows of the matrix: those of the tile at `row` that lie in [begin, end).
  struct Outputs {
    const WeightView& w;
    int64_t row, begin, end;

    void Store(const Float (&sums)[kVectors], float* y) const {
      CRUMB_UNROLL for (int n = 0; n < kVectors; ++n) {
        const int64_t first = row + 16 * n;
        if (first >= end || first + 16 <= begin) continue;
        const Float scales = Simd::LoadHalf(w.scales + 2 * first, Smaller(16, end - first));
        const Float all = Simd::Mul(InOrder(n, sums), scales);
        const int64_t skipped = begin > first ? begin - first : 0;
        const auto mask =
            static_cast<__mmask16>(Simd::First(Smaller(16, end - first)) & ~Simd::First(skipped));
        _mm512_mask_storeu_ps(y + first, mask, all);
      }
    }
  };

  // ---- products ----

  static void AddSteps(Vector even, Vector odd, Float x_scale, Float& sum) {
    const Vector dot = _mm512_add_epi32(FirstQuads(even, odd), SecondQuads(even, odd));
    sum = Simd::Fma(Simd::ToFloat(dot), x_scale, sum);
  }
  // The bias of levels, in one of the two quads of each row.
  static Vector Start(const IntInputs& x, int64_t group) {
    return _mm512_set1_epi64(static_cast<uint32_t>(-kWideBias * x.sums[group]));
  }
  static Vector OctetCodes(const IntInputs& x, int64_t group, int64_t octet) {
    int64_t codes;
    __builtin_memcpy(&codes, x.codes + group * kGroup + 8 * octet, sizeof(codes));
    return _mm512_set1_epi64(codes);
  }

  // Group g, steps from kFirst on. Weights go from the tables to the products in registers: as many
  // steps at a time as leave room for the accumulators of all activation rows.
  template <int kBatch, int kFirst>
  static CRUMB_INLINE inline void GroupInRegisters(const uint8_t* group, const IntInputs& x,
                                                   int64_t g, const Tables& tables,
                                                   Float (&sums)[kBatch][kVectors]) {
    constexpr int kFitting = kBatch == 1 ? 16 : kBatch == 2 ? 8 : kBatch <= 4 ? 4 : 2;
    constexpr int kAtOnce = kFitting < kSteps ? kFitting : kSteps;
    static_assert(kAtOnce >= kShared);
    Sums dots[kBatch][kAtOnce];
    CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
      const auto start = reinterpret_cast<Sums>(Start(x, b * x.groups + g));
      CRUMB_UNROLL for (Sums& dot : dots[b]) dot = start;
    }
    // Of several passes only the first reads memory.
    constexpr bool kAsk = kFirst == 0 && kAtOnce < kSteps;
    CRUMB_LOOP for (int64_t o = 0; o < kOctets; ++o) {
      const uint8_t* octet = group + o * kOctetBytes;
      if (kAsk) AskAhead(octet);
      Vector codes[kBatch];
      CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) codes[b] = OctetCodes(x, b * x.groups + g, o);
      ForSteps<kFirst, kFirst + kAtOnce>(octet, tables, [&](int s, Vector levels) CRUMB_INLINE {
        CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
          Sums& dot = dots[b][s - kFirst];
          dot = reinterpret_cast<Sums>(
              _mm512_dpbusd_epi32(reinterpret_cast<Vector>(dot), levels, codes[b]));
        }
      });
    }
    CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
      const Float x_scale = Simd::Set(x.scales[b * x.groups + g]);
      CRUMB_UNROLL for (int s = 0; s < kAtOnce; s += 2) {
        AddSteps(reinterpret_cast<Vector>(dots[b][s]), reinterpret_cast<Vector>(dots[b][s + 1]),
                 x_scale, sums[b][(kFirst + s) / 2]);
      }
    }
    if constexpr (kFirst + kAtOnce < kSteps) {
      GroupInRegisters<kBatch, kFirst + kAtOnce>(group, x, g, tables, sums);
    }
  }

  // The tile as IntTile takes it: vector, group, quad, row.
  static void Unpack(const uint8_t* tile, int64_t groups, const Tables& tables, uint8_t* levels) {
    for (int64_t g = 0; g < groups; ++g) {
      for (int64_t o = 0; o < kOctets; ++o, tile += kOctetBytes) {
        Vector steps[kSteps];
        AskAhead(tile);
        ForSteps<0, kSteps>(tile, tables,
                            [&](int s, Vector decoded) CRUMB_INLINE { steps[s] = decoded; });
        CRUMB_UNROLL for (int v = 0; v < kVectors; ++v) {
          uint8_t* to = levels + (v * groups + g) * kGroupLevels + 2 * o * kQuadBytes;
          const Vector a = steps[2 * v], b = steps[2 * v + 1];
          _mm512_store_si512(to, FirstQuads(a, b));
          _mm512_store_si512(to + kQuadBytes, SecondQuads(a, b));
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
    const Tables tables(w.table);
    for (int64_t row = begin / kRows * kRows; row < end; row += kRows) {
      const uint8_t* tile = w.codes + row / kRows * w.groups * kGroupBytes;
      Float sums[kBatch][kVectors];
      CRUMB_UNROLL for (auto& of_row : sums) {
        CRUMB_UNROLL for (Float& sum : of_row) sum = Simd::Zero();
      }
      for (int64_t g = 0; g < w.groups; ++g) {
        GroupInRegisters<kBatch, 0>(tile + g * kGroupBytes, x, g, tables, sums);
      }
      CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) {
        Outputs{w, row, begin, end}.Store(sums[b], y + b * y_stride);
      }
    }
  }

  // Any number of activation rows. scratch: kRows * 64 bytes a group.
  static void RowsUnpacked(const WeightView& w, const IntInputs& x, int64_t batch, int64_t begin,
                           int64_t end, float* y, int64_t y_stride, IntScratch scratch) {
    const Tables tables(w.table);
    const int64_t tile_bytes = w.groups * kGroupBytes;
    uint8_t* levels = scratch.levels;
    alignas(64) float ones[16], outputs[kWaiting * kRows];
    for (float& one : ones) one = 1;
    for (int64_t row = begin / kRows * kRows; row < end; row += kRows) {
      const uint8_t* tile = w.codes + row / kRows * tile_bytes;
      Unpack(tile, w.groups, tables, levels);
      TileAhead next(tile + tile_bytes, row + kRows < end ? tile + 2 * tile_bytes : tile,
                     tile_bytes);
      const Outputs out = {w, row, begin, end};
      for (int64_t first = 0; first < batch; first += kWaiting) {
        const int64_t count = Smaller(kWaiting, batch - first);
        for (int v = 0; v < kVectors; ++v) {
          next.Ask(tile_bytes / kVectors);
          scratch.levels = levels + v * w.groups * kGroupLevels;
          IntTiles<true, false>(scratch, RowsFrom(x, first), count, 16, ones, outputs + 16 * v,
                                kRows);
        }
        for (int64_t b = 0; b < count; ++b) {
          Float sums[kVectors];
          CRUMB_UNROLL for (int v = 0; v < kVectors; ++v) {
            sums[v] = Simd::Load(outputs + b * kRows + 16 * v);
          }
          out.Store(sums, y + (first + b) * y_stride);
        }
      }
    }
  }

  // The weights of a tile as bytes, row after row of w.groups * 64.
  static void DecodeTile(const WeightView& w, int64_t row, const Tables& tables, uint8_t* levels) {
    const uint8_t* tile = w.codes + row / kRows * w.groups * kGroupBytes;
    const int64_t stride = w.groups * kGroup;
    for (int64_t o = 0; o < w.groups * kOctets; ++o, tile += kOctetBytes) {
      ForSteps<0, kSteps>(tile, tables, [&](int s, Vector decoded) CRUMB_INLINE {
        alignas(64) uint8_t eight[64];
        _mm512_store_si512(eight, decoded);
        for (int i = 0; i < 8; ++i) {
          __builtin_memcpy(levels + RowOfStep(s, i) * stride + 8 * o, eight + 8 * i, 8);
        }
      });
    }
  }

  static void RowsOfFloats(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end,
                           float* y, int64_t y_stride, void* scratch) {
    const Tables tables(w.table);
    const int64_t stride = w.groups * kGroup;
    // Scratch: a tile of floats, and all 64 rows as bytes.
    auto* levels = static_cast<uint8_t*>(scratch) + kTileRows * stride * 4;
    int64_t decoded = -1;
    // DecodedRows asks for the rows from `begin` on, one after another.
    DecodedRows(w, x, begin, end, y, y_stride, scratch,
                [&](const WeightView&, int64_t row, float* out) {
                  const int64_t first = row / kRows * kRows;
                  if (first != decoded) DecodeTile(w, first, tables, levels);
                  decoded = first;
                  LevelsToFloats(levels + (row - first) * stride, w.scales + 2 * row, stride, out);
                });
  }
};

template <int kBits>
void TiledTrellisRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end,
                      float* y, int64_t y_stride, void* scratch) {
  using Code = TiledTrellis<kBits>;
  if (!x.int8) return Code::RowsOfFloats(w, x, begin, end, y, y_stride, scratch);
  const IntInputs inputs = {x.codes, x.scales, nullptr, x.sums, x.groups, x.unit};
  if (x.batch <= Code::kInRegisters) {
    return Code::RowsInRegisters(w, inputs, x.batch, begin, end, y, y_stride);
  }
  Code::RowsUnpacked(w, inputs, x.batch, begin, end, y, y_stride,
                     IntScratch(scratch, w.groups, x.batch));
}
