// Inside of src/cuda: the product of one tile of weights with up to 8 columns of activations, as
// one warp computes it.
//
//   sums[r][n] = sum over groups of  f(r, n, group)
//   f = s_w s_x (C - o s),  C = sum over 64 columns of (byte - center) * number, exact for int8
// with s_w the weight's scale of row and group (1 where scales are by row), s_x the activations'
// scale of column and group (1 for float16 numbers), o the zero point, s the sum of the numbers.
//
// Written over a Warp, which is one lane of a GPU (device_warp.h) or all 32 lanes of a simulated
// one (testing_warp.h): kSlots lanes are here, lane(i) says which, and Multiply is the one
// operation in which lanes meet. So all but that instruction is the same code on both sides.
#ifndef CRUMB_CUDA_WARP_TILE_H_
#define CRUMB_CUDA_WARP_TILE_H_

#include <cstdint>

#include "cuda/lane.h"
#include "cuda/lane_codes.h"
#include "cuda/lane_trellis.h"

namespace crumb {

// A matrix in lane order (lane_matrix.h), as pointers. A tile is 8 kRows rows; the last one is
// padded.
struct LaneMatrixView {
  int64_t rows = 0;
  int64_t groups = 0;
  // [tile][group][vector][lane][4 words], vectors: 4 kChunkWords / 4; lane and chunk c of it have
  // words c kChunkWords .. of their lane.
  const uint32_t* codes = nullptr;
  const uint32_t* scales = nullptr;   // [tile][group][8 kRows float16], kGroup and kGroupWithZero
  const uint32_t* zeros = nullptr;    // [tile][group][8 kRows bytes], kGroupWithZero
  const float* row_scales = nullptr;  // [tiles * 8 kRows], kRow
  const uint8_t* table = nullptr;     // trellis codes, as the matrix stores it
};

// Activations as columns of numbers (lane_rows.h).
struct LaneRowsView {
  int64_t columns = 0;
  int64_t groups = 0;
  const uint32_t* numbers = nullptr;     // [column][groups * 64] int8 or float16
  const float* scales = nullptr;         // [column][group], int8 only
  const float* sums = nullptr;           // [column][group]: sum of the numbers
  const float* column_scales = nullptr;  // [column]: what the column's numbers stand for
  int columns_of_row = 1;                // columns that add up to one row of activations
};

// ---- kinds of numbers --------------------------------------------------------------------------

struct Int8Numbers {
  static constexpr bool kScaled = true;
  static constexpr int kWordsOfLane = 4;  // 16 columns
  using Sum = int32_t;
};

struct HalfNumbers {
  static constexpr bool kScaled = false;
  static constexpr int kWordsOfLane = 8;
  using Sum = float;
};

// ---- what a lane holds -------------------------------------------------------------------------

constexpr int AtLeastOne(int n) { return n > 0 ? n : 1; }

// Rows and columns of C in a lane: kKeep of columns 2 place and 2 place + 1. With one column of
// activations only place 0 has something to keep.
template <class Code, int kColumns>
struct LaneSums {
  static constexpr int kKeep = kColumns == 1 ? 1 : 2;
  float value[Code::kRows][kKeep];
};

// The weights of a lane in one group.
template <class Code>
struct LaneWeights {
  static constexpr int kWords = kLaneChunks * Code::kChunkWords;
  static constexpr bool kScaled =
      Code::kScales == LaneScales::kGroup || Code::kScales == LaneScales::kGroupWithZero;
  static constexpr bool kZero = Code::kScales == LaneScales::kGroupWithZero;
  static constexpr int kScaleWords = kScaled ? Code::kRows / 2 : 0;
  static constexpr int kZeroWords = kZero ? Code::kRows / 4 : 0;
  static_assert(kWords % 4 == 0);

  uint32_t codes[kWords];
  uint32_t above[Code::kHistory ? kWords : 1];
  uint32_t scales[AtLeastOne(kScaleWords)];
  uint32_t zeros[AtLeastOne(kZeroWords)];

  CRUMB_LANE float Scale(int r) const { return HalfOfWord(scales[r / 2], r % 2); }
  CRUMB_LANE float Zero(int r) const {
    if constexpr (kZero) {
      const auto z = static_cast<float>(zeros[r / 4] >> (8 * (r % 4)) & 0xffu);
      return z * static_cast<float>(Code::kLevels - 1) / 255.0f;
    } else {
      return 0;
    }
  }
};

// Where the words of a tile and group begin.
template <class Code>
CRUMB_LANE const uint32_t* CodesOf(const LaneMatrixView& w, int64_t tile, int64_t group) {
  return w.codes + (tile * w.groups + group) * (LaneWeights<Code>::kWords * kWarpLanes);
}

template <class Code>
CRUMB_LANE void LoadCodes(const uint32_t* of_tile, int lane, uint32_t* out) {
  CRUMB_LANE_UNROLL for (int v = 0; v < LaneWeights<Code>::kWords; v += 4) {
    LoadWords<4>(of_tile + v * kWarpLanes + 4 * lane, out + v);
  }
}

template <class Code>
CRUMB_LANE void LoadWeights(const LaneMatrixView& w, int64_t tile, int64_t group, int lane,
                            LaneWeights<Code>& out) {
  using Weights = LaneWeights<Code>;
  LoadCodes<Code>(CodesOf<Code>(w, tile, group), lane, out.codes);
  if constexpr (Code::kHistory) {
    // The rows above are those of the team above; of the last one, in the tile above.
    const bool inside = TeamOfLane(lane) > 0;
    if (inside || tile > 0) {
      LoadCodes<Code>(CodesOf<Code>(w, inside ? tile : tile - 1, group),
                      inside ? lane - kLanePlaces : lane + kWarpLanes - kLanePlaces, out.above);
    } else {
      CRUMB_LANE_UNROLL for (uint32_t& word : out.above) word = 0;
    }
  }
  const int64_t at = (tile * w.groups + group) * kLaneTeams + TeamOfLane(lane);
  if constexpr (Weights::kScaled) {
    LoadWords<Weights::kScaleWords>(w.scales + at * Weights::kScaleWords, out.scales);
  }
  if constexpr (Weights::kZero) {
    LoadWords<Weights::kZeroWords>(w.zeros + at * Weights::kZeroWords, out.zeros);
  }
}

// The bytes of a block of rows of chunk `chunk`: rows[r] holds four columns of its row r.
template <class Code>
CRUMB_LANE void DecodeBlock(const LaneWeights<Code>& w, int chunk, int block,
                            const uint32_t* table_words, int lane,
                            uint32_t (&rows)[Code::kBlockRows]) {
  const int first = chunk * Code::kChunkWords;
  if constexpr (Code::kHistory) {
    Code::Decode(w.codes + first, w.above + first, table_words, lane, block, rows);
  } else {
    Code::Decode(w.codes + first, rows);
  }
}

// The same as float16 numbers: halves[r] holds columns 0, 1 and columns 2, 3.
template <class Code>
CRUMB_LANE void DecodeBlockHalves(const LaneWeights<Code>& w, int chunk, int block,
                                  const uint32_t* table_words, int lane,
                                  uint32_t (&halves)[Code::kBlockRows][2]) {
  if constexpr (Code::kScales == LaneScales::kNone) {
    CRUMB_LANE_UNROLL for (int r = 0; r < Code::kBlockRows; ++r) {
      halves[r][0] = w.codes[chunk * Code::kChunkWords + 2 * r];
      halves[r][1] = w.codes[chunk * Code::kChunkWords + 2 * r + 1];
    }
  } else {
    uint32_t rows[Code::kBlockRows];
    DecodeBlock(w, chunk, block, table_words, lane, rows);
    CRUMB_LANE_UNROLL for (int r = 0; r < Code::kBlockRows; ++r) {
      BytesToHalves<Code::kCenter>(rows[r], halves[r][0], halves[r][1]);
    }
  }
}

// The numbers of a lane in one group, and what its columns of C need.
template <class Numbers, int kColumns>
struct LaneNumbers {
  static constexpr int kKeep = kColumns == 1 ? 1 : 2;
  uint32_t words[Numbers::kWordsOfLane];
  float scales[kKeep];
  float sums[kKeep];
};

// Columns `first` .. `first` + 7; those behind the last are zeros.
template <class Numbers, int kColumns>
CRUMB_LANE void LoadNumbers(const LaneRowsView& x, int64_t first, int64_t group, int lane,
                            LaneNumbers<Numbers, kColumns>& out) {
  constexpr int kWords = Numbers::kWordsOfLane;
  const int64_t column = first + TeamOfLane(lane);
  if (column < x.columns) {
    const int64_t piece = (column * x.groups + group) * kLanePlaces + PlaceOfLane(lane);
    LoadWords<kWords>(x.numbers + piece * kWords, out.words);
  } else {
    CRUMB_LANE_UNROLL for (uint32_t& word : out.words) word = 0;
  }
  CRUMB_LANE_UNROLL for (int n = 0; n < LaneNumbers<Numbers, kColumns>::kKeep; ++n) {
    const int64_t kept = first + 2 * PlaceOfLane(lane) + n;
    const bool there = kept < x.columns;
    out.scales[n] = Numbers::kScaled && there ? x.scales[kept * x.groups + group] : 1.0f;
    out.sums[n] = there ? x.sums[kept * x.groups + group] : 0.0f;
  }
}

// ---- the product -------------------------------------------------------------------------------

// C of one pair of rows of each lane: rows 2 i (values 0, 1) and 2 i + 1 (values 2, 3).
template <class Numbers>
struct LaneProduct {
  typename Numbers::Sum value[4];
};

// c[slot] += A B for one pair of rows.
template <class Numbers, class Warp>
CRUMB_LANE void MultiplyPair(const Warp& warp, const uint32_t (&a)[Warp::kSlots][4],
                             const uint32_t (&b)[Warp::kSlots][2], int pair,
                             LaneProduct<Numbers>* (&c)[Warp::kSlots]) {
  typename Numbers::Sum sum[Warp::kSlots][4];
  CRUMB_LANE_UNROLL for (int s = 0; s < Warp::kSlots; ++s) {
    CRUMB_LANE_UNROLL for (int k = 0; k < 4; ++k) sum[s][k] = c[s][pair].value[k];
  }
  warp.Multiply(a, b, sum);
  CRUMB_LANE_UNROLL for (int s = 0; s < Warp::kSlots; ++s) {
    CRUMB_LANE_UNROLL for (int k = 0; k < 4; ++k) c[s][pair].value[k] = sum[s][k];
  }
}

// c[slot][i] += A B over the 64 columns of the group: two chunks a product of int8 numbers.
template <class Code, class Warp, int kColumns>
CRUMB_LANE void MultiplyGroup(const Warp& warp, const LaneWeights<Code> (&w)[Warp::kSlots],
                              const LaneNumbers<Int8Numbers, kColumns> (&x)[Warp::kSlots],
                              const uint32_t* table_words,
                              LaneProduct<Int8Numbers>* (&c)[Warp::kSlots]) {
  constexpr int kSlots = Warp::kSlots, kBlock = Code::kBlockRows;
  CRUMB_LANE_UNROLL for (int chunk = 0; chunk < kLaneChunks; chunk += 2) {
    CRUMB_LANE_UNROLL for (int block = 0; block < Code::kRows / kBlock; ++block) {
      uint32_t first[kSlots][kBlock];
      uint32_t second[kSlots][kBlock];
      CRUMB_LANE_UNROLL for (int s = 0; s < kSlots; ++s) {
        DecodeBlock(w[s], chunk, block, table_words, warp.lane(s), first[s]);
        DecodeBlock(w[s], chunk + 1, block, table_words, warp.lane(s), second[s]);
      }
      CRUMB_LANE_UNROLL for (int r = 0; r < kBlock; r += 2) {
        uint32_t a[kSlots][4];
        uint32_t b[kSlots][2];
        CRUMB_LANE_UNROLL for (int s = 0; s < kSlots; ++s) {
          a[s][0] = first[s][r];
          a[s][1] = first[s][r + 1];
          a[s][2] = second[s][r];
          a[s][3] = second[s][r + 1];
          b[s][0] = x[s].words[chunk];
          b[s][1] = x[s].words[chunk + 1];
        }
        MultiplyPair<Int8Numbers>(warp, a, b, (block * kBlock + r) / 2, c);
      }
    }
  }
}

// One chunk a product of float16 numbers.
template <class Code, class Warp, int kColumns>
CRUMB_LANE void MultiplyGroup(const Warp& warp, const LaneWeights<Code> (&w)[Warp::kSlots],
                              const LaneNumbers<HalfNumbers, kColumns> (&x)[Warp::kSlots],
                              const uint32_t* table_words,
                              LaneProduct<HalfNumbers>* (&c)[Warp::kSlots]) {
  constexpr int kSlots = Warp::kSlots, kBlock = Code::kBlockRows;
  CRUMB_LANE_UNROLL for (int chunk = 0; chunk < kLaneChunks; ++chunk) {
    CRUMB_LANE_UNROLL for (int block = 0; block < Code::kRows / kBlock; ++block) {
      uint32_t halves[kSlots][kBlock][2];
      CRUMB_LANE_UNROLL for (int s = 0; s < kSlots; ++s) {
        DecodeBlockHalves(w[s], chunk, block, table_words, warp.lane(s), halves[s]);
      }
      CRUMB_LANE_UNROLL for (int r = 0; r < kBlock; r += 2) {
        uint32_t a[kSlots][4];
        uint32_t b[kSlots][2];
        CRUMB_LANE_UNROLL for (int s = 0; s < kSlots; ++s) {
          a[s][0] = halves[s][r][0];
          a[s][1] = halves[s][r + 1][0];
          a[s][2] = halves[s][r][1];
          a[s][3] = halves[s][r + 1][1];
          b[s][0] = x[s].words[2 * chunk];
          b[s][1] = x[s].words[2 * chunk + 1];
        }
        MultiplyPair<HalfNumbers>(warp, a, b, (block * kBlock + r) / 2, c);
      }
    }
  }
}

// The center of int8 numbers comes off in integers, before any rounding; float16 bytes have lost it
// already.
template <class Code, class Numbers, int kColumns>
CRUMB_LANE void StartProducts(const LaneNumbers<Numbers, kColumns>& x,
                              LaneProduct<Numbers> (&c)[Code::kRows / 2]) {
  CRUMB_LANE_UNROLL for (int i = 0; i < Code::kRows / 2; ++i) {
    CRUMB_LANE_UNROLL for (int k = 0; k < 4; ++k) {
      c[i].value[k] = 0;
      if constexpr (Numbers::kScaled && Code::kCenter != 0) {
        if (k % 2 < x.kKeep) c[i].value[k] = -Code::kCenter * static_cast<int32_t>(x.sums[k % 2]);
      }
    }
  }
}

template <class Code, class Numbers, int kColumns>
CRUMB_LANE void AddProducts(const LaneWeights<Code>& w, const LaneNumbers<Numbers, kColumns>& x,
                            const LaneProduct<Numbers> (&c)[Code::kRows / 2],
                            LaneSums<Code, kColumns>& sums) {
  CRUMB_LANE_UNROLL for (int r = 0; r < Code::kRows; ++r) {
    CRUMB_LANE_UNROLL for (int n = 0; n < x.kKeep; ++n) {
      auto value = static_cast<float>(c[r / 2].value[2 * (r % 2) + n]);
      if constexpr (LaneWeights<Code>::kZero) value -= w.Zero(r) * x.sums[n];
      float scale = 1;
      if constexpr (LaneWeights<Code>::kScaled) scale = w.Scale(r);
      if constexpr (Numbers::kScaled) scale *= x.scales[n];
      sums.value[r][n] += scale * value;
    }
  }
}

// sums[slot] += the tile's products over groups begin, begin + step, .. below end, with columns
// first .. first + 7. Each lane's weights are on their way while those of the group before are
// multiplied.
template <class Code, class Numbers, int kColumns, class Warp>
CRUMB_LANE void AddTile(const Warp& warp, const LaneMatrixView& w, const LaneRowsView& x,
                        int64_t tile, int64_t first, int64_t begin, int64_t end, int64_t step,
                        const uint32_t* table_words,
                        LaneSums<Code, kColumns> (&sums)[Warp::kSlots]) {
  if (begin >= end) return;
  LaneWeights<Code> next[Warp::kSlots];
  CRUMB_LANE_UNROLL for (int s = 0; s < Warp::kSlots; ++s) {
    LoadWeights<Code>(w, tile, begin, warp.lane(s), next[s]);
  }
  for (int64_t group = begin; group < end; group += step) {
    LaneWeights<Code> now[Warp::kSlots];
    LaneNumbers<Numbers, kColumns> numbers[Warp::kSlots];
    LaneProduct<Numbers> c[Warp::kSlots][Code::kRows / 2];
    CRUMB_LANE_UNROLL for (int s = 0; s < Warp::kSlots; ++s) {
      now[s] = next[s];
      LoadNumbers(x, first, group, warp.lane(s), numbers[s]);
      if (group + step < end) {
        LoadWeights<Code>(w, tile, group + step, warp.lane(s), next[s]);
      }
      StartProducts<Code>(numbers[s], c[s]);
    }
    LaneProduct<Numbers>* pointers[Warp::kSlots];
    CRUMB_LANE_UNROLL for (int s = 0; s < Warp::kSlots; ++s) pointers[s] = c[s];
    MultiplyGroup<Code>(warp, now, numbers, table_words, pointers);
    CRUMB_LANE_UNROLL for (int s = 0; s < Warp::kSlots; ++s) {
      AddProducts<Code>(now[s], numbers[s], c[s], sums[s]);
    }
  }
}

// out[n * 8 kRows + row of the tile] = the lane's sums, for the columns n < kColumns it has.
template <class Code, int kColumns>
CRUMB_LANE void StoreSums(const LaneSums<Code, kColumns>& sums, int lane, float* out) {
  CRUMB_LANE_UNROLL for (int n = 0; n < LaneSums<Code, kColumns>::kKeep; ++n) {
    const int column = 2 * PlaceOfLane(lane) + n;
    if (column >= kColumns) continue;
    float* rows = out + column * (kLaneTeams * Code::kRows) + TeamOfLane(lane) * Code::kRows;
    CRUMB_LANE_UNROLL for (int r = 0; r < Code::kRows; ++r) rows[r] = sums.value[r][n];
  }
}

// y of one weight row and one row of activations, from the sums of its columns: columns
// `first_column` .. of all, whose sums over all groups lie `stride` apart.
template <class Code>
CRUMB_LANE float FinishRow(const LaneMatrixView& w, const LaneRowsView& x, int64_t row,
                           int64_t first_column, const float* sums, int64_t stride) {
  float y = 0;
  for (int i = 0; i < x.columns_of_row; ++i) {
    y += x.column_scales[first_column + i] * sums[i * stride];
  }
  return Code::kScales == LaneScales::kRow ? w.row_scales[row] * y : y;
}

}  // namespace crumb

#endif  // CRUMB_CUDA_WARP_TILE_H_
