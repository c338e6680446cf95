// What matmul_bench.cc runs: weights in one arena, checks, and samples taken in turns.
#ifndef CRUMB_KERNELS_MATMUL_BENCH_INL_H_
#define CRUMB_KERNELS_MATMUL_BENCH_INL_H_

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "codecs/codec.h"
#include "codecs/trellis.h"
#include "kernels/matmul.h"
#include "kernels/testing_products.h"
#include "measure/machine.h"
#include "measure/read_loops.h"

namespace crumb {

// Random bytes that are valid as every part of every codec, so that all cases read the same memory.
// Each half word is a float16 of magnitude 2^-1 to 2 and a bfloat16 of magnitude 2^-15 to 2^-7: 12
// of 16 bits are random. Pages are large where the system gives them.
class Arena {
 public:
  explicit Arena(int64_t bytes) : bytes_(static_cast<size_t>(bytes)) {
    void* map = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return;
    ::madvise(map, bytes_, MADV_HUGEPAGE);  // a wish
    words_ = static_cast<uint64_t*>(map);
    Rng rng(1);
    for (uint64_t& word : words()) {
      word = (rng.Next() & 0x87ff87ff87ff87ffu) | 0x3800380038003800u;
    }
  }
  ~Arena() {
    if (words_ != nullptr) ::munmap(words_, bytes_);
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  bool ok() const { return words_ != nullptr; }
  std::span<uint64_t> words() const { return {words_, bytes_ / 8}; }
  std::span<const std::byte> bytes() const { return std::as_bytes(words()); }

 private:
  size_t bytes_;
  uint64_t* words_ = nullptr;
};

inline int64_t Aligned64(int64_t bytes) { return (bytes + 63) / 64 * 64; }

// Bytes of one copy in the arena: parts start at multiples of 64.
inline int64_t ArenaBytes(const Codec* codec, int64_t rows, int64_t cols) {
  const PartBytes size = codec->SizeOf(rows, cols);
  return Aligned64(size.codes) + Aligned64(size.scales) + Aligned64(size.zeros);
}

// The copy-th matrix of this shape in the arena. Tables of trellises lie outside (they stay in the
// innermost cache anyway).
inline PackedMatrix CopyInArena(const Arena& arena, const Codec* codec, int64_t rows, int64_t cols,
                                int64_t copy) {
  const PartBytes size = codec->SizeOf(rows, cols);
  int64_t at = copy * ArenaBytes(codec, rows, cols);
  const auto take = [&](int64_t bytes) {
    const auto part = arena.bytes().subspan(Index(at), Index(bytes));
    at += Aligned64(bytes);
    return part;
  };
  PackedMatrix m{.codec = codec, .rows = rows, .cols = cols};
  m.codes = take(size.codes);
  m.scales = take(size.scales);
  m.zeros = take(size.zeros);
  m.table = std::as_bytes(DefaultTables(codec));
  return m;
}

// Compares rows spread over the matrix, the first and the last among them, with the definition.
inline Status Check(const PackedMatrix& m, const Activations& x, std::span<const float> y) {
  constexpr int64_t kRows = 48;
  const int64_t rows = std::min(kRows, m.rows);
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t r = rows == 1 ? 0 : i * (m.rows - 1) / (rows - 1);
    for (int64_t b = 0; b < x.batch(); b += std::max<int64_t>(1, x.batch() - 1)) {
      const Expected e = ExpectedProduct(m, r, x, b);
      const double got = y[Index(b * m.rows + r)];
      if (!(std::abs(got - e.value) <= Bound(e.magnitude, m.cols))) {
        return InternalError(fmt::format("{} {}x{} row {}: {} instead of {}", m.codec->name(),
                                         m.rows, m.cols, r, got, e.value));
      }
    }
  }
  return OkStatus();
}

// One thing that is timed: a codec at a shape, with its copies.
struct Series {
  const Codec* codec;
  ActivationType activations;
  std::vector<PackedMatrix> copies;
  int64_t bytes = 0;               // of one copy
  int calls = 0;                   // of one sample
  size_t next = 0;                 // copy
  std::vector<double> seconds;     // of one call, by round
  std::vector<double> read_bytes;  // bytes a second that a reader reached, by round
};

// One block: series of one shape, thread count and mode, whose samples are taken in turns.
struct Block {
  int64_t rows, cols, batch;
  bool streaming;
  int rounds;
  double sample_seconds;  // about this long
};

class BlockRunner {
 public:
  BlockRunner(const Block& block, const Arena& arena, int64_t ring_bytes, ThreadPool& pool)
      : block_(block),
        arena_(arena),
        ring_bytes_(ring_bytes),
        pool_(pool),
        clock_(pool.size() == 1 ? ThreadNow : Now) {
    Rng rng(2);
    const std::vector<float> rows = RandomRows(block.batch, block.cols, rng);
    for (const ActivationType type : {ActivationType::kFloat32, ActivationType::kInt8}) {
      prepared_[type].Set(rows.data(), block.batch, block.cols, block.cols, type, pool);
    }
    y_.resize(Index(block.batch * block.rows));
  }

  // Checks the product and finds out how many calls make a sample.
  Status Add(const Codec* codec, ActivationType type) {
    Series one{codec, type};
    one.bytes = codec->SizeOf(block_.rows, block_.cols).total();
    const int64_t each = ArenaBytes(codec, block_.rows, block_.cols);
    const int64_t copies = block_.streaming ? (ring_bytes_ + each - 1) / each : 1;
    for (int64_t i = 0; i < copies; ++i) {
      one.copies.push_back(CopyInArena(arena_, codec, block_.rows, block_.cols, i));
    }
    MatMul(one.copies[0], prepared_[type], y_.data(), block_.rows, pool_);
    CRUMB_RETURN_IF_ERROR(Check(one.copies[0], prepared_[type], y_));
    const double start = clock_();
    constexpr int kTrials = 3;
    for (int i = 0; i < kTrials; ++i) Call(one);
    const double one_call = (clock_() - start) / kTrials;
    one.calls = std::max(1, static_cast<int>(std::min(block_.sample_seconds / one_call, 1e6)));
    // From memory, a sample is one way round the ring where that is short enough.
    if (block_.streaming) one.calls = std::min(one.calls, static_cast<int>(copies));
    series_.push_back(std::move(one));
    return OkStatus();
  }

  void Run() {
    const std::vector<ReadLoop> loops = ReadLoops();
    loop_bytes_.resize(loops.size());
    for (int round = 0; round < block_.rounds; ++round) {
      double limit = 0;
      if (block_.streaming) limit = ReadRing(loops);
      for (size_t i = 0; i < series_.size(); ++i) {
        Series& one = series_[round % 2 == 0 ? i : series_.size() - 1 - i];
        if (!block_.streaming) limit = ReadMatrix(loops, one);
        one.read_bytes.push_back(limit);
        one.seconds.push_back(Sample(one));
      }
    }
  }

  std::span<const Series> series() const { return series_; }
  // Samples of each of ReadLoops() over the ring; streaming only.
  std::span<const std::vector<double>> loop_bytes() const { return loop_bytes_; }

 private:
  void Call(Series& one) {
    MatMul(one.copies[one.next], prepared_[one.activations], y_.data(), block_.rows, pool_);
    one.next = (one.next + 1) % one.copies.size();
  }

  double Sample(Series& one) {
    if (block_.streaming) {
      pool_.Run([](int) {});  // wakes the workers
    } else {
      Call(one);  // brings the matrix back into the cache
    }
    const double start = clock_();
    for (int i = 0; i < one.calls; ++i) Call(one);
    return (clock_() - start) / one.calls;
  }

  // The fastest loop of this round.
  double ReadRing(const std::vector<ReadLoop>& loops) {
    double best = 0;
    const auto words = arena_.words().first(Index(ring_bytes_ / 8));
    for (size_t i = 0; i < loops.size(); ++i) {
      const double rate = TimeRead(loops[i], words, 1, pool_, clock_).bytes_per_second;
      loop_bytes_[i].push_back(rate);
      best = std::max(best, rate);
    }
    return best;
  }

  // The same bytes as the product reads, again and again.
  double ReadMatrix(const std::vector<ReadLoop>& loops, const Series& one) {
    double best = 0;
    const auto words = arena_.words().first(Index(one.bytes / 8));
    // At 40 GB/s a quarter of the time of a sample.
    const double passes = block_.sample_seconds * 1e10 / static_cast<double>(one.bytes);
    for (const ReadLoop& loop : loops) {
      if (loop.in_turns) continue;
      TimeRead(loop, words, 1, pool_, clock_);
      const int times = std::max(1, static_cast<int>(passes));
      best = std::max(best, TimeRead(loop, words, times, pool_, clock_).bytes_per_second);
    }
    return best;
  }

  Block block_;
  const Arena& arena_;
  int64_t ring_bytes_;
  ThreadPool& pool_;
  double (*clock_)();
  std::map<ActivationType, Activations> prepared_;
  std::vector<float> y_;
  std::vector<Series> series_;
  std::vector<std::vector<double>> loop_bytes_;
};

}  // namespace crumb

#endif  // CRUMB_KERNELS_MATMUL_BENCH_INL_H_
