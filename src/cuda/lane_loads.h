// Inside of src/cuda: what a lane reads, and the registers it goes to: weights of a group of 64
// columns, and numbers of activations.
#ifndef CRUMB_CUDA_LANE_LOADS_H_
#define CRUMB_CUDA_LANE_LOADS_H_

#include <cstdint>

#include "cuda/lane.h"
#include "cuda/lane_codes.h"
#include "cuda/lane_trellis.h"

namespace crumb {

// A matrix in lane order (lane_matrix.h), as pointers. A tile is 8 kRows rows; the last one is
// padded.
struct LaneMatrixView {
  int64_t rows = 0;
  int groups = 0;
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
  int columns = 0;
  int groups = 0;
  const uint32_t* numbers = nullptr;     // [column][groups * 64] int8 or float16
  const float* scales = nullptr;         // [column][group], int8 only
  const float* sums = nullptr;           // [column][group]: sum of the numbers
  const float* column_scales = nullptr;  // [column]: what the column's numbers stand for
  int columns_of_row = 1;                // columns that add up to one row of activations
};

// ---- kinds of numbers --------------------------------------------------------------------------

struct Int8Numbers {
  static constexpr bool kScaled = true;
  static constexpr int kPerWord = 4;
  static constexpr int kWordsOfLane = 4;  // 16 columns
  using Sum = int32_t;
};

struct HalfNumbers {
  static constexpr bool kScaled = false;
  static constexpr int kPerWord = 2;
  static constexpr int kWordsOfLane = 8;
  using Sum = float;
};

// ---- weights -----------------------------------------------------------------------------------

// The codes of a lane in one group.
template <class Code>
struct LaneWeights {
  static constexpr int kWords = kLaneChunks * Code::kChunkWords;
  static_assert(kWords % 4 == 0);
  // Groups that are on their way at once: so many that a lane waits for some 128 bytes.
  static constexpr int kAhead = kWords >= 16 || Code::kHistory ? 2 : 4;

  uint32_t codes[kWords];
  uint32_t above[Code::kHistory ? kWords : 1];
};

// Where a lane reads the weights of a tile.
template <class Code>
struct LaneStream {
  static constexpr int kVectorWords = 4 * kWarpLanes;  // of all lanes
  static constexpr int64_t kGroupWords = int64_t{LaneWeights<Code>::kWords} * kWarpLanes;

  const uint32_t* own;
  // The rows above are those of the team above; of the first team, in the tile above, and zeros
  // above row 0.
  const uint32_t* above;

  CRUMB_LANE LaneStream(const LaneMatrixView& w, int tile, int lane) {
    own = w.codes + int64_t{tile} * w.groups * kGroupWords + int64_t{lane} * 4;
    const bool inside = TeamOfLane(lane) > 0;
    constexpr int64_t kUp = int64_t{kLanePlaces} * 4, kAll = int64_t{kWarpLanes} * 4;
    above = inside ? own - kUp : tile > 0 ? own - w.groups * kGroupWords + (kAll - kUp) : nullptr;
  }

  CRUMB_LANE void Load(int group, LaneWeights<Code>& out) const {
    LoadVectors(own + group * kGroupWords, out.codes);
    if constexpr (Code::kHistory) {
      if (above != nullptr) {
        LoadVectors(above + group * kGroupWords, out.above);
      } else {
        CRUMB_LANE_UNROLL for (uint32_t& word : out.above) word = 0;
      }
    }
  }

 private:
  CRUMB_LANE static void LoadVectors(const uint32_t* from, uint32_t* out) {
    CRUMB_LANE_UNROLL for (int v = 0; v < LaneWeights<Code>::kWords; v += 4) {
      LoadWords<4>(from + int64_t{v} / 4 * kVectorWords, out + v);
    }
  }
};

// Scales and zero points of a lane's rows in one group.
template <class Code>
struct LaneScaleWords {
  static constexpr bool kScaled =
      Code::kScales == LaneScales::kGroup || Code::kScales == LaneScales::kGroupWithZero;
  static constexpr bool kZero = Code::kScales == LaneScales::kGroupWithZero;
  static constexpr int kScaleWords = kScaled ? Code::kRows / 2 : 0;
  static constexpr int kZeroWords = kZero ? Code::kRows / 4 : 0;

  uint32_t scales[kScaled ? kScaleWords : 1];
  uint32_t zeros[kZero ? kZeroWords : 1];

  CRUMB_LANE void Load(const LaneMatrixView& w, int tile, int group, int lane) {
    const int64_t at = (int64_t{tile} * w.groups + group) * kLaneTeams + TeamOfLane(lane);
    if constexpr (kScaled) LoadWords<kScaleWords>(w.scales + at * kScaleWords, scales);
    if constexpr (kZero) LoadWords<kZeroWords>(w.zeros + at * kZeroWords, zeros);
  }
  // 1 where scales are not by group.
  CRUMB_LANE float Scale(int r) const {
    if constexpr (kScaled) return HalfOfWord(scales[r / 2], r % 2);
    return 1;
  }
  // What comes off a byte, in steps of Unit().
  CRUMB_LANE float Offset(int r) const {
    if constexpr (kZero) return static_cast<float>(zeros[r / 4] >> (8 * (r % 4)) & 0xffu);
    return Code::kCenter;
  }
  CRUMB_LANE static float Unit() {
    if constexpr (kZero) return static_cast<float>(Code::kLevels - 1) / 255.0f;
    return 1;
  }
};

// ---- activations -------------------------------------------------------------------------------

// The numbers of a lane's 16 columns of a group, of one column of activations; zeros where there
// is none.
template <class Numbers>
CRUMB_LANE void LoadNumbers(const LaneRowsView& x, int column, int group, bool there, int lane,
                            uint32_t* out) {
  constexpr int kWords = Numbers::kWordsOfLane;
  if (there && column < x.columns) {
    const int piece = (column * x.groups + group) * kLanePlaces + PlaceOfLane(lane);
    LoadWords<kWords>(x.numbers + int64_t{piece} * kWords, out);
  } else {
    CRUMB_LANE_UNROLL for (int i = 0; i < kWords; ++i) out[i] = 0;
  }
}

// Scale and sum of a group's numbers; zeros where there is none.
template <class Numbers>
struct NumberScale {
  float scale = 0;
  float sum = 0;

  CRUMB_LANE void Load(const LaneRowsView& x, int column, int group, bool there) {
    const bool here = there && column < x.columns;
    const int at = column * x.groups + group;
    scale = !here ? 0.0f : Numbers::kScaled ? x.scales[at] : 1.0f;
    sum = here ? x.sums[at] : 0.0f;
  }
};

// ---- sums -----

// Where a sum lies among those of a warp.
struct SumPlace {
  int lane;
  int value;
};

// ---- the matrix instruction --------------------------------------------------------------------

// C of 16 x 8 in a lane: values 0 and 1 are columns 2 place and 2 place + 1 of its first row of A,
// values 2 and 3 those of the second.
template <class Numbers>
struct LaneProduct {
  typename Numbers::Sum value[4];
};

// c[slot] += A B.
template <class Numbers, class Warp>
CRUMB_LANE void Multiply(const Warp& warp, const uint32_t (&a)[Warp::kSlots][4],
                         const uint32_t (&b)[Warp::kSlots][2],
                         LaneProduct<Numbers>* (&c)[Warp::kSlots]) {
  typename Numbers::Sum sum[Warp::kSlots][4];
  CRUMB_LANE_UNROLL for (int s = 0; s < Warp::kSlots; ++s) {
    CRUMB_LANE_UNROLL for (int k = 0; k < 4; ++k) sum[s][k] = c[s]->value[k];
  }
  warp.Multiply(a, b, sum);
  CRUMB_LANE_UNROLL for (int s = 0; s < Warp::kSlots; ++s) {
    CRUMB_LANE_UNROLL for (int k = 0; k < 4; ++k) c[s]->value[k] = sum[s][k];
  }
}

}  // namespace crumb

#endif  // CRUMB_CUDA_LANE_LOADS_H_
