// The inner loop of the Viterbi search of trellis codes (quant/trellis_search.h has the problem;
// Viterbi 1967). Vectors over states; which instruction set is chosen when the program runs.
#ifndef CRUMB_KERNELS_TRELLIS_STEP_H_
#define CRUMB_KERNELS_TRELLIS_STEP_H_

#include <cstdint>

namespace crumb {

// A state is the last `state_bits` bits of the code, the newest lowest; every row shifts `bits` new
// ones in. The Q = 2^(state_bits - bits) groups of states that agree in all but their `bits` oldest
// bits have the same successors, so that one cost for each group is all that goes from row to row.
struct TrellisStates {
  int bits;             // 1 .. 4
  int state_bits;       // at least bits + 7, at most 16
  const float* values;  // 2^state_bits: the value that each state stands for
  int64_t groups() const { return int64_t{1} << (state_bits - bits); }
};

// Room that `costs` needs behind the groups: vectors are read whole.
inline constexpr int64_t kTrellisCostPadding = 64;

// For row r = 0 .. rows - 1 and each group g: the best path that ends in a state of the group,
//   cost'[g] = min over x < 2^bits of cost[s >> bits] + (weights[r] * (targets[r] - values[s]))^2,
//   s = g + x Q,
// and from row `first_kept` on the best x (the least where they tie) in
// decisions[(r - first_kept) * Q + g]. `costs` (Q + kTrellisCostPadding floats) holds the costs
// before the first row and, less their least one, after the last row. `scratch`: as large as costs.
// The same result for any instruction set with fused multiply-add.
void TrellisForward(const TrellisStates& states, const float* targets, const float* weights,
                    int64_t rows, int64_t first_kept, float* costs, float* scratch,
                    uint8_t* decisions);

}  // namespace crumb

#endif  // CRUMB_KERNELS_TRELLIS_STEP_H_
