// Inside of src/cuda: products of trellis codes. Look-ups give neighbouring rows of one column; a
// register of A holds them as they come, with no turning.
//
// So a row of A is kPerWord rows of weights (4 as bytes, 2 as float16 numbers), and its k runs
// over columns and these rows. Column n of B is for row n % kPerWord of them: it has the number of
// a column at that place of its word and zeros beside it. That leaves kCapacity columns of
// activations (2, or 4) for an instruction; where there are fewer, they are groups of 64 weights
// by turns, as in row_tile.h; where there are more, an instruction for each kCapacity of them.
#ifndef CRUMB_CUDA_WORD_TILE_H_
#define CRUMB_CUDA_WORD_TILE_H_

#include <cstdint>

#include "cuda/lane_loads.h"

namespace crumb {

template <class Code, class NumberKind, int kColumns>
struct WordTile {
  using Numbers = NumberKind;
  static constexpr int kPerWord = Numbers::kPerWord;
  static constexpr int kCapacity = 8 / kPerWord;
  static constexpr int kGroups = kColumns < kCapacity ? kCapacity / kColumns : 1;
  static constexpr int kSets = kColumns < kCapacity ? 1 : kColumns / kCapacity;
  static constexpr int kPairs = Code::kRows / kPerWord / 2;  // of rows of A
  static constexpr int kParts = kGroups;

  // Column of B or C to column of activations of a set, and to group within kGroups.
  CRUMB_LANE static int ColumnOf(int n) {
    return kGroups == 1 ? n / kPerWord : n / kPerWord % kColumns;
  }
  CRUMB_LANE static int GroupOf(int n) { return kGroups == 1 ? 0 : n / kPerWord / kColumns; }

  struct Inputs {
    uint32_t words[kSets][Numbers::kWordsOfLane];

    CRUMB_LANE void Load(const LaneRowsView& x, int first, int group, int end, int lane) {
      const int own = group + GroupOf(TeamOfLane(lane));
      CRUMB_LANE_UNROLL for (int set = 0; set < kSets; ++set) {
        LoadNumbers<Numbers>(x, first + set * kCapacity + ColumnOf(TeamOfLane(lane)), own,
                             own < end, lane, words[set]);
      }
    }
  };

  struct Scales {
    NumberScale<Numbers> numbers[kSets];

    CRUMB_LANE void Load(const LaneMatrixView&, const LaneRowsView& x, int, int first, int group,
                         int end, int lane) {
      const int n = 2 * PlaceOfLane(lane);  // the lane's other column of C is of the same
      const int own = group + GroupOf(n);
      CRUMB_LANE_UNROLL for (int set = 0; set < kSets; ++set) {
        numbers[set].Load(x, first + set * kCapacity + ColumnOf(n), own, own < end);
      }
    }
  };

  struct Products {
    LaneProduct<Numbers> c[kSets][kPairs];
  };

  struct Sums {
    float value[kSets][kPairs][4];
  };

  // Group `turn` of kGroups.
  template <class Warp>
  CRUMB_LANE static void MultiplyGroup(const Warp& warp, const LaneWeights<Code> (&w)[Warp::kSlots],
                                       const Inputs (&x)[Warp::kSlots], int turn,
                                       const LaneTable (&tables)[Warp::kSlots],
                                       Products (&products)[Warp::kSlots]) {
    constexpr int kSlots = Warp::kSlots;
    Inputs own[kSlots];
    CRUMB_LANE_UNROLL for (int s = 0; s < kSlots; ++s) {
      const bool mine = kGroups == 1 || GroupOf(TeamOfLane(warp.lane(s))) == turn;
      CRUMB_LANE_UNROLL for (int set = 0; set < kSets; ++set) {
        CRUMB_LANE_UNROLL for (int i = 0; i < Numbers::kWordsOfLane; ++i) {
          own[s].words[set][i] = mine ? x[s].words[set][i] : 0;
        }
      }
    }
    CRUMB_LANE_UNROLL for (int chunk = 0; chunk < kLaneChunks; ++chunk) {
      uint32_t columns[kSlots][4][Code::kRowWords];
      CRUMB_LANE_UNROLL for (int s = 0; s < kSlots; ++s) {
        const int first = chunk * Code::kChunkWords;
        Code::Decode(w[s].codes + first, w[s].above + first, tables[s], columns[s]);
      }
      CRUMB_LANE_UNROLL for (int c = 0; c < 4; c += 2) {
        uint32_t units[kSlots][2][2 * kPairs];
        CRUMB_LANE_UNROLL for (int s = 0; s < kSlots; ++s) {
          Units(columns[s][c], units[s][0]);
          Units(columns[s][c + 1], units[s][1]);
        }
        CRUMB_LANE_UNROLL for (int set = 0; set < kSets; ++set) {
          uint32_t b[kSlots][2];
          CRUMB_LANE_UNROLL for (int s = 0; s < kSlots; ++s) {
            const int row = TeamOfLane(warp.lane(s)) % kPerWord;
            b[s][0] = Placed(own[s].words[set], 4 * chunk + c, row);
            b[s][1] = Placed(own[s].words[set], 4 * chunk + c + 1, row);
          }
          CRUMB_LANE_UNROLL for (int i = 0; i < kPairs; ++i) {
            uint32_t a[kSlots][4];
            LaneProduct<Numbers>* to[kSlots];
            CRUMB_LANE_UNROLL for (int s = 0; s < kSlots; ++s) {
              a[s][0] = units[s][0][2 * i];
              a[s][1] = units[s][0][2 * i + 1];
              a[s][2] = units[s][1][2 * i];
              a[s][3] = units[s][1][2 * i + 1];
              to[s] = &products[s].c[set][i];
            }
            Multiply<Numbers>(warp, a, b, to);
          }
        }
      }
    }
  }

  // The center of bytes comes off here; float16 numbers have lost it already.
  CRUMB_LANE static void Add(const Scales& scales, const Products& products, Sums& sums) {
    CRUMB_LANE_UNROLL for (int set = 0; set < kSets; ++set) {
      const NumberScale<Numbers>& numbers = scales.numbers[set];
      CRUMB_LANE_UNROLL for (int i = 0; i < kPairs; ++i) {
        CRUMB_LANE_UNROLL for (int k = 0; k < 4; ++k) {
          auto value = static_cast<float>(products.c[set][i].value[k]);
          if constexpr (Numbers::kScaled) {
            value -= Code::kCenter * numbers.sum;  // exact: below 2^24
            value *= numbers.scale;
          }
          sums.value[set][i][k] += value;
        }
      }
    }
  }

  static constexpr int kValues = 4 * kSets * kPairs;  // of a lane
  CRUMB_LANE static float Value(const Sums& sums, int v) {
    return sums.value[v / 4 / kPairs][v / 4 % kPairs][v % 4];
  }
  // Which lane and value have part `part` of the sum of a row of the tile and a column.
  CRUMB_LANE static SumPlace PlaceOfSum(int part, int column, int row) {
    const int of_lane = row % Code::kRows;
    const int set = column / kCapacity;
    const int n = (part * kColumns + column % kCapacity) * kPerWord + of_lane % kPerWord;
    const int unit = of_lane / kPerWord;
    return {row / Code::kRows * kLanePlaces + n / 2,
            (set * kPairs + unit / 2) * 4 + unit % 2 * 2 + n % 2};
  }

 private:
  // Rows of a column as registers of A.
  CRUMB_LANE static void Units(const uint32_t (&words)[Code::kRowWords],
                               uint32_t (&units)[2 * kPairs]) {
    CRUMB_LANE_UNROLL for (int i = 0; i < Code::kRowWords; ++i) {
      if constexpr (kPerWord == 4) {
        units[i] = words[i];
      } else {
        BytesToHalves<Code::kCenter>(words[i], units[2 * i], units[2 * i + 1]);
      }
    }
  }

  // Number i of the lane's columns at place `row` of a word, zeros beside it.
  CRUMB_LANE static uint32_t Placed(const uint32_t (&words)[Numbers::kWordsOfLane], int i,
                                    int row) {
    const auto in_word = static_cast<uint32_t>(i % kPerWord);
    if constexpr (kPerWord == 4) {
      return ChooseBytes(words[i / 4], 0, 0x4444u ^ ((4u ^ in_word) << (4 * row)));
    } else {
      const uint32_t half = 0x10u + 0x22u * in_word;
      return ChooseBytes(words[i / 2], 0, row == 0 ? 0x4400u | half : 0x0044u | half << 8);
    }
  }
};

}  // namespace crumb

#endif  // CRUMB_CUDA_WORD_TILE_H_
