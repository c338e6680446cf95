// Which keys a query sees: the one place that knows masks.
#ifndef CRUMB_KERNELS_KEY_RANGE_H_
#define CRUMB_KERNELS_KEY_RANGE_H_

#include <algorithm>
#include <cstdint>

#include "kernels/attention.h"

namespace crumb {

struct KeyRange {
  int64_t begin;
  int64_t end;
};

// Keys that the query at `position` sees when `total` are there. Never empty.
inline KeyRange KeysOf(const AttentionShape& shape, int64_t position, int64_t total) {
  if (!shape.causal) return {0, total};
  const int64_t oldest = shape.window > 0 ? position - shape.window + 1 : 0;
  return {std::max(int64_t{0}, oldest), position + 1};
}

}  // namespace crumb

#endif  // CRUMB_KERNELS_KEY_RANGE_H_
