// Several ways to read the same bytes. The fastest of them is the limit that anything which has to
// read these bytes is held against.
#ifndef CRUMB_MEASURE_READ_LOOPS_H_
#define CRUMB_MEASURE_READ_LOOPS_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"

namespace crumb {

// A loop over words with the widest loads of this CPU.
struct ReadLoop {
  std::string_view name;
  uint64_t (*sum)(const uint64_t* words, int64_t count);
  // Workers take turns at blocks of 16 KiB; otherwise each has one run of its own.
  bool in_turns;
};

// All of them: "one stream", "four streams", "eight streams", "prefetch", "in turns".
std::vector<ReadLoop> ReadLoops();

// Words that the loops can read of `count`: whole blocks for each of `threads` workers.
int64_t ReadableWords(int64_t count, int threads);

struct TimedRead {
  double bytes_per_second = 0;
  uint64_t sum = 0;  // of the words, times passes, modulo 2^64: the reader's proof that it read
};
// All workers of the pool read the first ReadableWords(words.size(), pool.size()) words, each its
// share `passes` times without waiting for the others in between. `words` is aligned to 64 bytes.
// `clock` is read by the caller's thread: Now or, with one thread, ThreadNow.
TimedRead TimeRead(const ReadLoop& loop, std::span<const uint64_t> words, int passes,
                   ThreadPool& pool, double (*clock)());

}  // namespace crumb

#endif  // CRUMB_MEASURE_READ_LOOPS_H_
