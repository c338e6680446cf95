// How fast this machine reads memory when nothing but reading is done: the limit of generation.
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "base/cpu_info.h"
#include "measure/machine.h"
#include "measure/read_stream.h"
#include "measure/statistics.h"
#include "measure/system_files.h"

namespace crumb {
namespace {

constexpr int64_t kSmallestBuffer = int64_t{256} << 20;

using SumFn = uint64_t (*)(const uint64_t*, int64_t);

SumFn WidestSum() {
#if defined(__x86_64__)
  if (HostCpu().Has("avx512f")) return SumWordsAvx512;
  if (HostCpu().Has("avx2")) return SumWordsAvx2;
#endif
  return SumWords;
}

// Bytes that can still be had without swapping, under the limit of the control group if there is
// one.
int64_t AvailableBytes() {
  const std::string meminfo = ReadSystemFile("/proc/meminfo").value_or("");
  const auto kib = LeadingInt(ValueOf(meminfo, "MemAvailable").value_or(""));
  int64_t bytes = kib.has_value() ? *kib << 10 : INT64_MAX;
  const auto limit = ReadSystemInt("/sys/fs/cgroup/memory.max");
  const auto used = ReadSystemInt("/sys/fs/cgroup/memory.current");
  if (limit.has_value() && used.has_value()) bytes = std::min(bytes, *limit - *used);
  return bytes;
}

// Zeroed pages, large ones where the system gives them, so that the loop waits for memory and not
// for address translation.
class Buffer {
 public:
  explicit Buffer(size_t bytes) : bytes_(bytes) {
    void* map = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return;
    ::madvise(map, bytes, MADV_HUGEPAGE);  // a wish; small pages work too
    words_ = static_cast<uint64_t*>(map);
  }
  ~Buffer() {
    if (words_ != nullptr) ::munmap(words_, bytes_);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  uint64_t* words() const { return words_; }

 private:
  size_t bytes_;
  uint64_t* words_ = nullptr;
};

Status NoRoom(int64_t bytes) {
  return Unsupported(fmt::format(
      "read bandwidth not measured: needs {} MiB of free memory (four times the last-level cache)",
      bytes >> 20));
}

// Splits the buffer into one slice per worker and calls work(slice) on each.
template <typename F>
void OnSlices(ThreadPool& pool, std::span<uint64_t> words, const F& work) {
  const auto blocks = static_cast<int64_t>(words.size()) / kStreamWords;
  pool.Run([&](int worker) {
    const int64_t begin = blocks * worker / pool.size() * kStreamWords;
    const int64_t end = blocks * (worker + 1) / pool.size() * kStreamWords;
    work(words.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
  });
}

}  // namespace

Result<Bandwidth> MeasureReadBandwidth(ThreadPool& pool, int passes) {
  CRUMB_CHECK(passes >= 3);
  Bandwidth result;
  result.threads = pool.size();
  result.last_level_cache_bytes = DescribeMachine().last_level_cache_bytes;
  result.buffer_bytes = std::max(kSmallestBuffer, 4 * result.last_level_cache_bytes);
  if (AvailableBytes() / 5 * 4 < result.buffer_bytes) return NoRoom(result.buffer_bytes);
  const Buffer buffer(static_cast<size_t>(result.buffer_bytes));
  if (buffer.words() == nullptr) return NoRoom(result.buffer_bytes);
  const std::span<uint64_t> words(buffer.words(),
                                  static_cast<size_t>(result.buffer_bytes) / sizeof(uint64_t));
  // The worker that will read a slice writes it, so that its pages lie near it.
  OnSlices(pool, words, [](std::span<uint64_t> slice) { std::ranges::fill(slice, uint64_t{1}); });

  const SumFn sum = WidestSum();
  for (int pass = 0; pass <= passes; ++pass) {  // pass 0 warms up
    std::atomic<uint64_t> total{0};
    const double start = Now();
    OnSlices(pool, words, [&](std::span<uint64_t> slice) {
      total.fetch_add(sum(slice.data(), std::ssize(slice)));
    });
    const double seconds = Now() - start;
    if (total.load() != words.size()) return InternalError("the streaming loop read wrong values");
    if (pass > 0) result.samples.push_back(static_cast<double>(result.buffer_bytes) / seconds);
  }
  result.bytes_per_second = Median(result.samples);
  return result;
}

}  // namespace crumb
