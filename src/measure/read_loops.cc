#include "measure/read_loops.h"

#include <atomic>

#include "base/cpu_info.h"
#include "measure/read_stream.h"

namespace crumb {
namespace {

constexpr int64_t kBlockWords = 2048;  // 16 KiB
static_assert(kBlockWords % kStreamWords == 0);

}  // namespace

std::vector<ReadLoop> ReadLoops() {
  auto* words = SumWords;
  auto* four = SumFourPlain;
  auto* eight = SumEightPlain;
  auto* ahead = SumAheadPlain;
#if defined(__x86_64__)
  if (HostCpu().Has("avx512f")) {
    words = SumWordsAvx512;
    four = SumFourAvx512;
    eight = SumEightAvx512;
    ahead = SumAheadAvx512;
  } else if (HostCpu().Has("avx2")) {
    words = SumWordsAvx2;
    four = SumFourAvx2;
    eight = SumEightAvx2;
    ahead = SumAheadAvx2;
  }
#endif
  return {{"one stream", words, false},
          {"four streams", four, false},
          {"eight streams", eight, false},
          {"prefetch", ahead, false},
          {"in turns", four, true}};
}

int64_t ReadableWords(int64_t count, int threads) {
  // Small matrices are shared out by the alignment of the loops, large ones by whole blocks.
  const int64_t unit = count >= 16 * kBlockWords * threads ? kBlockWords : kStreamWords;
  return count / (unit * threads) * unit * threads;
}

TimedRead TimeRead(const ReadLoop& loop, std::span<const uint64_t> words, int passes,
                   ThreadPool& pool, double (*clock)()) {
  const int64_t threads = pool.size();
  const int64_t count = ReadableWords(std::ssize(words), pool.size());
  const bool in_turns = loop.in_turns && count % (kBlockWords * threads) == 0;
  const int64_t share = count / threads;
  std::atomic<uint64_t> total{0};
  pool.Run([](int) {});  // wakes the workers
  const double start = clock();
  pool.Run([&](int worker) {
    uint64_t sum = 0;
    for (int pass = 0; pass < passes; ++pass) {
      if (in_turns) {
        for (int64_t at = worker * kBlockWords; at < count; at += threads * kBlockWords) {
          sum += loop.sum(words.data() + at, kBlockWords);
        }
      } else {
        sum += loop.sum(words.data() + worker * share, share);
      }
    }
    total.fetch_add(sum);
  });
  const double seconds = clock() - start;
  return {static_cast<double>(count) * 8 * passes / seconds, total.load()};
}

}  // namespace crumb
