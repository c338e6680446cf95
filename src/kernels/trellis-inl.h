// Products with trellis codes (codecs/trellis.h), written once for every instruction set. No
// include guard: matmul-inl.h includes it, inside the anonymous namespace of a set. Simd offers
// besides:
//
//   kTrellisRows            rows of a tile with one activation row, at most kLanes
//   Table<n>, LoadTable<n>(p)
//                           the first n entries of a table of 64 (n = 16 or 64)
//   LookUp<n>(table, windows)
//                           entry (window modulo n) for 64 windows
//   Shift(windows, p)       2 * window + its bit of the 64 at p, modulo 256
//   AddLevels(a, b)         modulo 256
//   Signed(codes), DotSigned(levels, signed)
//                           sums of (level - 128) * code in kLanes parts, exact
//
// Windows slide down the rows: a range of rows is decoded from its first to its last, with the
// windows of all column groups kept in scratch from one tile of rows to the next. Bits that fell
// out of a window stay above it in the byte, and tables do not look at them: so a weight does not
// depend on where decoding began, if that was history_rows above it.

constexpr float kTrellisBias = 128;

template <int kBits>
struct Trellis {
  static constexpr int kWindows = kBits == 1 ? 2 : kBits;  // and tables
  static constexpr int kWindowBits = kBits <= 2 ? 6 : kBits == 3 ? 4 : 3;
  static constexpr int kHistory = kBits == 1 ? 2 * kWindowBits - 1 : kWindowBits - 1;
  static constexpr int kEntries = kWindowBits <= 4 ? 16 : 64;
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

  // The windows of 64 columns.
  struct State {
    Simd::Levels window[kWindows];

    explicit State(const uint8_t* p) {
      CRUMB_UNROLL for (int t = 0; t < kWindows; ++t) {
        window[t] = Simd::Unpack<WeightFormat::kInt8>(p + t * kGroup);
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

  // The windows of all groups as they are before row `begin`.
  static void StartAt(const WeightView& w, int64_t begin, uint8_t* states) {
    for (int64_t i = 0; i < w.groups * kStateBytes; ++i) states[i] = 0;
    for (int64_t row = begin > kHistory ? begin - kHistory : 0; row < begin; ++row) {
      const uint8_t* words = Words(w, row);
      for (int64_t g = 0; g < w.groups; ++g) {
        State state(states + g * kStateBytes);
        state.NextRow(words + g * kWordBytes);
        state.Store(states + g * kStateBytes);
      }
    }
  }

  // levels[64 g + i] = sum of column 64 g + i in the next row.
  static void DecodeNext(const WeightView& w, int64_t row, const Tables& tables, uint8_t* states,
                         uint8_t* levels) {
    const uint8_t* words = Words(w, row);
    for (int64_t g = 0; g < w.groups; ++g) {
      State state(states + g * kStateBytes);
      state.NextRow(words + g * kWordBytes);
      state.Store(states + g * kStateBytes);
      Simd::StoreLevels(state.Sums(tables), levels + g * kGroup);
    }
  }

  // kRows rows from `row` on times one row of int8 activations. `distance`: PrefetchDistance.
  template <int kRows>
  static void Tile(const WeightView& w, const ActivationView& x, int64_t row, const Tables& tables,
                   int64_t distance, uint8_t* states, float* y) {
    const int64_t row_bytes = w.groups * kWordBytes;
    const uint8_t* words = Words(w, row);
    const uint8_t* ahead = words + distance;
    Float acc[kRows];
    CRUMB_UNROLL for (Float& a : acc) a = Simd::Zero();
    for (int64_t g = 0; g < w.groups; ++g) {
      State state(states + g * kStateBytes);
      const auto codes = Simd::Signed(Simd::LoadCodes(x.codes + g * kGroup));
      const Float scale = Simd::Set(x.scales[g]);
      // The tile lies in one piece, and each step of g reads as much as it prefetches.
      CRUMB_UNROLL for (int64_t i = 0; i < kRows * kWordBytes; i += 64) {
        __builtin_prefetch(ahead + g * kRows * kWordBytes + i);
      }
      CRUMB_UNROLL for (int r = 0; r < kRows; ++r) {
        state.NextRow(words + r * row_bytes + g * kWordBytes);
        acc[r] = Simd::Fma(Simd::DotSigned(state.Sums(tables), codes), scale, acc[r]);
      }
      state.Store(states + g * kStateBytes);
    }
    float row_scales[kLanes];
    Simd::Store(row_scales, Simd::LoadHalf(w.scales + 2 * row, kRows));
    CRUMB_UNROLL for (int r = 0; r < kRows; ++r) y[row + r] = row_scales[r] * Simd::Sum(acc[r]);
  }

  static void RowsOfOne(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end,
                        float* y, uint8_t* states) {
    constexpr int kRows = Simd::kTrellisRows;
    const Tables tables(w.table);
    const int64_t distance = PrefetchDistance(kRows * w.groups * kWordBytes);
    StartAt(w, begin, states);
    int64_t row = begin;
    for (; row + kRows <= end; row += kRows) Tile<kRows>(w, x, row, tables, distance, states, y);
    for (; row < end; ++row) Tile<1>(w, x, row, tables, distance, states, y);
  }
};

// ---- more activation rows: decoded once for all ------------------------------------------------

// Rows that were decoded to bytes.
struct TrellisRows {
  const uint8_t* levels;
  int64_t stride;
  const float* scales;
};

template <int kRows, int kBatch>
void TrellisBatchTile(const TrellisRows& w, const ActivationView& x, int64_t b, float* y,
                      int64_t y_stride) {
  Float acc[kRows][kBatch];
  CRUMB_UNROLL for (auto& row : acc) { CRUMB_UNROLL for (Float& a : row) a = Simd::Zero(); }
  for (int64_t g = 0; g < x.groups; ++g) {
    Simd::Levels levels[kRows];
    CRUMB_UNROLL for (int r = 0; r < kRows; ++r) {
      levels[r] = Simd::Unpack<WeightFormat::kInt8>(w.levels + r * w.stride + g * kGroup);
    }
    CRUMB_UNROLL for (int i = 0; i < kBatch; ++i) {
      const int64_t at = (b + i) * x.groups + g;
      const auto codes = Simd::Signed(Simd::LoadCodes(x.codes + at * kGroup));
      const Float scale = Simd::Set(x.scales[at]);
      CRUMB_UNROLL for (int r = 0; r < kRows; ++r) {
        acc[r][i] = Simd::Fma(Simd::DotSigned(levels[r], codes), scale, acc[r][i]);
      }
    }
  }
  CRUMB_UNROLL for (int r = 0; r < kRows; ++r) {
    CRUMB_UNROLL for (int i = 0; i < kBatch; ++i) {
      y[(b + i) * y_stride + r] = w.scales[r] * Simd::Sum(acc[r][i]);
    }
  }
}

template <int kBatch>
void TrellisBatchTiles(TrellisRows w, const ActivationView& x, int64_t b, int64_t rows, float* y,
                       int64_t y_stride) {
  constexpr int kRows = Simd::kIntRows;
  int64_t r = 0;
  const auto from = [&w](int64_t row) {
    return TrellisRows{w.levels + row * w.stride, w.stride, w.scales + row};
  };
  for (; r + kRows <= rows; r += kRows) {
    TrellisBatchTile<kRows, kBatch>(from(r), x, b, y + r, y_stride);
  }
  for (; r < rows; ++r) TrellisBatchTile<1, kBatch>(from(r), x, b, y + r, y_stride);
}

// Calls the instance for `batch` activation rows from b on, 1 <= batch <= kBatch.
template <int kBatch>
void TrellisBatchTilesFor(int64_t batch, const TrellisRows& w, const ActivationView& x, int64_t b,
                          int64_t rows, float* y, int64_t y_stride) {
  if (batch == kBatch) {
    TrellisBatchTiles<kBatch>(w, x, b, rows, y, y_stride);
  } else if constexpr (kBatch > 1) {
    TrellisBatchTilesFor<kBatch - 1>(batch, w, x, b, rows, y, y_stride);
  }
}

template <int kBits>
void TrellisIntRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end,
                    float* y, int64_t y_stride, uint8_t* levels, uint8_t* states) {
  using Code = Trellis<kBits>;
  const int64_t stride = w.groups * kGroup;
  const typename Code::Tables tables(w.table);
  Code::StartAt(w, begin, states);
  for (int64_t row = begin; row < end; row += kTileRows) {
    const int64_t rows = Smaller(kTileRows, end - row);
    float scales[kTileRows];
    for (int64_t r = 0; r < rows; ++r) {
      float lanes[kLanes];
      Simd::Store(lanes, Simd::LoadHalf(w.scales + 2 * (row + r), 1));
      scales[r] = lanes[0];
      Code::DecodeNext(w, row + r, tables, states, levels + r * stride);
    }
    for (int64_t b = 0; b < x.batch; b += Simd::kIntBatch) {
      TrellisBatchTilesFor<Simd::kIntBatch>(Smaller(Simd::kIntBatch, x.batch - b),
                                            {levels, stride, scales}, x, b, rows, y + row,
                                            y_stride);
    }
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
    float lanes[kLanes];
    Simd::Store(lanes, Simd::LoadHalf(w.scales + 2 * row, 1));
    const Float scale = Simd::Set(lanes[0]);
    for (int64_t c = 0; c < w.groups * kGroup; c += kLanes) {
      const Float step = Simd::Add(Simd::LoadBytes(levels + c, kLanes), Simd::Set(-kTrellisBias));
      Simd::Store(out + c, Simd::Mul(step, scale));
    }
  };
  DecodedRows(w, x, begin, end, y, y_stride, scratch, decode);
}

template <int kBits>
void TrellisFormatRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end,
                       float* y, int64_t y_stride, void* scratch) {
  // Scratch: a tile of decoded rows (floats or bytes), a row of bytes, the windows.
  auto* levels = static_cast<uint8_t*>(scratch) + kTileRows * w.groups * kGroup * 4;
  uint8_t* states = levels + w.groups * kGroup;
  if (!x.int8) {
    TrellisFloatRows<kBits>(w, x, begin, end, y, y_stride, scratch, levels, states);
  } else if (x.batch == 1) {
    Trellis<kBits>::RowsOfOne(w, x, begin, end, y, states);
  } else {
    TrellisIntRows<kBits>(w, x, begin, end, y, y_stride, static_cast<uint8_t*>(scratch), states);
  }
}
