// Attention of one thread, by its processor time: for each shape the least of several rounds, which
// other work on the machine can only make longer. Keys and values of several layers are taken in
// turn, as a model does, so that long contexts come from memory.
//
// usage: attention_bench [ISA] [ROUNDS]
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <vector>

#include "base/float16.h"
#include "base/rng.h"
#include "base/thread_pool.h"
#include "kernels/attention.h"
#include "kernels/kernel_set.h"

namespace crumb {
namespace {

struct Case {
  int64_t heads, kv_heads, head_dim;
  int64_t rows, total;  // the queries are the last `rows` of `total` positions
};

constexpr int64_t kLayers = 30;

// SmolLM2-135M, a model without groups, and a large one.
std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const int64_t total : {128, 2048}) {
    for (const int64_t rows : {1, 2, 4, 8, 16, 32}) cases.push_back({9, 3, 64, rows, total});
    cases.push_back({9, 3, 64, 128, total});
  }
  for (const int64_t rows : {1, 8}) {
    cases.push_back({12, 12, 64, rows, 1024});
    cases.push_back({32, 8, 128, rows, 1024});
  }
  cases.push_back({9, 3, 64, 512, 512});
  cases.push_back({9, 3, 64, 512, 2048});
  cases.push_back({12, 12, 64, 512, 512});
  cases.push_back({32, 8, 128, 512, 512});
  return cases;
}

double ProcessorSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void Measure(const Case& c, int rounds, ThreadPool& pool) {
  const auto kv_size = static_cast<size_t>(c.total * c.kv_heads * c.head_dim);
  const auto q_size = static_cast<size_t>(c.rows * c.heads * c.head_dim);
  Rng rng(1);
  std::vector<float> q(q_size), out(q_size);
  for (float& v : q) v = static_cast<float>(rng.Gaussian());
  std::vector<uint16_t> kv(2 * kv_size * kLayers);
  // One layer's numbers for all of them: drawing takes longer than what is measured.
  for (size_t i = 0; i < 2 * kv_size; ++i) {
    kv[i] = FloatToHalf(static_cast<float>(rng.Gaussian()));
  }
  for (int64_t l = 1; l < kLayers; ++l) {
    std::copy_n(kv.data(), 2 * kv_size, kv.data() + static_cast<size_t>(l) * 2 * kv_size);
  }
  const AttentionShape shape = {.heads = c.heads,
                                .kv_heads = c.kv_heads,
                                .head_dim = c.head_dim,
                                .scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim)),
                                .window = 0,
                                .causal = true};
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round <= rounds; ++round) {  // the first warms up
    const double start = ProcessorSeconds();
    for (int64_t l = 0; l < kLayers; ++l) {
      const uint16_t* keys = kv.data() + static_cast<size_t>(l) * 2 * kv_size;
      Attention(shape, q.data(),
                {keys, keys + kv_size, c.head_dim, c.total * c.head_dim, KvType::kFloat16},
                c.total - c.rows, c.rows, c.total, out.data(), pool);
    }
    if (round > 0) best = std::min(best, (ProcessorSeconds() - start) / kLayers);
  }
  // Keys that a query sees, two products of head_dim each.
  const double keys =
      static_cast<double>(c.rows) * static_cast<double>(2 * c.total - c.rows + 1) / 2;
  const double flops = 4 * keys * static_cast<double>(c.heads * c.head_dim);
  const double bytes = static_cast<double>(4 * kv_size);
  fmt::print("{:>5} {:>8} {:>8} {:>5} {:>6} {:>10.1f} {:>9.1f} {:>7.1f}\n", c.heads, c.kv_heads,
             c.head_dim, c.rows, c.total, best * 1e6, flops / best * 1e-9, bytes / best * 1e-9);
}

int Main(int argc, char** argv) {
  if (argc > 1 && !SelectKernelSet(argv[1]).ok()) {
    fmt::print(stderr, "error: no kernel set {} on this CPU\n", argv[1]);
    return 1;
  }
  const int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 10;
  ThreadPool pool(1);
  fmt::print("kernel set {}, one thread, processor time, least of {} rounds\n", ActiveKernelSet(),
             rounds);
  fmt::print("heads kv_heads head_dim  rows   keys   us/layer   GFLOP/s    GB/s\n");
  for (const Case& c : Cases()) Measure(c, rounds, pool);
  return 0;
}

}  // namespace
}  // namespace crumb

int main(int argc, char** argv) { return crumb::Main(argc, argv); }
