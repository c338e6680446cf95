// Search for the best trellis codes of one column of a matrix: the Viterbi algorithm (Viterbi 1967;
// for trellis coded quantization Marcellin and Fischer 1990).
//
// A state is the last state_bits() bits of the column's code, the symbol of the row itself lowest:
//   state(r) = (state(r - 1) << bits | symbol(r)) mod 2^state_bits,   state(-1) = start
// and stands for one value. Found are the symbols that minimise
//   sum_r (weight_r (target_r - value(state(r))))^2.
#ifndef CRUMB_QUANT_TRELLIS_SEARCH_H_
#define CRUMB_QUANT_TRELLIS_SEARCH_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "codecs/trellis.h"

namespace crumb {

// How the bits of a state make its value.
struct TrellisShape {
  int bits;
  int tables;
  int window_bits;

  // State bits: `tables` windows for bits >= 2, two windows of one plane for bits == 1.
  int state_bits() const { return tables * window_bits; }
  // Window of table t in a state: bits t, t + tables, t + 2 tables, ...
  uint32_t Window(uint32_t state, int t) const;
};

TrellisShape ShapeOf(const TrellisCodec& codec);

// The value (sum of entries - bias) of every state; `entries`: 64 for each table.
std::vector<float> StateValues(const TrellisCodec& codec, std::span<const uint8_t> entries);

class TrellisSearch {
 public:
  // values.size() is a power of two: one for each state.
  TrellisSearch(int bits, std::vector<float> values);

  int bits() const { return bits_; }
  int state_bits() const { return state_bits_; }
  std::span<const float> values() const { return values_; }

  // states[r] for r = 0 .. targets.size() - 1. `start`: the state of the row above (above row 0 of
  // a matrix: 0). Finite targets, weights >= 0 (square roots of what a squared error of that row
  // counts). Memory: 2^(state_bits - bits) bytes a row.
  //
  // Columns of more than 320 rows are cut into segments for the threads. Each segment's
  // search starts some rows earlier with all states open, and one traceback runs over the decisions
  // of all: the path is always a valid one, and the best but for what a search forgets within those
  // rows. Where to cut depends on the number of rows only.
  void FindColumn(std::span<const float> targets, std::span<const float> weights, uint32_t start,
                  ThreadPool& pool, std::span<uint32_t> states);

 private:
  void SearchSegment(std::span<const float> targets, std::span<const float> weights, uint32_t start,
                     int64_t begin, int64_t end, std::span<float> costs);

  int bits_;
  int state_bits_;
  int64_t memory_rows_;  // rows after which a search has forgotten how it began
  std::vector<float> values_;
  std::vector<std::vector<float>> costs_;  // of each worker
  std::vector<uint8_t> decisions_;
  std::vector<float> end_costs_;  // of the last segment
};

}  // namespace crumb

#endif  // CRUMB_QUANT_TRELLIS_SEARCH_H_
