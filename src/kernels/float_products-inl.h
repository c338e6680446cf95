// Everything times float activations. Part of matmul-inl.h.
//
// Position c of a row goes to lane c % kLanes; the lanes are added at the end. Rows are decoded to
// float32, 16 at a time, but for float formats with few activation rows.

struct LoadFloat32 {
  static constexpr bool kAsksAhead = true;
  static constexpr int64_t kBytes = 4;
  static Float Load(const uint8_t* p, int64_t n) { return Simd::LoadFirst(p, n); }
};
struct LoadFloat16 {
  static constexpr bool kAsksAhead = true;
  static constexpr int64_t kBytes = 2;
  static Float Load(const uint8_t* p, int64_t n) { return Simd::LoadHalf(p, n); }
};
struct LoadBfloat16 {
  static constexpr bool kAsksAhead = true;
  static constexpr int64_t kBytes = 2;
  static Float Load(const uint8_t* p, int64_t n) { return Simd::LoadBfloat16(p, n); }
};
// Of scratch, which need not be asked for.
struct LoadDecoded : LoadFloat32 {
  static constexpr bool kAsksAhead = false;
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

// y[b * y_stride + r] = the sum of acc[r][b].
template <int kRows, int kBatch, typename Set = Simd>
CRUMB_INLINE inline void StoreSums(const Float (&acc)[kRows][kBatch], float* y, int64_t y_stride) {
  if constexpr (kRows == Set::kRowsOfSums) {
    Set::StoreSums(acc, y, y_stride);
  } else {
    CRUMB_UNROLL for (int r = 0; r < kRows; ++r) {
      CRUMB_UNROLL for (int b = 0; b < kBatch; ++b) y[b * y_stride + r] = Simd::Sum(acc[r][b]);
    }
  }
}

// `next`: what to ask for meanwhile, where rows go side by side or serve several activation rows.
template <typename Loader, int kRows, int kBatch>
CRUMB_INLINE inline void FloatTile(const FloatWeights& w, const float* x, int64_t x_stride,
                                   float* y, int64_t y_stride, TileAhead next = {}) {
  Float acc[kRows][kBatch];
  CRUMB_UNROLL for (auto& row : acc) { CRUMB_UNROLL for (Float& a : row) a = Simd::Zero(); }
  const auto step = [&](int64_t c, int64_t n) {
    if constexpr ((kBatch > 1 || kRows > 1) && Loader::kAsksAhead) {
      next.Ask(kRows * kLanes * Loader::kBytes);
    }
    Float weights[kRows];
    CRUMB_UNROLL for (int r = 0; r < kRows; ++r) {
      weights[r] = Loader::Load(w.data + r * w.row_bytes + c * Loader::kBytes, n);
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
  StoreSums(acc, y, y_stride);
}

// `end`: of what may be asked for ahead.
template <typename Loader, int kBatch>
void FloatTiles(const FloatWeights& w, const float* x, int64_t x_stride, int64_t rows, float* y,
                int64_t y_stride, const uint8_t* end = nullptr) {
  constexpr int kRows = kBatch == 1 ? Simd::kFloatRowsOfOne : Simd::kFloatRows;
  // The activations of one row leave room in the innermost cache.
  constexpr int64_t kLargestInFirst = kBatch == 1 ? TileAhead::kLargestInFirst : 0;
  const int64_t tile_bytes = kRows * w.row_bytes;
  int64_t r = 0;
  for (; r + kRows <= rows; r += kRows) {
    const FloatWeights tile = RowsFrom(w, r);
    const TileAhead next(tile.data + tile_bytes, end, tile_bytes, kLargestInFirst);
    FloatTile<Loader, kRows, kBatch>(tile, x, x_stride, y + r, y_stride, next);
  }
  for (; r < rows; ++r) FloatTile<Loader, 1, kBatch>(RowsFrom(w, r), x, x_stride, y + r, y_stride);
}

template <typename Loader, int kBatch>
void FloatTilesFor(int64_t batch, const FloatWeights& w, const float* x, int64_t x_stride,
                   int64_t rows, float* y, int64_t y_stride, const uint8_t* end = nullptr) {
  if (batch == kBatch) {
    FloatTiles<Loader, kBatch>(w, x, x_stride, rows, y, y_stride, end);
  } else if constexpr (kBatch > 1) {
    FloatTilesFor<Loader, kBatch - 1>(batch, w, x, x_stride, rows, y, y_stride, end);
  }
}

template <typename Loader>
void DecodeFloatRow(const WeightView& w, int64_t row, float* out) {
  const uint8_t* data = w.codes + row * w.cols * Loader::kBytes;
  for (int64_t c = 0; c < w.cols; c += kLanes) {
    Simd::Store(out + c, Loader::Load(data + c * Loader::kBytes, Smaller(kLanes, w.cols - c)));
  }
}

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
      UnpackOne<kFormat>(w.codes + (row * w.groups + g) * w.group_bytes, levels);
      for (int64_t j = 0; j < kGroup; j += kLanes) {
        const Float level =
            Simd::Mul(Simd::LoadBytes(levels + j, kLanes), Simd::Set(Format<kFormat>::kStep));
        const Float above = Simd::Add(level, Simd::Set(-offset[i]));
        Simd::Store(out + g * kGroup + j, Simd::Mul(above, Simd::Set(scale[i])));
      }
    }
  }
}

void DecodeBinaryRow(const WeightView& w, int64_t row, float* out) {
  float lanes[kLanes];
  Simd::Store(lanes, Simd::LoadHalf(w.scales + 2 * row, 1));
  const float scale = lanes[0];
  const uint8_t* bits = w.codes + row * w.groups * 8;
  for (int64_t c = 0; c < w.groups * kGroup; ++c) {
    out[c] = (bits[c / 8] >> (c % 8) & 1) != 0 ? scale : -scale;
  }
}

// One activation row: each weight is used once, straight from where it lies.
//
// Short rows one by one, so that memory is read in the order of its addresses, if a vector is so
// wide that one chain of sums keeps up with memory (Simd::kRowByRow). Long rows side by side: one
// row's activations would not stay in the innermost cache until the next row.
template <typename Loader>
void FloatRowsOfOne(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end,
                    float* y) {
  const int64_t row_bytes = w.cols * Loader::kBytes;
  const FloatWeights weights = {w.codes + begin * row_bytes, row_bytes, w.cols};
  if (Simd::kRowByRow && w.cols <= kShortFloatRow) {
    for (int64_t r = 0; r < end - begin; ++r) {
      FloatTile<Loader, 1, 1>(RowsFrom(weights, r), x.floats, 0, y + begin + r, 0);
    }
  } else {
    FloatTiles<Loader, 1>(weights, x.floats, 0, end - begin, y + begin, 0,
                          w.codes + end * row_bytes);
  }
}

// Few activation rows: weights become floats in registers, some rows at a time for all of them. Up
// to so many, reading them again costs less than putting floats into scratch; for vectors so wide
// that a tile has multiplications to hide it behind (Simd::kRowByRow), always.
constexpr int64_t kFewOfFloats = Simd::kRowByRow ? INT64_MAX : 2 * Simd::kFloatBatch;
// With many activation rows so many weight rows at a time, so that activations are read from beyond
// the second cache less often. Decoded, they find room in scratch (ScratchBytes).
constexpr int64_t kFloatsAtOnce = 3 * kTileRows;

template <typename Loader>
void FloatRowsOfFew(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end,
                    float* y, int64_t y_stride) {
  const int64_t padded = w.groups * kGroup;
  const int64_t row_bytes = w.cols * Loader::kBytes;
  const int64_t parts = (x.batch + Simd::kFloatBatch - 1) / Simd::kFloatBatch;
  const int64_t at_once = parts <= 2 ? kTileRows : kFloatsAtOnce;
  for (int64_t row = begin; row < end; row += at_once) {
    const FloatWeights weights = {w.codes + row * row_bytes, row_bytes, w.cols};
    const int64_t rows = Smaller(at_once, end - row);
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t b = x.batch * part / parts;
      FloatTilesFor<Loader, Simd::kFloatBatch>(
          x.batch * (part + 1) / parts - b, weights, x.floats + b * padded, padded, rows,
          y + b * y_stride + row, y_stride, part == 0 ? w.codes + end * row_bytes : nullptr);
    }
  }
}

// Decodes kRows rows at a time to floats and uses them for all activation rows, in tiles of nearly
// the same width.
template <int64_t kRows = kTileRows, typename Decode>
void DecodedRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end, float* y,
                 int64_t y_stride, void* scratch, Decode decode) {
  const int64_t padded = w.groups * kGroup;
  const int64_t parts = (x.batch + Simd::kFloatBatch - 1) / Simd::kFloatBatch;
  auto* tile = static_cast<float*>(scratch);
  const FloatWeights weights = {static_cast<const uint8_t*>(scratch), padded * 4, w.cols};
  for (int64_t row = begin; row < end; row += kRows) {
    const int64_t rows = Smaller(kRows, end - row);
    for (int64_t r = 0; r < rows; ++r) decode(w, row + r, tile + r * padded);
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t b = x.batch * part / parts;
      FloatTilesFor<LoadDecoded, Simd::kFloatBatch>(x.batch * (part + 1) / parts - b, weights,
                                                    x.floats + b * padded, padded, rows,
                                                    y + b * y_stride + row, y_stride);
    }
  }
}

template <typename Loader>
void FloatRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end, float* y,
               int64_t y_stride, void* scratch) {
  if (x.batch == 1) {
    FloatRowsOfOne<Loader>(w, x, begin, end, y);
  } else if (x.batch <= kFewOfFloats) {
    FloatRowsOfFew<Loader>(w, x, begin, end, y, y_stride);
  } else {
    DecodedRows<kFloatsAtOnce>(w, x, begin, end, y, y_stride, scratch, DecodeFloatRow<Loader>);
  }
}
