// The loops of read_stream.h, compiled once per instruction set by read_stream*.cc, which define
// CRUMB_VECTOR_BYTES and include this.
#include <cstdint>

#include "measure/read_stream.h"

namespace crumb {
namespace {

typedef uint64_t Vector __attribute__((vector_size(CRUMB_VECTOR_BYTES), may_alias));

constexpr int64_t kSums = 8;  // independent sums: no sum waits for another
constexpr int64_t kLanes = CRUMB_VECTOR_BYTES / static_cast<int64_t>(sizeof(uint64_t));
static_assert(kStreamWords % (kSums * kLanes) == 0);

uint64_t Total(const Vector (&sums)[kSums]) {
  uint64_t total = 0;
  for (const Vector& sum : sums) {
    for (int64_t lane = 0; lane < kLanes; ++lane) total += sum[lane];
  }
  return total;
}

// Eight loads in a row, again and again.
uint64_t SumStream(const uint64_t* words, int64_t count) {
  const auto* vectors = reinterpret_cast<const Vector*>(words);
  Vector sums[kSums] = {};
  for (int64_t i = 0; i < count / kLanes; i += kSums) {
    for (int64_t j = 0; j < kSums; ++j) sums[j] += vectors[i + j];
  }
  return Total(sums);
}

// kParts parts at the same time: more streams for the hardware's prefetchers.
template <int64_t kParts>
uint64_t SumParts(const uint64_t* words, int64_t count) {
  constexpr int64_t kEach = kSums / kParts;
  const int64_t part = count / kStreamWords / kParts * kStreamWords / kLanes;
  const auto* vectors = reinterpret_cast<const Vector*>(words);
  Vector sums[kSums] = {};
  for (int64_t i = 0; i < part; i += kEach) {
    for (int64_t q = 0; q < kParts; ++q) {
      for (int64_t j = 0; j < kEach; ++j) sums[kEach * q + j] += vectors[q * part + i + j];
    }
  }
  const int64_t done = kParts * part * kLanes;
  return Total(sums) + SumStream(words + done, count - done);
}

// As SumStream, asking for what lies 2 KiB ahead (across pages, where hardware does not look).
uint64_t SumAhead(const uint64_t* words, int64_t count) {
  constexpr int64_t kAhead = 2048 / CRUMB_VECTOR_BYTES;
  constexpr int64_t kLine = 64 / CRUMB_VECTOR_BYTES;
  const auto* vectors = reinterpret_cast<const Vector*>(words);
  Vector sums[kSums] = {};
  for (int64_t i = 0; i < count / kLanes; i += kSums) {
    for (int64_t j = 0; j < kSums; j += kLine) __builtin_prefetch(vectors + i + j + kAhead);
    for (int64_t j = 0; j < kSums; ++j) sums[j] += vectors[i + j];
  }
  return Total(sums);
}

}  // namespace
}  // namespace crumb
