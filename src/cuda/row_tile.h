// Inside of src/cuda: products of float16, the integer grids, ternary and binary rows. A register
// of A holds neighbouring columns of one row.
//
// B has 8 columns. Where there are fewer of activations (kColumns), the columns of B take that many
// of kGroups groups of 64 weights by turns: those of the other groups are zeros, so that one C
// gathers the sums of kGroups groups apart, and every lane has sums to scale. Otherwise three of
// four lanes would scale nothing, as often.
#ifndef CRUMB_CUDA_ROW_TILE_H_
#define CRUMB_CUDA_ROW_TILE_H_

#include <cstdint>

#include "cuda/lane_loads.h"

namespace crumb {

template <class Code, class NumberKind, int kColumns>
struct RowTile {
  using Numbers = NumberKind;
  static_assert(kColumns == 1 || kColumns == 2 || kColumns == 4 || kColumns == 8);
  // float16 weights have no scales: C may gather all groups in one place.
  static constexpr int kGroups = Code::kScales == LaneScales::kNone ? 1 : 8 / kColumns;
  // Columns of activations whose sums a lane keeps: one where its two columns of C are two groups.
  static constexpr int kKept = kColumns == 1 ? 1 : 2;
  // Groups of a lane's two columns of C.
  static constexpr int kOwnGroups = kColumns == 1 && kGroups > 1 ? 2 : 1;
  // Sums of a row and column that are spread over places.
  static constexpr int kParts = kGroups == 1 ? 1 : kGroups / kOwnGroups;

  // Column of B or C to column of activations, and to group within kGroups.
  CRUMB_LANE static int ColumnOf(int n) { return kGroups == 1 ? n : n % kColumns; }
  CRUMB_LANE static int GroupOf(int n) { return kGroups == 1 ? 0 : n / kColumns; }

  struct Inputs {
    uint32_t words[Numbers::kWordsOfLane];

    CRUMB_LANE void Load(const LaneRowsView& x, int first, int group, int end, int lane) {
      const int own = group + GroupOf(TeamOfLane(lane));
      LoadNumbers<Numbers>(x, first + ColumnOf(TeamOfLane(lane)), own, own < end, lane, words);
    }
  };

  struct Scales {
    LaneScaleWords<Code> weights[kOwnGroups];
    NumberScale<Numbers> numbers[2];

    CRUMB_LANE void Load(const LaneMatrixView& w, const LaneRowsView& x, int tile, int first,
                         int group, int end, int lane) {
      const int n = 2 * PlaceOfLane(lane);
      CRUMB_LANE_UNROLL for (int i = 0; i < 2; ++i) {
        const int own = group + GroupOf(n + i);
        numbers[i].Load(x, first + ColumnOf(n + i), own, own < end);
      }
      // Behind the last group: any scales, as there the sums are zeros.
      CRUMB_LANE_UNROLL for (int i = 0; i < kOwnGroups; ++i) {
        const int own = group + GroupOf(n + i);
        weights[i].Load(w, tile, own < end ? own : end - 1, lane);
      }
    }
  };

  struct Products {
    LaneProduct<Numbers> c[Code::kParts][Code::kRows / 2];
  };

  struct Sums {
    float value[Code::kRows][kKept];
  };

  // Group `turn` of kGroups.
  template <class Warp>
  CRUMB_LANE static void MultiplyGroup(const Warp& warp, const LaneWeights<Code> (&w)[Warp::kSlots],
                                       const Inputs (&x)[Warp::kSlots], int turn,
                                       const LaneTable (&)[Warp::kSlots],
                                       Products (&products)[Warp::kSlots]) {
    constexpr int kSlots = Warp::kSlots;
    uint32_t words[kSlots][Numbers::kWordsOfLane];
    CRUMB_LANE_UNROLL for (int s = 0; s < kSlots; ++s) {
      const bool own = kGroups == 1 || GroupOf(TeamOfLane(warp.lane(s))) == turn;
      CRUMB_LANE_UNROLL for (int i = 0; i < Numbers::kWordsOfLane; ++i) {
        words[s][i] = own ? x[s].words[i] : 0;
      }
    }
    // A step is one instruction's columns: two chunks of bytes, or one of float16 numbers.
    constexpr int kSteps = Numbers::kWordsOfLane / 2;
    CRUMB_LANE_UNROLL for (int step = 0; step < kSteps; ++step) {
      CRUMB_LANE_UNROLL for (int part = 0; part < Code::kParts; ++part) {
        uint32_t a[kSlots][Code::kRows][2];
        uint32_t b[kSlots][2];
        CRUMB_LANE_UNROLL for (int s = 0; s < kSlots; ++s) {
          Weights(w[s], step, part, a[s]);
          b[s][0] = words[s][2 * step];
          b[s][1] = words[s][2 * step + 1];
        }
        CRUMB_LANE_UNROLL for (int r = 0; r < Code::kRows; r += 2) {
          uint32_t pair[kSlots][4];
          LaneProduct<Numbers>* c[kSlots];
          CRUMB_LANE_UNROLL for (int s = 0; s < kSlots; ++s) {
            pair[s][0] = a[s][r][0];
            pair[s][1] = a[s][r + 1][0];
            pair[s][2] = a[s][r][1];
            pair[s][3] = a[s][r + 1][1];
            c[s] = &products[s].c[part][r / 2];
          }
          Multiply<Numbers>(warp, pair, b, c);
        }
      }
    }
  }

  CRUMB_LANE static void Add(const Scales& scales, const Products& products, Sums& sums) {
    float less[2];
    CRUMB_LANE_UNROLL for (int n = 0; n < 2; ++n) {
      less[n] = scales.numbers[n].sum * LaneScaleWords<Code>::Unit();
    }
    CRUMB_LANE_UNROLL for (int r = 0; r < Code::kRows; ++r) {
      CRUMB_LANE_UNROLL for (int n = 0; n < 2; ++n) {
        const LaneScaleWords<Code>& weights = scales.weights[kOwnGroups == 1 ? 0 : n];
        float value = 0;
        CRUMB_LANE_UNROLL for (int part = 0; part < Code::kParts; ++part) {
          const LaneProduct<Numbers>& c = products.c[part][r / 2];
          value += Code::Factor(part, r) * static_cast<float>(c.value[2 * (r % 2) + n]);
        }
        if constexpr (Code::kScales != LaneScales::kNone) value -= weights.Offset(r) * less[n];
        float scale = weights.Scale(r);
        if constexpr (Numbers::kScaled) scale *= scales.numbers[n].scale;
        sums.value[r][kKept == 1 ? 0 : n] += scale * value;
      }
    }
  }

  static constexpr int kValues = Code::kRows * kKept;  // of a lane
  CRUMB_LANE static float Value(const Sums& sums, int v) {
    return sums.value[v / kKept][v % kKept];
  }
  // Which lane and value have part `part` of the sum of a row of the tile and a column.
  CRUMB_LANE static SumPlace PlaceOfSum(int part, int column, int row) {
    constexpr int kPlaces = kColumns > 2 ? kColumns / 2 : 1;  // that a group takes
    const int place = part * kPlaces + column / 2;
    return {row / Code::kRows * kLanePlaces + place,
            row % Code::kRows * kKept + (kKept == 1 ? 0 : column % 2)};
  }

 private:
  // rows[r]: row r of the lane in the columns of a step, lower and upper half.
  CRUMB_LANE static void Weights(const LaneWeights<Code>& w, int step, int part,
                                 uint32_t (&rows)[Code::kRows][2]) {
    constexpr int kChunk = Code::kChunkWords;
    if constexpr (Code::kScales == LaneScales::kNone) {
      CRUMB_LANE_UNROLL for (int r = 0; r < Code::kRows; ++r) {
        rows[r][0] = w.codes[step * kChunk + 2 * r];
        rows[r][1] = w.codes[step * kChunk + 2 * r + 1];
      }
    } else if constexpr (Numbers::kPerWord == 4) {
      CRUMB_LANE_UNROLL for (int half = 0; half < 2; ++half) {
        uint32_t bytes[Code::kRows];
        Code::Decode(w.codes + (2 * step + half) * kChunk, part, bytes);
        CRUMB_LANE_UNROLL for (int r = 0; r < Code::kRows; ++r) rows[r][half] = bytes[r];
      }
    } else {
      uint32_t bytes[Code::kRows];
      Code::Decode(w.codes + step * kChunk, part, bytes);
      CRUMB_LANE_UNROLL for (int r = 0; r < Code::kRows; ++r) {
        BytesToHalves<0>(bytes[r], rows[r][0], rows[r][1]);
      }
    }
  }
};

}  // namespace crumb

#endif  // CRUMB_CUDA_ROW_TILE_H_
