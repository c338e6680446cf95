// Inside of src/cuda: the product of one tile of weights with up to 8 columns of activations, as
// one warp computes it.
//
//   sums[r][n] = sum over groups of  s_w s_x (C - o s),  C = sum over 64 columns of byte * number
// with s_w the weight's scale of row and group (1 where scales are by row), s_x the activations'
// scale of column and group (1 for float16 numbers), o the zero point or the center of the bytes,
// s the sum of the numbers; C is exact for int8.
//
// row_tile.h and word_tile.h say which weights and numbers an instruction multiplies.
//
// Written over a Warp, which is one lane of a GPU (device_warp.h) or all 32 lanes of a simulated
// one (testing_warp.h): kSlots lanes are here, lane(i) says which, and Multiply is the one
// operation in which lanes meet. So all but that instruction is the same code on both sides.
// WaitForInputs is called once the first weights are on their way, before activations are read.
#ifndef CRUMB_CUDA_WARP_TILE_H_
#define CRUMB_CUDA_WARP_TILE_H_

#include <cstdint>
#include <type_traits>

#include "cuda/lane_loads.h"
#include "cuda/row_tile.h"
#include "cuda/word_tile.h"

namespace crumb {

template <class Code, class Numbers, int kColumns>
using TileOf = std::conditional_t<Code::kHistory, WordTile<Code, Numbers, kColumns>,
                                  RowTile<Code, Numbers, kColumns>>;

// sums[slot] += the tile's products over the groups begin .. end - 1, with columns first ..
// first + kColumns - 1. Each lane's weights are on their way while those before are multiplied.
template <class Tile, class Code, class Warp>
CRUMB_LANE void AddTile(const Warp& warp, const LaneMatrixView& w, const LaneRowsView& x, int tile,
                        int first, int begin, int end, const LaneTable (&tables)[Warp::kSlots],
                        typename Tile::Sums (&sums)[Warp::kSlots]) {
  constexpr int kAhead = LaneWeights<Code>::kAhead;
  constexpr int kSlots = Warp::kSlots;
  if (begin >= end) {
    warp.WaitForInputs();
    return;
  }
  LaneWeights<Code> weights[kAhead][kSlots];
  typename Tile::Inputs inputs[kSlots], next[kSlots];
  typename Tile::Scales scales[kSlots];
  typename Tile::Products products[kSlots];
  CRUMB_LANE_UNROLL for (int s = 0; s < kSlots; ++s) {
    CRUMB_LANE_UNROLL for (int i = 0; i < kAhead; ++i) {
      if (begin + i < end) LaneStream<Code>(w, tile, warp.lane(s)).Load(begin + i, weights[i][s]);
    }
  }
  warp.WaitForInputs();
  CRUMB_LANE_UNROLL for (int s = 0; s < kSlots; ++s) {
    next[s].Load(x, first, begin, end, warp.lane(s));
  }
  int turn = 0;
  for (int round = begin; round < end; round += kAhead) {
    CRUMB_LANE_UNROLL for (int i = 0; i < kAhead; ++i) {
      const int group = round + i;
      if (group >= end) break;
      if (turn == 0) {
        CRUMB_LANE_UNROLL for (int s = 0; s < kSlots; ++s) {
          inputs[s] = next[s];
          products[s] = {};
          scales[s].Load(w, x, tile, first, group, end, warp.lane(s));
          if (group + Tile::kGroups < end) {
            next[s].Load(x, first, group + Tile::kGroups, end, warp.lane(s));
          }
        }
      }
      Tile::MultiplyGroup(warp, weights[i], inputs, turn, tables, products);
      CRUMB_LANE_UNROLL for (int s = 0; s < kSlots; ++s) {
        if (group + kAhead < end) {
          LaneStream<Code>(w, tile, warp.lane(s)).Load(group + kAhead, weights[i][s]);
        }
      }
      if (++turn == Tile::kGroups || group + 1 == end) {
        turn = 0;
        CRUMB_LANE_UNROLL for (int s = 0; s < kSlots; ++s) {
          Tile::Add(scales[s], products[s], sums[s]);
        }
      }
    }
  }
}

// The sums of a warp lie in Tile::kValues x 32 floats, value by value, so that lanes that write or
// read side by side do not meet in a bank.
template <class Tile>
CRUMB_LANE void StoreSums(const typename Tile::Sums& sums, int lane, float* out) {
  CRUMB_LANE_UNROLL for (int v = 0; v < Tile::kValues; ++v) {
    out[v * kWarpLanes + lane] = Tile::Value(sums, v);
  }
}
template <class Tile>
CRUMB_LANE float SumOfWarp(const float* stored, int column, int row) {
  float total = 0;
  CRUMB_LANE_UNROLL for (int part = 0; part < Tile::kParts; ++part) {
    const SumPlace place = Tile::PlaceOfSum(part, column, row);
    total += stored[place.value * kWarpLanes + place.lane];
  }
  return total;
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
