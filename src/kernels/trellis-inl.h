// Products with trellis codes (codecs/trellis.h), written once for every instruction set. No
// include guard: matmul-inl.h includes it, inside the anonymous namespace of a set. Simd offers
// besides:
//
//   Table<n>, LoadTable<n>(p)
//                           the first n entries of a table of 64 (n = 16, 32 or 64)
//   LookUp<n>(table, windows)
//                           entry (window modulo n) for kColumns windows
//   Shift(windows, p)       2 * window + its bit of those from p on, modulo 256
//   AddLevels(a, b)         modulo 256
//
// Windows slide down the rows: a range of rows is decoded from its first to its last, with the
// windows of all column groups kept in scratch from one tile of rows to the next. Bits that fell
// out of a window stay above it in the byte, and tables do not look at them: so a weight does not
// depend on where decoding began, if that was history_rows above it.

// Simd::kOwnRows: the set has its own form of few activation rows.
constexpr int64_t kFewOfTrellis = 16;

constexpr float kTrellisBias = 128;

template <int kBits>
void TrellisRowProducts(const WeightView& w, const IntInputs& x, int64_t batch, int64_t begin,
                        int64_t end, float* y, int64_t y_stride, const IntScratch& scratch);

template <int kBits>
struct Trellis {
  static constexpr int kWindows = kBits == 1 ? 2 : kBits;  // and tables
  static constexpr int kWindowBits = kBits <= 2 ? 6 : kBits == 3 ? 5 : 3;
  static constexpr int kHistory = kBits == 1 ? 2 * kWindowBits - 1 : kWindowBits - 1;
  static constexpr int kEntries = kWindowBits <= 4 ? 16 : 1 << kWindowBits;
  static constexpr int64_t kWordBytes = 8 * kBits;           // of a row of 64 columns
  static constexpr int64_t kStateBytes = kWindows * kGroup;  // windows of a group

  struct Tables {
    Simd::Table<kEntries> table[kWindows];
    explicit Tables(const uint8_t* p) {
      CRUMB_UNROLL for (int t = 0; t < kWindows; ++t) {
        table[t] = Simd::LoadTable<kEntries>(p + t * 64);
      }
    }
  };

  // The windows of kColumns columns, `p` those of the first one of them.
  struct State {
    Simd::Levels window[kWindows];

    explicit State(const uint8_t* p) {
      CRUMB_UNROLL for (int t = 0; t < kWindows; ++t) {
        window[t] = Simd::LoadLevels(p + t * kGroup);
      }
    }
    void Store(uint8_t* p) const {
      CRUMB_UNROLL for (int t = 0; t < kWindows; ++t) Simd::StoreLevels(window[t], p + t * kGroup);
    }
    void NextRow(const uint8_t* words) {
      if constexpr (kBits == 1) {  // the rows of one parity and those of the other take turns
        const Simd::Levels next = Simd::Shift(window[1], words);
        window[1] = window[0];
        window[0] = next;
      } else {
        CRUMB_UNROLL for (int t = 0; t < kWindows; ++t) {
          window[t] = Simd::Shift(window[t], words + 8 * t);
        }
      }
    }
    // Weights as sums of table entries, 0 .. 255.
    Simd::Levels Sums(const Tables& tables) const {
      Simd::Levels sums = Simd::LookUp<kEntries>(tables.table[0], window[0]);
      CRUMB_UNROLL for (int t = 1; t < kWindows; ++t) {
        sums = Simd::AddLevels(sums, Simd::LookUp<kEntries>(tables.table[t], window[t]));
      }
      return sums;
    }
  };

  static const uint8_t* Words(const WeightView& w, int64_t row) {
    return w.codes + row * w.groups * kWordBytes;
  }

  // Calls use(c, words, state) for each kColumns columns from c on: where the bits of row `row`
  // lie for them, and their windows.
  template <typename Use>
  static void ForColumns(const WeightView& w, int64_t row, uint8_t* states, const Use& use) {
    const uint8_t* words = Words(w, row);
    for (int64_t g = 0; g < w.groups; ++g) {
      for (int64_t c = 0; c < kGroup; c += Simd::kColumns) {
        State state(states + g * kStateBytes + c);
        use(g * kGroup + c, words + g * kWordBytes + c / 8, state);
        state.Store(states + g * kStateBytes + c);
      }
    }
  }

  // The windows of all groups as they are before row `begin`.
  static void StartAt(const WeightView& w, int64_t begin, uint8_t* states) {
    for (int64_t i = 0; i < w.groups * kStateBytes; ++i) states[i] = 0;
    for (int64_t row = begin > kHistory ? begin - kHistory : 0; row < begin; ++row) {
      ForColumns(w, row, states,
                 [](int64_t, const uint8_t* words, State& state) { state.NextRow(words); });
    }
  }

  // levels[c] = sum of column c in the next row.
  static void DecodeNext(const WeightView& w, int64_t row, const Tables& tables, uint8_t* states,
                         uint8_t* levels) {
    ForColumns(w, row, states, [&](int64_t c, const uint8_t* words, State& state) {
      state.NextRow(words);
      Simd::StoreLevels(state.Sums(tables), levels + c);
    });
  }

  // `rows` rows from `row` on (kLanes, if kFull) times one row of int8 activations; lane r of the
  // result is row r, without its scale. `distance`: PrefetchDistance.
  template <bool kFull>
  static Float Tile(const WeightView& w, const IntInputs& x, int64_t row, int64_t rows,
                    const Tables& tables, int64_t distance, uint8_t* states) {
    constexpr int kFactor = kStart<true, false>;
    const int64_t row_bytes = w.groups * kWordBytes;
    const uint8_t* words = Words(w, row);
    const uint8_t* ahead = words + distance;
    Float acc = Simd::Zero();
    for (int64_t g = 0; g < w.groups; ++g, words += kWordBytes) {
      // The tile lies in one piece, and each step of g reads as much as it prefetches.
      for (int64_t i = 0; distance != 0 && i < kLanes * kWordBytes; i += 64) {
        __builtin_prefetch(ahead + i);
      }
      ahead += kLanes * kWordBytes;
      Simd::Ints dots = Simd::SetInts(kFactor * x.sums[g]);
      CRUMB_UNROLL for (int64_t c = 0; c < kGroup; c += Simd::kColumns) {
        State state(states + g * kStateBytes + c);
        const auto codes = Simd::LoadCodes(x.codes + g * kGroup + c);
        dots = Simd::AddInts(dots, SumRows([&](int r) CRUMB_INLINE {
                               if (!kFull && r >= rows) return Simd::Ints{};
                               state.NextRow(words + r * row_bytes + c / 8);
                               return Simd::RowDot(state.Sums(tables), codes);
                             }));
        state.Store(states + g * kStateBytes + c);
      }
      acc = Simd::Fma(Simd::ToFloat(dots), Simd::Set(x.scales[g]), acc);
    }
    return acc;
  }

  static void RowsOfOne(const WeightView& w, const IntInputs& x, int64_t begin, int64_t end,
                        float* y, uint8_t* states) {
    const Tables tables(w.table);
    const int64_t distance = PrefetchDistance(kLanes * w.groups * kWordBytes);
    StartAt(w, begin, states);
    for (int64_t row = begin; row < end; row += kLanes) {
      const int64_t rows = Smaller(kLanes, end - row);
      const Float sums = rows == kLanes ? Tile<true>(w, x, row, rows, tables, distance, states)
                                        : Tile<false>(w, x, row, rows, tables, distance, states);
      const Float scales = Simd::LoadHalf(w.scales + 2 * row, rows);
      StoreRows(Simd::Mul(sums, scales), rows, y + row);
    }
  }
};

// More activation rows: weight rows are decoded once for all.
template <int kBits>
void TrellisIntRows(const WeightView& w, const IntInputs& x, int64_t batch, int64_t begin,
                    int64_t end, float* y, int64_t y_stride, const IntScratch& scratch) {
  using Code = Trellis<kBits>;
  const int64_t stride = w.groups * kGroup;
  const typename Code::Tables tables(w.table);
  Code::StartAt(w, begin, scratch.rest);
  for (int64_t row = begin; row < end; row += kTileRows) {
    const int64_t rows = Smaller(kTileRows, end - row);
    float scales[kTileRows];
    LoadRowScales(w, row, rows, scales);
    for (int64_t r = 0; r < rows; ++r) {
      Code::DecodeNext(w, row + r, tables, scratch.rest, scratch.rows + r * stride);
    }
    UnpackTile<WeightFormat::kInt8>(scratch.rows, w.groups, rows, TileAhead(), scratch.levels);
    IntTiles<true, false>(scratch, x, batch, rows, scales, y + row, y_stride);
  }
}

// The weights of a row of n columns, `half` its scale.
CRUMB_INLINE inline void LevelsToFloats(const uint8_t* levels, const uint8_t* half, int64_t n,
                                        float* out) {
  float lanes[kLanes];
  Simd::Store(lanes, Simd::LoadHalf(half, 1));
  const Float scale = Simd::Set(lanes[0]);
  for (int64_t c = 0; c < n; c += kLanes) {
    const Float step = Simd::Add(Simd::LoadBytes(levels + c, kLanes), Simd::Set(-kTrellisBias));
    Simd::Store(out + c, Simd::Mul(step, scale));
  }
}

template <int kBits>
void TrellisFloatRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end,
                      float* y, int64_t y_stride, void* scratch, uint8_t* levels, uint8_t* states) {
  using Code = Trellis<kBits>;
  const typename Code::Tables tables(w.table);
  Code::StartAt(w, begin, states);
  // DecodedRows asks for the rows from `begin` on, one after another.
  const auto decode = [&](const WeightView&, int64_t row, float* out) {
    Code::DecodeNext(w, row, tables, states, levels);
    LevelsToFloats(levels, w.scales + 2 * row, w.groups * kGroup, out);
  };
  DecodedRows(w, x, begin, end, y, y_stride, scratch, decode);
}

template <int kBits>
void TrellisFormatRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end,
                       float* y, int64_t y_stride, void* scratch) {
  if (!x.int8) {
    // Scratch: a tile of decoded rows, a row of bytes, the windows.
    auto* levels = static_cast<uint8_t*>(scratch) + kTileRows * w.groups * kGroup * 4;
    uint8_t* states = levels + w.groups * kGroup;
    return TrellisFloatRows<kBits>(w, x, begin, end, y, y_stride, scratch, levels, states);
  }
  const IntScratch parts(scratch, w.groups, x.batch);
  const IntInputs inputs = {x.codes, x.scales, nullptr, x.sums, x.groups, x.unit};
  if constexpr (Simd::kOwnRows) {
    if (x.batch <= kFewOfTrellis) {
      return TrellisRowProducts<kBits>(w, inputs, x.batch, begin, end, y, y_stride, parts);
    }
  }
  if (x.batch == 1) {
    Trellis<kBits>::RowsOfOne(w, inputs, begin, end, y, parts.rest);
  } else {
    TrellisIntRows<kBits>(w, inputs, x.batch, begin, end, y, y_stride, parts);
  }
}
