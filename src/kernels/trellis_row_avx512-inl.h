// One row of int8 activations, or few, times trellis codes (codecs/trellis.h) with AVX-512, VBMI
// and GFNI. Part of matmul_avx512.cc, which includes it behind matmul-inl.h.
//
// Sixteen weight rows at a time:
// 1. Lines. 64 bytes of each row (eight words of 64 columns) are turned so that a vector holds one
//    word of eight rows, byte 8 j + k being byte j of row k; gf2p8affineqb with the unit vectors
//    transposes each 8 x 8 bits. So the byte of a column holds its bits in eight rows, the newest
//    lowest: its history.
// 2. Windows. A history beside the one before it makes 16 bits a column, four columns in 64 bits.
//    vpmultishiftqb takes from these eight bits of each column at two places: a lane of 32 bits is
//    four columns at one place. The lowest six bits are the window of a row, those above the lowest
//    that of the row before, and so on: vpermb looks up the first, vpermi2b the second; with five
//    bits a window vpermb looks up two and vpermi2b the third, and the fourth after a shift.
//    vpdpbusd multiplies.
// 3. Sums. Eight vectors hold the sums of two rows each, in eight parts; three steps of adding
//    lanes make one vector with a lane for each row.
//
// Which rows a history (a "part" of the sixteen) has:
//   2 and 3 bits  eight rows, one plane
//   4 bits        four rows, two planes by turns: their windows (3 bits each) are one of 6 bits,
//                 with a table of the sums
//   1 bit         the eight rows of one parity, as the windows go

template <int kBits>
struct TrellisRow {
  using Vector = __m512i;
  static constexpr int kTables = kBits == 3 ? 3 : 2;
  // Rows whose windows are looked up in the same bytes (3 bits: and one more in them shifted).
  static constexpr int kAges = kBits == 4 ? 1 : kBits == 3 ? 3 : 2;
  static constexpr int64_t kRows = 16;
  static constexpr int64_t kLine = 64;
  // A chunk of columns: whole lines and whole groups.
  static constexpr int64_t kChunkLines = kBits == 3 ? 3 : 1;
  static constexpr int64_t kChunkGroups = 8 * kChunkLines / kBits;
  static constexpr int64_t kGroupBytes = 8 * kBits;
  static constexpr int64_t kLongestTile = 65536;  // that is asked for while another is worked on
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

  // Tables of each plane (4 bits: pair of planes) for windows that begin at bit 0, 1, ...
  struct Tables {
    Vector low[kTables][kAges];
    Vector high[kTables];  // the second half of the last one, for windows that reach bit 6

    // Byte i: i; the even bits of i; its odd bits.
    struct alignas(64) Index {
      uint8_t all[64], even[64], odd[64];
      constexpr Index() : all(), even(), odd() {
        for (int i = 0; i < 64; ++i) {
          all[i] = static_cast<uint8_t>(i);
          even[i] = static_cast<uint8_t>((i & 1) | (i >> 1 & 2) | (i >> 2 & 4));
          odd[i] = static_cast<uint8_t>((i >> 1 & 1) | (i >> 2 & 2) | (i >> 3 & 4));
        }
      }
    };

    explicit Tables(const uint8_t* p) {
      static constexpr Index kIndex;
      const Vector index = _mm512_load_si512(kIndex.all);
      for (int t = 0; t < kTables; ++t) {
        Vector table;
        if constexpr (kBits == 4) {  // the even bits for one plane and the odd ones for the other
          table = _mm512_add_epi8(_mm512_permutexvar_epi8(_mm512_load_si512(kIndex.even),
                                                          _mm512_loadu_si512(p + 128 * t)),
                                  _mm512_permutexvar_epi8(_mm512_load_si512(kIndex.odd),
                                                          _mm512_loadu_si512(p + 128 * t + 64)));
        } else {
          table = _mm512_loadu_si512(p + 64 * t);
        }
        // Entry i of what is looked up at age a: entry (i >> a) % 64 of the table, i < 128.
        CRUMB_UNROLL for (unsigned age = 0; age < kAges; ++age) {
          const Vector low_bits = _mm512_set1_epi8(static_cast<char>(63 >> age));
          const Vector place = _mm512_and_si512(_mm512_srli_epi16(index, age), low_bits);
          low[t][age] = _mm512_permutexvar_epi8(place, table);
          const Vector above = _mm512_set1_epi8(static_cast<char>(64 >> age));
          high[t] = _mm512_permutexvar_epi8(_mm512_or_si512(place, above), table);
        }
      }
    }
    template <int kAge>
    Vector LookUp(int t, Vector bits) const {
      if constexpr (kAge == 0 || kAge + 1 < kAges) {
        return _mm512_permutexvar_epi8(bits, low[t][kAge]);
      } else {
        return _mm512_permutex2var_epi8(low[t][kAge], bits, high[t]);
      }
    }
    // The sum of all tables. The age after the last one is the last one's of bits shifted by one;
    // bit 7, which then is the neighbour's, is not looked at.
    template <int kAge>
    Vector Levels(const Vector (&bits)[kTables]) const {
      if constexpr (kAge == kAges) {
        Vector shifted[kTables];
        CRUMB_UNROLL for (int t = 0; t < kTables; ++t) shifted[t] = _mm512_srli_epi16(bits[t], 1);
        return Levels<kAge - 1>(shifted);
      } else {
        Vector levels = LookUp<kAge>(0, bits[0]);
        CRUMB_UNROLL for (int t = 1; t < kTables; ++t) {
          levels = _mm512_add_epi8(levels, LookUp<kAge>(t, bits[t]));
        }
        return levels;
      }
    }
  };

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

  // Eight bits of each column, from `low` bits above the end of its 16 bits for the lower lane of
  // 64 bits, `high` for the upper one.
  static Vector Bits(uint64_t low, uint64_t high, Vector histories) {
    uint64_t places = 0;
    for (uint64_t c = 0; c < 4; ++c) {
      places |= (16 * c + low) << 8 * c | (16 * c + high) << (8 * c + 32);
    }
    return _mm512_multishift_epi64_epi8(_mm512_set1_epi64(static_cast<int64_t>(places)), histories);
  }
  static Vector Beside(bool high, Vector history, Vector before) {
    return high ? _mm512_unpackhi_epi8(history, before) : _mm512_unpacklo_epi8(history, before);
  }
  static Vector Load(const uint8_t* p) { return _mm512_load_si512(p); }

  // Calls add(i, levels) for half the columns of a group (quads 0 and 1, or 2 and 3, of every four)
  // and each i < 8: the weights of two rows, in the order of InOrder.
  template <typename Add>
  static CRUMB_INLINE inline void ForHalf(bool high, Histories& now, int64_t index,
                                          const uint8_t* state, const Tables& tables,
                                          const Add& add) {
    if constexpr (kBits == 1) {
      const Vector even = Beside(high, Load(now.At(0, index)), Load(state));
      const Vector odd = Beside(high, Load(now.At(1, index)), Load(state + 64));
      CRUMB_UNROLL for (int k = 0; k < 2; ++k) {
        const uint64_t low = k == 0 ? 6 : 2;
        const Vector evens = Bits(low, low - 2, even), odds = Bits(low, low - 2, odd);
        const Vector before = _mm512_srli_epi16(odds, 2);
        const auto both = [&](Vector own, Vector other) { return _mm512_add_epi8(own, other); };
        const auto& t = tables;
        add(4 * k, both(t.template LookUp<1>(0, evens), t.template LookUp<0>(1, before)));
        add(4 * k + 1, both(t.template LookUp<1>(0, odds), t.template LookUp<1>(1, evens)));
        add(4 * k + 2, both(t.template LookUp<0>(0, evens), t.template LookUp<1>(1, odds)));
        add(4 * k + 3, both(t.template LookUp<0>(0, odds), t.template LookUp<0>(1, evens)));
      }
      return;
    }
    CRUMB_UNROLL for (int part = 0; part < kParts; ++part) {
      Vector histories[kTables];
      CRUMB_UNROLL for (int t = 0; t < kTables; ++t) {
        const uint8_t* before = part == 0 ? state + 64 * t : now.At(part - 1, index + t);
        histories[t] = Beside(high, Load(now.At(part, index + t)), Load(before));
      }
      Vector bits[kTables];
      if constexpr (kBits == 2) {
        CRUMB_UNROLL for (int k = 0; k < 2; ++k) {
          const uint64_t low = k == 0 ? 6 : 2;
          CRUMB_UNROLL for (int t = 0; t < 2; ++t) bits[t] = Bits(low, low - 2, histories[t]);
          add(4 * part + 2 * k, tables.template Levels<1>(bits));
          add(4 * part + 2 * k + 1, tables.template Levels<0>(bits));
        }
      } else {
        CRUMB_UNROLL for (int t = 0; t < kTables; ++t) bits[t] = Bits(4, 0, histories[t]);
        if constexpr (kBits == 3) {
          add(4 * part, tables.template Levels<3>(bits));
          add(4 * part + 1, tables.template Levels<2>(bits));
          add(4 * part + 2, tables.template Levels<1>(bits));
          add(4 * part + 3, tables.template Levels<0>(bits));
        } else {
          add(2 * part + 1, tables.template Levels<0>(bits));
          CRUMB_UNROLL for (Vector& b : bits) b = _mm512_srli_epi16(b, 2);
          add(2 * part, tables.template Levels<0>(bits));
        }
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
  // Lanes of SumPairs in the order of rows: sums[i] has rows 4 (i / 2) + i % 2 and the second next,
  // or 8 (i / 4) + i % 4 and the fourth next.
  static Float InOrder(Float sums) {
    alignas(64) static constexpr int32_t kFrom[2][16] = {
        {0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15},
        {0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15}};
    return _mm512_permutexvar_ps(_mm512_load_si512(kFrom[kBits % 2]), sums);
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
  static void ForGroups(const Rows16& rows, int64_t groups, const RowsAhead& ahead, TileAhead next,
                        uint8_t* states, Histories& now, const Use& use) {
    for (int64_t first = 0; first < groups; first += kChunkGroups) {
      TurnChunk(rows, first, groups, ahead.From(first * kGroupBytes), now);
      const int64_t end = Smaller(first + kChunkGroups, groups);
      for (int64_t g = first; g < end; ++g) {
        next.Ask(kRows * kGroupBytes);
        const int64_t index = (g - first) * kWindowed;
        uint8_t* state = states + g * kStateVectors * 64;
        use(g, index, state);
        Keep(now, index, state);
      }
    }
  }

  // Lane r: row r, without its scale.
  static Float Tile(const Rows16& rows, const IntInputs& x, const Tables& tables,
                    const RowsAhead& ahead, TileAhead next, uint8_t* states) {
    Histories now;
    Float acc = Simd::Zero();
    const auto add = [&](int64_t g, int64_t index, const uint8_t* state) CRUMB_INLINE {
      const Vector codes = Simd::LoadCodes(x.codes + g * kGroup);
      Vector sums[8];
      CRUMB_UNROLL for (Vector& sum : sums) sum = _mm512_setzero_si512();
      // Of each quad twice.
      const Vector low = _mm512_unpacklo_epi32(codes, codes);
      const Vector high = _mm512_unpackhi_epi32(codes, codes);
      ForHalf(false, now, index, state, tables, [&](int i, Vector levels) CRUMB_INLINE {
        sums[i] = _mm512_dpbusd_epi32(sums[i], levels, low);
      });
      ForHalf(true, now, index, state, tables, [&](int i, Vector levels) CRUMB_INLINE {
        sums[i] = _mm512_dpbusd_epi32(sums[i], levels, high);
      });
      const Vector start = Simd::SetInts(-kWideBias * x.sums[g]);
      const Float dots = Simd::ToFloat(_mm512_add_epi32(SumPairs(sums), start));
      acc = Simd::Fma(dots, Simd::Set(x.scales[g]), acc);
    };
    ForGroups(rows, x.groups, ahead, next, states, now, add);
    return InOrder(acc);
  }

  // The same for `batch` rows of activations: weights are decoded to a buffer, a group at a time,
  // and multiplied with each. sums[b * kLanes + i]: lane i, not yet in the order of rows.
  static void TileOfFew(const Rows16& rows, const IntInputs& x, int64_t batch, const Tables& tables,
                        const RowsAhead& ahead, TileAhead next, uint8_t* states, float* sums) {
    Histories now;
    alignas(64) uint8_t levels[2][8][64];  // by halves of the columns and rows, as ForHalf has them
    for (int64_t i = 0; i < batch * kLanes; ++i) sums[i] = 0;
    const auto add = [&](int64_t g, int64_t index, const uint8_t* state) CRUMB_INLINE {
      CRUMB_UNROLL for (int half = 0; half < 2; ++half) {
        ForHalf(half == 1, now, index, state, tables, [&](int i, Vector decoded) CRUMB_INLINE {
          _mm512_store_si512(levels[half][i], decoded);
        });
      }
      for (int64_t b = 0; b < batch; ++b) {
        const int64_t group = b * x.groups + g;
        const Vector codes = Simd::LoadCodes(x.codes + group * kGroup);
        const Vector low = _mm512_unpacklo_epi32(codes, codes);
        const Vector high = _mm512_unpackhi_epi32(codes, codes);
        Vector dots[8];
        CRUMB_UNROLL for (int i = 0; i < 8; ++i) {
          dots[i] = _mm512_dpbusd_epi32(_mm512_setzero_si512(), Load(levels[0][i]), low);
          dots[i] = _mm512_dpbusd_epi32(dots[i], Load(levels[1][i]), high);
        }
        const Vector start = Simd::SetInts(-kWideBias * x.sums[group]);
        const Float products = Simd::ToFloat(_mm512_add_epi32(SumPairs(dots), start));
        float* sum = sums + b * kLanes;
        Simd::Store(sum, Simd::Fma(products, Simd::Set(x.scales[group]), Simd::Load(sum)));
      }
    };
    ForGroups(rows, x.groups, ahead, next, states, now, add);
  }

  // Rows begin <= r < end. `states`: kStateVectors * 64 bytes a group, aligned; `copy`: 16 rows;
  // `sums`: batch * kLanes.
  static void Products(const WeightView& w, const IntInputs& x, int64_t batch, int64_t begin,
                       int64_t end, float* y, int64_t y_stride, uint8_t* states, uint8_t* copy,
                       float* sums) {
    const int64_t row_bytes = w.groups * kGroupBytes;
    const auto bytes = static_cast<uint64_t>(row_bytes);
    const RowsAhead ahead(kRows, row_bytes);
    const Tables tables(w.table);
    __builtin_memset(states, 0, static_cast<uint64_t>(w.groups * kStateVectors * 64));
    if (begin > 0) {  // the rows above, zeros above row 0
      const int64_t above = Smaller(begin, kRows);
      __builtin_memset(copy, 0, bytes * static_cast<uint64_t>(kRows - above));
      __builtin_memcpy(copy + (kRows - above) * row_bytes, w.codes + (begin - above) * row_bytes,
                       bytes * static_cast<uint64_t>(above));
      Histories now;
      ForGroups({copy, row_bytes}, w.groups, ahead, TileAhead(), states, now,
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
      const uint8_t* behind = w.codes + (row + kRows) * row_bytes;
      const TileAhead next(behind,
                           kRows * row_bytes <= kLongestTile ? w.codes + end * row_bytes : behind,
                           kRows * row_bytes);
      const Float scales = Simd::LoadHalf(w.scales + 2 * row, rows);
      if (batch == 1) {
        const Float all = Tile({codes, row_bytes}, x, tables, ahead, next, states);
        StoreRows(Simd::Mul(all, scales), rows, y + row);
        continue;
      }
      TileOfFew({codes, row_bytes}, x, batch, tables, ahead, next, states, sums);
      for (int64_t b = 0; b < batch; ++b) {
        const Float inorder = InOrder(Simd::Load(sums + b * kLanes));
        StoreRows(Simd::Mul(inorder, scales), rows, y + b * y_stride + row);
      }
    }
  }
};

template <int kBits>
void TrellisRowProducts(const WeightView& w, const IntInputs& x, int64_t batch, int64_t begin,
                        int64_t end, float* y, int64_t y_stride, const IntScratch& scratch) {
  TrellisRow<kBits>::Products(w, x, batch, begin, end, y, y_stride, scratch.levels, scratch.rows,
                              scratch.scales);
}
