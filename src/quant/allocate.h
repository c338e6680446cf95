// Which width each matrix gets under a budget: the multiple-choice knapsack problem, solved
// exactly.
//
// The Lagrangian dual (Sinha and Zoltners 1979) gives a lower bound on the loss and the price of a
// byte. Then dynamic programming over the sums of bytes that occur, items in turn: a partial
// assignment is dropped when another one has neither more bytes nor more loss, or when its own
// lower bound reaches the best assignment known (Dyer, Kayal and Walker 1984; Pisinger 1995). What
// is left at the end is the optimum. Deterministic.
#ifndef CRUMB_QUANT_ALLOCATE_H_
#define CRUMB_QUANT_ALLOCATE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"

namespace crumb {

// One way to store one matrix.
struct WidthOption {
  int64_t bytes = 0;
  double loss = 0;  // predicted increase of the loss, nats a token; >= 0
};

struct Allocation {
  std::vector<int> choice;  // index of the option of each item
  int64_t bytes = 0;
  double loss = 0;
  // Lower bound on the loss of any assignment within the budget (Lagrangian dual), and how far the
  // solution may be from it: loss - bound >= 0. Even the optimum has a gap, because no assignment
  // uses the budget to the last byte at the last price.
  double bound = 0;
  double gap() const { return loss - bound; }
  // Whether it is proved that no assignment is better (up to the rounding of sums in float64).
  // False where more partial assignments were alive than `max_states`; those of the worst bounds
  // were given up then, and the gap still holds.
  bool optimal = false;
};

// The options of every item, in any order; the least sum of losses with sum of bytes <= budget.
// kInvalidArgument when even the smallest options do not fit ("at least N bytes"), when an item has
// no options, or when a size or a loss is negative or not finite.
Result<Allocation> Allocate(std::span<const std::vector<WidthOption>> items, int64_t budget_bytes,
                            int64_t max_states = 1 << 17);

}  // namespace crumb

#endif  // CRUMB_QUANT_ALLOCATE_H_
