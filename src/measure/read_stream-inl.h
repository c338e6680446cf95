// The loop of read_stream.h, compiled once per instruction set by read_stream*.cc, which define
// CRUMB_VECTOR_BYTES and include this.
#include <cstdint>

#include "measure/read_stream.h"

namespace crumb {
namespace {

typedef uint64_t Vector __attribute__((vector_size(CRUMB_VECTOR_BYTES), may_alias));

// Eight independent sums: enough loads in flight, and no sum waits for another.
uint64_t SumStream(const uint64_t* words, int64_t count) {
  constexpr int64_t kSums = 8;
  constexpr int64_t kLanes = CRUMB_VECTOR_BYTES / static_cast<int64_t>(sizeof(uint64_t));
  static_assert(kStreamWords % (kSums * kLanes) == 0);
  const auto* vectors = reinterpret_cast<const Vector*>(words);
  Vector sums[kSums] = {};
  for (int64_t i = 0; i < count / kLanes; i += kSums) {
    for (int64_t j = 0; j < kSums; ++j) sums[j] += vectors[i + j];
  }
  uint64_t total = 0;
  for (const Vector& sum : sums) {
    for (int64_t lane = 0; lane < kLanes; ++lane) total += sum[lane];
  }
  return total;
}

}  // namespace
}  // namespace crumb
