#include "measure/read_loops.h"

#include <gtest/gtest.h>

#include <numeric>

#include "measure/machine.h"

namespace crumb {
namespace {

std::span<const uint64_t> Aligned(const std::vector<uint64_t>& buffer, size_t count) {
  const auto address = reinterpret_cast<uintptr_t>(buffer.data());
  return {buffer.data() + (64 - address % 64) % 64 / 8, count};
}

TEST(ReadLoops, EachReadsEveryWordOnceAPass) {
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    for (const size_t count : {size_t{192}, size_t{64 * 3 * 7}, size_t{2048 * 3 * 17}}) {
      std::vector<uint64_t> buffer(count + 8);
      // Products with a large odd number: a word left out or read twice changes the sum.
      for (size_t i = 0; i < buffer.size(); ++i) buffer[i] = (i + 1) * 0x9e3779b97f4a7c15u;
      const std::span<const uint64_t> words = Aligned(buffer, count);
      const auto readable = static_cast<size_t>(ReadableWords(std::ssize(words), threads));
      ASSERT_GT(readable, size_t{0});
      const uint64_t once = std::accumulate(
          words.begin(), words.begin() + static_cast<int64_t>(readable), uint64_t{0});
      for (const ReadLoop& loop : ReadLoops()) {
        const TimedRead read = TimeRead(loop, words, 3, pool, Now);
        EXPECT_EQ(read.sum, 3 * once) << loop.name << ", " << threads << " threads, " << count;
        EXPECT_GT(read.bytes_per_second, 0);
      }
    }
  }
}

TEST(ReadLoops, LeaveOutLessThanABlockForEachThread) {
  EXPECT_EQ(ReadableWords(192, 3), 192);
  EXPECT_EQ(ReadableWords(200, 2), 128);
  EXPECT_EQ(ReadableWords(100 * 2048 + 5, 2), 100 * 2048);
}

}  // namespace
}  // namespace crumb
