// Products with float16 and bfloat16 in tiles (codecs/tiled_floats.h). Part of matmul-inl.h.
//
// As in float_products-inl.h column c goes to lane c % kLanes, so that results are the same bit for
// bit as those of rows one after another. Numbers behind the last column are zeros, and so are the
// activations there: blocks are multiplied whole.

template <typename Loader>
struct TiledFloats {
  static constexpr int kRows = 8;
  static constexpr int kBatch = 3;  // activation rows at a time: 24 sums in registers
  static constexpr int64_t kLine = 64;
  static constexpr int64_t kBlock = kRows * kLine;           // bytes
  static constexpr int64_t kCols = kLine / Loader::kBytes;   // of a block
  static constexpr int64_t kVectors = kCols / kLanes;        // of a line
  static constexpr int64_t kVectorBytes = kLine / kVectors;  // of weights
  // With several activation rows the CPU's own prefetching does not keep up.
  static constexpr int64_t kAhead = 16384;

  // y[b * kRows + r] for n <= kMost activation rows.
  template <bool kAsk, int kMost = kBatch>
  static void Multiply(int64_t n, const uint8_t* tile, int64_t blocks, const float* x,
                       int64_t x_stride, float* y) {
    if constexpr (kMost > 1) {
      if (n < kMost) return Multiply<kAsk, kMost - 1>(n, tile, blocks, x, x_stride, y);
    }
    Float acc[kRows][kMost];
    CRUMB_UNROLL for (auto& row : acc) { CRUMB_UNROLL for (Float& a : row) a = Simd::Zero(); }
    for (int64_t block = 0; block < blocks; ++block, tile += kBlock, x += kCols) {
      Float values[kMost][kVectors];
      CRUMB_UNROLL for (int b = 0; b < kMost; ++b) {
        CRUMB_UNROLL for (int64_t i = 0; i < kVectors; ++i) {
          values[b][i] = Simd::Load(x + b * x_stride + i * kLanes);
        }
      }
      CRUMB_UNROLL for (int r = 0; r < kRows; ++r) {
        if constexpr (kAsk && kMost > 1) __builtin_prefetch(tile + r * kLine + kAhead, 0, 2);
        CRUMB_UNROLL for (int64_t i = 0; i < kVectors; ++i) {
          const Float weights = Loader::Load(tile + r * kLine + i * kVectorBytes, kLanes);
          CRUMB_UNROLL for (int b = 0; b < kMost; ++b) {
            acc[r][b] = Simd::Fma(weights, values[b][i], acc[r][b]);
          }
        }
        // Compilers would load in another order than that of addresses, in which memory is read.
        __asm__ volatile("" ::: "memory");
      }
    }
    CRUMB_UNROLL for (int r = 0; r < kRows; ++r) {
      CRUMB_UNROLL for (int b = 0; b < kMost; ++b) y[b * kRows + r] = Simd::Sum(acc[r][b]);
    }
  }
};

template <typename Loader>
void TiledFloatRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end,
                    float* y, int64_t y_stride, void*) {
  using Tiles = TiledFloats<Loader>;
  const int64_t padded = w.groups * kGroup;
  const int64_t blocks = (w.cols + Tiles::kCols - 1) / Tiles::kCols;
  const int64_t parts = (x.batch + Tiles::kBatch - 1) / Tiles::kBatch;
  // Up to so many parts a tile stays in the second cache for all of them; of more, activations are
  // what is read too often, as in FloatRowsOfFew.
  const int64_t at_once = parts <= 4 ? int64_t{Tiles::kRows} : kFloatsAtOnce;
  for (int64_t first = begin; first < end; first += at_once) {
    const int64_t behind = Smaller(end, first + at_once);
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t b = x.batch * part / parts, n = x.batch * (part + 1) / parts - b;
      for (int64_t row = first; row < behind; row += Tiles::kRows) {
        const uint8_t* tile = w.codes + row / Tiles::kRows * blocks * Tiles::kBlock;
        float out[Tiles::kBatch * Tiles::kRows];
        const auto multiply =
            part == 0 ? Tiles::template Multiply<true> : Tiles::template Multiply<false>;
        multiply(n, tile, blocks, x.floats + b * padded, padded, out);
        for (int64_t i = 0; i < n; ++i) {
          for (int64_t r = 0; r < Smaller(Tiles::kRows, end - row); ++r) {
            y[(b + i) * y_stride + row + r] = out[i * Tiles::kRows + r];
          }
        }
      }
    }
  }
}
