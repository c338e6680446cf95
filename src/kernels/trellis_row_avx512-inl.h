// One row of int8 activations times trellis codes (codecs/trellis.h) with AVX-512, VBMI and GFNI.
// Part of matmul_avx512.cc, which includes it behind matmul-inl.h.
//
// Sixteen weight rows at a time:
// 1. Lines. 64 bytes of each row (eight words of 64 columns) are turned so that a vector holds one
//    word of eight rows, byte 8 j + k being byte j of row k; gf2p8affineqb with the unit vectors
//    transposes each 8 x 8 bits. So the byte of a column holds its bits in eight rows, the newest
//    lowest: its history.
// 2. Windows. A history beside the one before it makes 16 bits a column, four columns in 64 bits.
//    vpmultishiftqb takes from these the windows of four columns in two rows (a lane of 32 bits for
//    each), 64 windows at a time; vpermb looks them up; vpdpbusd multiplies.
// 3. Sums. Eight vectors hold the sums of eight pairs of rows, in eight parts each; three steps of
//    adding lanes make one vector with a lane for each row.
//
// Where the bits of a history come from:
//   2 and 3 bits  eight rows, one plane; rows 8 h + 2 s and 8 h + 2 s + 1 are a pair
//   4 bits        four rows, two planes by turns: their windows (3 bits each) are one of 6 bits,
//                 with a table of the sums
//   1 bit         every other row, as the windows go; rows r and r + 8 are a pair

template <int kBits>
struct TrellisRow {
  using Vector = __m512i;
  static constexpr int kTables = kBits == 4 ? 2 : kBits == 1 ? 2 : kBits;
  static constexpr int64_t kRows = 16;
  static constexpr int64_t kLine = 64;
  // A chunk of columns: whole lines and whole groups.
  static constexpr int64_t kChunkLines = kBits == 3 ? 3 : 1;
  static constexpr int64_t kChunkGroups = 8 * kChunkLines / kBits;
  static constexpr int64_t kGroupBytes = 8 * kBits;
  // Histories of a group: of kParts parts of the tile's rows, kWindowed at a time.
  static constexpr int kParts = kBits == 4 ? 4 : 2;
  static constexpr int kWindowed = kBits == 4 ? 2 : kBits;
  // What is kept of a group from tile to tile: its newest histories.
  static constexpr int64_t kStateVectors = kBits == 1 ? 2 : kWindowed;

  // Sixteen rows, one after another, and the same for those before or behind.
  struct Rows16 {
    const uint8_t* first;
    int64_t row_bytes;
  };

  // Histories of a chunk: part, line, word or pair of words.
  struct Histories {
    static constexpr int64_t kEach = 8 / (kBits == 4 ? 2 : 1) * kChunkLines;
    alignas(64) uint8_t bytes[kParts * kEach * 64];
    uint8_t* At(int part, int64_t index) { return bytes + (part * kEach + index) * 64; }
  };

  static Vector Table(const uint8_t* tables, int t) {
    if constexpr (kBits != 4) return _mm512_loadu_si512(tables + 64 * t);
    // Entry i: the sum for the even bits of i in the first table and the odd ones in the second.
    alignas(64) uint8_t sums[64];
    for (int i = 0; i < 64; ++i) {
      const int even = (i & 1) | (i >> 1 & 2) | (i >> 2 & 4);
      const int odd = (i >> 1 & 1) | (i >> 2 & 2) | (i >> 3 & 4);
      sums[i] = static_cast<uint8_t>(tables[128 * t + even] + tables[128 * t + 64 + odd]);
    }
    return _mm512_load_si512(sums);
  }

  // ---- 1. lines ----

  // For vpermi2b: byte k of qword j is byte j of a 64-bit piece, the pieces[k]-th of two vectors.
  struct alignas(64) TurnIndex {
    uint8_t from[64];
    constexpr explicit TurnIndex(const uint8_t (&pieces)[8]) : from() {
      for (int i = 0; i < 64; ++i) from[i] = static_cast<uint8_t>(8 * pieces[i % 8] + i / 8);
    }
    Vector Load() const { return _mm512_load_si512(from); }
  };
  static Vector Turn(Vector a, Vector index, Vector b) {
    const Vector units = _mm512_set1_epi64(static_cast<int64_t>(0x8040201008040201u));
    return _mm512_gf2p8affine_epi64_epi8(units, _mm512_permutex2var_epi8(a, index, b), 0);
  }

  // Lines of several rows, and what is to come to the cache meanwhile.
  struct Lines {
    const uint8_t* p;
    int64_t stride;
    int64_t ahead;  // from each line
    __mmask8 words;
    Lines From(int row, int step) const { return {p + row * stride, step * stride, ahead, words}; }
  };
  template <bool kWhole>
  static Vector LoadLine(const Lines& lines, int i) {
    const uint8_t* p = lines.p + i * lines.stride;
    __builtin_prefetch(p + lines.ahead);
    return kWhole ? _mm512_loadu_si512(p) : _mm512_maskz_loadu_epi64(lines.words, p);
  }

  // Eight rows of a line as eight histories, one of each word.
  template <bool kWhole>
  static void TurnEight(const Lines& lines, uint8_t* out) {
    static constexpr TurnIndex kEven({0, 1, 4, 5, 8, 9, 12, 13});
    static constexpr TurnIndex kOdd({2, 3, 6, 7, 10, 11, 14, 15});
    const Vector even = kEven.Load(), odd = kOdd.Load();
    Vector low[4], high[4];  // words 2 L (2 L + 1) of two rows in 128-bit lane L
    CRUMB_UNROLL for (int i = 0; i < 4; ++i) {
      const Vector a = LoadLine<kWhole>(lines, 2 * i);
      const Vector b = LoadLine<kWhole>(lines, 2 * i + 1);
      low[i] = _mm512_unpacklo_epi64(a, b);
      high[i] = _mm512_unpackhi_epi64(a, b);
    }
    const auto turn = [&](const Vector(&rows)[4], int first) CRUMB_INLINE {
      const Vector a = _mm512_shuffle_i32x4(rows[0], rows[1], 0x44);
      const Vector b = _mm512_shuffle_i32x4(rows[2], rows[3], 0x44);
      const Vector c = _mm512_shuffle_i32x4(rows[0], rows[1], 0xee);
      const Vector d = _mm512_shuffle_i32x4(rows[2], rows[3], 0xee);
      _mm512_store_si512(out + 64 * first, Turn(a, even, b));
      _mm512_store_si512(out + 64 * (first + 2), Turn(a, odd, b));
      _mm512_store_si512(out + 64 * (first + 4), Turn(c, even, d));
      _mm512_store_si512(out + 64 * (first + 6), Turn(c, odd, d));
    };
    turn(low, 0);
    turn(high, 1);
  }

  // Four rows of a line as four histories, one of each pair of words.
  template <bool kWhole>
  static void TurnFour(const Lines& lines, uint8_t* out) {
    static constexpr TurnIndex kEven({1, 0, 5, 4, 9, 8, 13, 12});
    static constexpr TurnIndex kOdd({3, 2, 7, 6, 11, 10, 15, 14});
    const Vector even = kEven.Load(), odd = kOdd.Load();
    Vector rows[4];
    CRUMB_UNROLL for (int i = 0; i < 4; ++i) rows[i] = LoadLine<kWhole>(lines, i);
    const Vector a = _mm512_shuffle_i32x4(rows[0], rows[1], 0x44);
    const Vector b = _mm512_shuffle_i32x4(rows[2], rows[3], 0x44);
    const Vector c = _mm512_shuffle_i32x4(rows[0], rows[1], 0xee);
    const Vector d = _mm512_shuffle_i32x4(rows[2], rows[3], 0xee);
    _mm512_store_si512(out, Turn(a, even, b));
    _mm512_store_si512(out + 64, Turn(a, odd, b));
    _mm512_store_si512(out + 128, Turn(c, even, d));
    _mm512_store_si512(out + 192, Turn(c, odd, d));
  }

  // Line `line` of a chunk.
  template <bool kWhole>
  static void TurnLine(const Lines& lines, int64_t line, Histories& out) {
    if constexpr (kBits == 4) {
      CRUMB_UNROLL for (int part = 0; part < 4; ++part) {
        TurnFour<kWhole>(lines.From(4 * part, 1), out.At(part, 4 * line));
      }
    } else {
      constexpr int kFirst = kBits == 1 ? 1 : 8, kStep = kBits == 1 ? 2 : 1;
      CRUMB_UNROLL for (int part = 0; part < 2; ++part) {
        TurnEight<kWhole>(lines.From(kFirst * part, kStep), out.At(part, 8 * line));
      }
    }
  }

  // The chunk from group g on.
  static void TurnChunk(const Rows16& rows, int64_t g, int64_t groups, int64_t ahead,
                        Histories& out) {
    const uint8_t* p = rows.first + g * kGroupBytes;
    if (groups - g >= kChunkGroups) {
      CRUMB_UNROLL for (int64_t line = 0; line < kChunkLines; ++line) {
        TurnLine<true>({p + kLine * line, rows.row_bytes, ahead, 0xff}, line, out);
      }
      return;
    }
    int64_t words = (groups - g) * kBits;
    for (int64_t line = 0; words > 0; ++line, words -= 8) {
      const auto mask = static_cast<__mmask8>((1u << Smaller(words, 8)) - 1);
      TurnLine<false>({p + kLine * line, rows.row_bytes, ahead, mask}, line, out);
    }
  }

  // ---- 2. windows ----

  // Places of windows in 64 bits of four columns: those of the lower lane's row `low` bits above
  // the end of a column's 16 bits, those of the upper lane's row `high`.
  static constexpr uint64_t Places(uint64_t low, uint64_t high) {
    uint64_t places = 0;
    for (uint64_t c = 0; c < 4; ++c) {
      places |= (16 * c + low) << 8 * c | (16 * c + high) << (8 * c + 32);
    }
    return places;
  }
  static Vector Windows(uint64_t places, Vector bits) {
    return _mm512_multishift_epi64_epi8(_mm512_set1_epi64(static_cast<int64_t>(places)), bits);
  }
  static Vector Beside(bool high, Vector history, Vector before) {
    return high ? _mm512_unpackhi_epi8(history, before) : _mm512_unpacklo_epi8(history, before);
  }
  static Vector Load(const uint8_t* p) { return _mm512_load_si512(p); }

  // Adds the products of half the columns of a group (quads 0 and 1, or 2 and 3, of every four) to
  // sums[i] of the i-th pair of rows. `codes`: of each quad twice.
  static CRUMB_INLINE inline void AddHalf(bool high, Histories& now, int64_t index,
                                          const uint8_t* state, const Vector (&tables)[kTables],
                                          Vector codes, Vector (&sums)[8]) {
    const auto add = [&](int pair, Vector levels) CRUMB_INLINE {
      sums[pair] = _mm512_dpbusd_epi32(sums[pair], levels, codes);
    };
    const auto look_up = [&](int t, Vector windows)
                             CRUMB_INLINE { return _mm512_permutexvar_epi8(windows, tables[t]); };
    if constexpr (kBits == 1) {
      const Vector even = Beside(high, Load(now.At(0, index)), Load(state));
      const Vector odd = Beside(high, Load(now.At(1, index)), Load(state + 64));
      Vector before = Windows(Places(8, 4), odd);  // rows -1 and 7
      CRUMB_UNROLL for (int s = 0; s < 4; ++s) {
        const auto low = static_cast<uint64_t>(7 - s), upper = static_cast<uint64_t>(3 - s);
        const Vector evens = Windows(Places(low, upper), even);
        const Vector odds = Windows(Places(low, upper), odd);
        add(2 * s, _mm512_add_epi8(look_up(0, evens), look_up(1, before)));
        add(2 * s + 1, _mm512_add_epi8(look_up(0, odds), look_up(1, evens)));
        before = odds;
      }
      return;
    }
    constexpr int kPairs = 8 / kParts;
    constexpr int kStep = 8 / (2 * kPairs);  // bits of a row in a history
    CRUMB_UNROLL for (int part = 0; part < kParts; ++part) {
      Vector bits[kWindowed];
      CRUMB_UNROLL for (int t = 0; t < kWindowed; ++t) {
        const uint8_t* before = part == 0 ? state + 64 * t : now.At(part - 1, index + t);
        bits[t] = Beside(high, Load(now.At(part, index + t)), Load(before));
      }
      CRUMB_UNROLL for (int s = 0; s < kPairs; ++s) {
        const auto low = static_cast<uint64_t>(8 - kStep - 2 * s * kStep);
        const uint64_t places = Places(low, low - kStep);
        Vector levels = look_up(0, Windows(places, bits[0]));
        CRUMB_UNROLL for (int t = 1; t < kWindowed; ++t) {
          levels = _mm512_add_epi8(levels, look_up(t, Windows(places, bits[t])));
        }
        add(part * kPairs + s, levels);
      }
    }
  }

  // ---- 3. sums ----

  static Vector AddPairs(Vector a, Vector b) {
    return _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
  }
  static Vector AddLanes(Vector a, Vector b) {
    return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xdd));
  }
  // Lane 2 i + u: the sum of the lanes of sums[i] with the parity u.
  static Vector SumPairs(const Vector (&sums)[8]) {
    return AddLanes(AddLanes(AddPairs(sums[0], sums[1]), AddPairs(sums[2], sums[3])),
                    AddLanes(AddPairs(sums[4], sums[5]), AddPairs(sums[6], sums[7])));
  }
  // Lanes of SumPairs in the order of rows.
  static Float InOrder(Float sums) {
    if constexpr (kBits != 1) return sums;
    const __m512i from = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
    return _mm512_permutexvar_ps(from, sums);
  }

  // ---- all ----

  static void Keep(Histories& now, int64_t index, uint8_t* state) {
    CRUMB_UNROLL for (int t = 0; t < kStateVectors; ++t) {
      const uint8_t* newest = kBits == 1 ? now.At(t, index) : now.At(kParts - 1, index + t);
      _mm512_store_si512(state + 64 * t, Load(newest));
    }
  }

  // Calls use(g, index, state) for each group g: its histories are those from `index` on of `now`,
  // and `state` holds those before them, which it then replaces.
  template <typename Use>
  static void ForGroups(const Rows16& rows, int64_t groups, const RowsAhead& ahead, uint8_t* states,
                        Histories& now, const Use& use) {
    for (int64_t first = 0; first < groups; first += kChunkGroups) {
      TurnChunk(rows, first, groups, ahead.From(first * kGroupBytes), now);
      const int64_t end = Smaller(first + kChunkGroups, groups);
      for (int64_t g = first; g < end; ++g) {
        const int64_t index = (g - first) * kWindowed;
        uint8_t* state = states + g * kStateVectors * 64;
        use(g, index, state);
        Keep(now, index, state);
      }
    }
  }

  // Lane r: row r, without its scale.
  static Float Tile(const Rows16& rows, const IntInputs& x, const Vector (&tables)[kTables],
                    const RowsAhead& ahead, uint8_t* states) {
    Histories now;
    Float acc = Simd::Zero();
    const auto add = [&](int64_t g, int64_t index, const uint8_t* state) CRUMB_INLINE {
      const Vector codes = Simd::LoadCodes(x.codes + g * kGroup);
      Vector sums[8];
      CRUMB_UNROLL for (Vector& sum : sums) sum = _mm512_setzero_si512();
      AddHalf(false, now, index, state, tables, _mm512_unpacklo_epi32(codes, codes), sums);
      AddHalf(true, now, index, state, tables, _mm512_unpackhi_epi32(codes, codes), sums);
      const Vector start = Simd::SetInts(-kWideBias * x.sums[g]);
      const Float dots = Simd::ToFloat(_mm512_add_epi32(SumPairs(sums), start));
      acc = Simd::Fma(dots, Simd::Set(x.scales[g]), acc);
    };
    ForGroups(rows, x.groups, ahead, states, now, add);
    return InOrder(acc);
  }

  // Rows begin <= r < end. `states`: kStateVectors * 64 bytes a group, aligned; `copy`: 16 rows.
  static void Products(const WeightView& w, const IntInputs& x, int64_t begin, int64_t end,
                       float* y, uint8_t* states, uint8_t* copy) {
    const int64_t row_bytes = w.groups * kGroupBytes;
    const auto bytes = static_cast<uint64_t>(row_bytes);
    const RowsAhead ahead(kRows, row_bytes);
    Vector tables[kTables];
    CRUMB_UNROLL for (int t = 0; t < kTables; ++t) tables[t] = Table(w.table, t);
    __builtin_memset(states, 0, static_cast<uint64_t>(w.groups * kStateVectors * 64));
    if (begin > 0) {  // the rows above, zeros above row 0
      const int64_t above = Smaller(begin, kRows);
      __builtin_memset(copy, 0, bytes * static_cast<uint64_t>(kRows - above));
      __builtin_memcpy(copy + (kRows - above) * row_bytes, w.codes + (begin - above) * row_bytes,
                       bytes * static_cast<uint64_t>(above));
      Histories now;
      ForGroups({copy, row_bytes}, w.groups, ahead, states, now,
                [](int64_t, int64_t, const uint8_t*) {});
    }
    for (int64_t row = begin; row < end; row += kRows) {
      const int64_t rows = Smaller(kRows, end - row);
      const uint8_t* codes = w.codes + row * row_bytes;
      if (rows < kRows) {
        __builtin_memset(copy, 0, bytes * kRows);
        __builtin_memcpy(copy, codes, bytes * static_cast<uint64_t>(rows));
        codes = copy;
      }
      const Float sums = Tile({codes, row_bytes}, x, tables, ahead, states);
      const Float scales = Simd::LoadHalf(w.scales + 2 * row, rows);
      StoreRows(Simd::Mul(sums, scales), rows, y + row);
    }
  }
};

template <int kBits>
void TrellisRowProducts(const WeightView& w, const IntInputs& x, int64_t begin, int64_t end,
                        float* y, const IntScratch& scratch) {
  TrellisRow<kBits>::Products(w, x, begin, end, y, scratch.levels, scratch.rows);
}
