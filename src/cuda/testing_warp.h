// For tests: a warp whose 32 lanes run one after another on the CPU, and a product made of such
// warps in the order of the GPU's blocks. What it does not show: the matrix instruction itself
// (here by its documented layout), shared memory and launches.
#ifndef CRUMB_CUDA_TESTING_WARP_H_
#define CRUMB_CUDA_TESTING_WARP_H_

#include <cstdint>
#include <vector>

#include "base/float16.h"
#include "cuda/lane_matrix.h"
#include "cuda/lane_rows.h"
#include "cuda/warp_tile.h"

namespace crumb {

// PTX ISA, "Matrix Fragments for mma.m16n8k32" (8-bit) and "mma.m16n8k16" (16-bit): a register of A
// or B holds `per_word` neighbours in k; registers 0 and 1 of A are rows 0..7 and 8..15 of the
// lower half of k, 2 and 3 of the upper one; registers of B the halves of k.
struct SimulatedWarp {
  static constexpr int kSlots = kWarpLanes;
  static int lane(int slot) { return slot; }
  static void WaitForInputs() {}

  void Multiply(const uint32_t (&a)[32][4], const uint32_t (&b)[32][2], int32_t (&c)[32][4]) const {
    ForEachTerm<4>([&](int in_a, int reg_a, int in_b, int reg_b, int part, int in_c, int at_c) {
      const auto level = static_cast<int32_t>(a[in_a][reg_a] >> (8 * part) & 0xffu);
      const auto code = static_cast<int8_t>(b[in_b][reg_b] >> (8 * part) & 0xffu);
      c[in_c][at_c] += level * code;
    });
  }

  void Multiply(const uint32_t (&a)[32][4], const uint32_t (&b)[32][2], float (&c)[32][4]) const {
    ForEachTerm<2>([&](int in_a, int reg_a, int in_b, int reg_b, int part, int in_c, int at_c) {
      c[in_c][at_c] += HalfOfWord(a[in_a][reg_a], part) * HalfOfWord(b[in_b][reg_b], part);
    });
  }

 private:
  // term(lane and register of A, lane and register of B, part of both, lane and value of C).
  template <int kPerWord, class Term>
  static void ForEachTerm(const Term& term) {
    constexpr int kHalf = 4 * kPerWord;  // of k
    for (int row = 0; row < 16; ++row) {
      for (int n = 0; n < 8; ++n) {
        for (int k = 0; k < 2 * kHalf; ++k) {
          const int place = k % kHalf / kPerWord;
          term(row % 8 * 4 + place, row / 8 + 2 * (k / kHalf), n * 4 + place, k / kHalf,
               k % kPerWord, row % 8 * 4 + n / 2, row / 8 * 2 + n % 2);
        }
      }
    }
  }
};

// How a kernel shares the groups of a tile: `splits` items of `warps` warps.
struct WarpShares {
  int warps = 1;
  int splits = 1;
};

// y[b * rows + r].
template <class Code, class Numbers, int kColumns>
std::vector<float> SimulatedProductOf(const LaneMatrix& matrix, const LaneRows& rows,
                                      WarpShares shares) {
  using Tile = TileOf<Code, Numbers, kColumns>;
  const LaneMatrixView w = matrix.view();
  const LaneRowsView x = rows.view();
  std::vector<uint32_t> words;
  LaneTable tables[kWarpLanes] = {};
  if constexpr (Code::kHistory) {
    words.resize(Code::kTableWords);
    for (int e = 0; e < Code::kEntries; ++e) {
      for (int c = 0; c < Code::kCopies; ++c) {
        words[static_cast<size_t>(e) * Code::kCopies + static_cast<size_t>(c)] =
            Code::Entry(w.table, e);
      }
    }
    for (uint32_t lane = 0; lane < kWarpLanes; ++lane) {
      tables[lane] = {words.data(), lane % Code::kCopies * 4};
    }
  }
  const int64_t tile_rows = matrix.tile_rows;
  const int all = shares.splits * shares.warps;
  std::vector<float> y(static_cast<size_t>(rows.batch * matrix.rows));
  std::vector<float> of_warp(size_t{Tile::kValues} * kWarpLanes);
  for (int tile = 0; tile < static_cast<int>(matrix.tiles); ++tile) {
    for (int first = 0; first < x.columns; first += kColumns) {
      std::vector<float> total(static_cast<size_t>(kColumns * tile_rows), 0.0f);
      for (int share = 0; share < all; ++share) {
        typename Tile::Sums sums[kWarpLanes] = {};
        AddTile<Tile, Code>(SimulatedWarp{}, w, x, tile, first, w.groups * share / all,
                            w.groups * (share + 1) / all, tables, sums);
        for (int lane = 0; lane < kWarpLanes; ++lane) {
          StoreSums<Tile>(sums[lane], lane, of_warp.data());
        }
        for (int n = 0; n < kColumns; ++n) {
          for (int r = 0; r < tile_rows; ++r) {
            total[static_cast<size_t>(n * tile_rows + r)] += SumOfWarp<Tile>(of_warp.data(), n, r);
          }
        }
      }
      for (int64_t n = 0; n < kColumns && first + n < x.columns; n += x.columns_of_row) {
        for (int64_t r = 0; r < tile_rows && tile * tile_rows + r < w.rows; ++r) {
          y[static_cast<size_t>((first + n) / x.columns_of_row * w.rows + tile * tile_rows + r)] =
              FinishRow<Code>(w, x, tile * tile_rows + r, first + n,
                              total.data() + n * tile_rows + r, tile_rows);
        }
      }
    }
  }
  return y;
}

// With the kernel that would be launched.
inline std::vector<float> SimulatedProduct(const LaneMatrix& w, const LaneRows& x,
                                           WarpShares shares) {
  return WithLaneCode(w.format, [&](auto code) {
    using Code = decltype(code);
    const auto product = [&](auto numbers) {
      using Numbers = decltype(numbers);
      if constexpr (Code::kScales != LaneScales::kNone) {
        if (x.columns == 1) return SimulatedProductOf<Code, Numbers, 1>(w, x, shares);
        if (x.columns == 2) return SimulatedProductOf<Code, Numbers, 2>(w, x, shares);
      }
      return SimulatedProductOf<Code, Numbers, 8>(w, x, shares);
    };
    if constexpr (Code::kScales != LaneScales::kNone) {
      if (x.int8) return product(Int8Numbers{});
    }
    return product(HalfNumbers{});
  });
}

}  // namespace crumb

#endif  // CRUMB_CUDA_TESTING_WARP_H_
