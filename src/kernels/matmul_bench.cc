// Times every codec with every kernel set: generation (one activation row) and prompts (512 rows).
// Results are compared with the scalar set first; nothing is timed that is wrong.
//
//   all     all CPUs by the wall clock, weights from memory
//   core    one thread by its processor time, weights from memory
//   cache   the same with one matrix again and again
//   GB/s    bytes of weights read a second
//   stream  the same bytes a second as a share of a plain read of memory with the same threads
//   GFLOP/s 2 * rows * cols * batch a second
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "base/cpu_info.h"
#include "base/rng.h"
#include "codecs/codec.h"
#include "kernels/kernel_set.h"
#include "kernels/matmul.h"
#include "kernels/testing_matrices.h"

namespace crumb {
namespace {

// Copies of one matrix that together are larger than the last-level cache, as a model's layers are.
std::vector<PackedMatrix> Layers(const Codec* codec, int64_t rows, int64_t cols, int64_t bytes) {
  std::vector<PackedMatrix> layers;
  const int64_t each = codec->SizeOf(rows, cols).total();
  for (int64_t total = 0; total < bytes || layers.empty(); total += each) {
    Rng rng(1);
    layers.push_back(RandomWeights(codec, rows, cols, rng));
  }
  return layers;
}

void Verify(const PackedMatrix& m, const std::vector<float>& rows, ActivationType type,
            const std::string& set, ThreadPool& pool) {
  Activations x;
  std::vector<float> expected(static_cast<size_t>(m.rows)), got(expected.size());
  for (const auto& [name, y] :
       {std::pair{std::string("scalar"), &expected}, std::pair{set, &got}}) {
    CRUMB_CHECK(SelectKernelSet(name).ok());
    x.Set(rows.data(), 1, m.cols, m.cols, type, pool);
    MatMul(m, x, y->data(), m.rows, pool);
  }
  double worst = 0, largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    worst = std::max(worst, std::abs(double{expected[i]} - got[i]));
    largest = std::max(largest, std::abs(double{expected[i]}));
  }
  if (worst > 1e-4 * largest) fmt::print("WRONG {} {}: off by {}\n", set, m.codec->name(), worst);
  CRUMB_CHECK(worst <= 1e-4 * largest);
}

// Bytes a second of a plain read of a buffer larger than the caches.
double StreamBytesPerSecond(ThreadPool& pool) {
  static const std::vector<uint64_t> buffer(size_t{32} << 20, 1);
  double best = 0;
  for (int repeat = 0; repeat < 4; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    pool.ParallelFor(static_cast<int64_t>(buffer.size()), 4096,
                     [&](int64_t begin, int64_t end, int) {
                       uint64_t sums[16] = {};
                       for (int64_t i = begin; i < end; i += 16) {
                         for (int64_t j = 0; j < 16; ++j) {
                           sums[j] += buffer[static_cast<size_t>(i + j)];
                         }
                       }
                       benchmark::DoNotOptimize(std::accumulate(sums, sums + 16, uint64_t{0}));
                     });
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = std::max(best, static_cast<double>(buffer.size() * 8) / took.count());
  }
  return best;
}

struct Case {
  std::string set;
  const Codec* codec;
  ActivationType type;
  int64_t rows, cols, batch;
  std::string_view how;  // "all", "core", "cache"
};

void Run(benchmark::State& state, const Case& c) {
  ThreadPool pool(c.how == "all" ? UsableCpus() : 1);
  Rng rng(2);
  const std::vector<float> rows = RandomRows(c.batch, c.cols, rng);
  const bool from_memory = c.batch == 1 && c.how != "cache";
  const int64_t bytes = from_memory ? std::max(HostCpu().LastLevelCacheBytes(), int64_t{1}) * 2 : 1;
  const std::vector<PackedMatrix> layers = Layers(c.codec, c.rows, c.cols, bytes);
  Verify(layers[0], rows, c.type, c.set, pool);
  CRUMB_CHECK(SelectKernelSet(c.set).ok() && ActiveKernelSet() == c.set);
  Activations x;
  x.Set(rows.data(), c.batch, c.cols, c.cols, c.type, pool);
  std::vector<float> y(static_cast<size_t>(c.batch * c.rows));
  size_t layer = 0;
  for (auto _ : state) {
    MatMul(layers[layer], x, y.data(), c.rows, pool);
    layer = (layer + 1) % layers.size();
    benchmark::DoNotOptimize(y.data());
  }
  const auto a_call = [](double amount) {
    return benchmark::Counter(amount, benchmark::Counter::kIsIterationInvariantRate);
  };
  const auto weights = static_cast<double>(c.rows * c.cols);
  const auto stored = static_cast<double>(c.codec->SizeOf(c.rows, c.cols).total());
  if (c.batch == 1) {
    state.counters["GB/s"] = a_call(stored / 1e9);
    state.counters["Gweights/s"] = a_call(weights / 1e9);
    if (c.how == "all") state.counters["stream"] = a_call(stored / StreamBytesPerSecond(pool));
  } else {
    state.counters["GFLOP/s"] = a_call(2 * weights * static_cast<double>(c.batch) / 1e9);
  }
}

void Register(const Case& c) {
  const std::string label = fmt::format("{}/{}/{}/{}x{}/{}/{}", c.set, c.codec->name(),
                                        ActivationName(c.type), c.rows, c.cols, c.batch, c.how);
  auto* registered =
      benchmark::RegisterBenchmark(label.c_str(), [c](benchmark::State& s) { Run(s, c); });
  if (c.how == "all") registered->UseRealTime();
}

void RegisterAll() {
  constexpr int64_t kShapes[][2] = {{576, 1536}, {1536, 576}, {2048, 8192}};
  for (const std::string& set : SupportedKernelSets()) {
    for (const char* name :
         {"f32", "f16", "bf16", "int8-g64", "int4-g64", "int3-g64", "int2-g64", "int1-g64",
          "ternary-g64", "trellis1", "trellis2", "trellis3", "trellis4"}) {
      const Codec* codec = FindCodec(name);
      for (const ActivationType type : {ActivationType::kInt8, ActivationType::kFloat32}) {
        if (type == ActivationType::kInt8 && !HasInt8Kernel(codec)) continue;
        for (const auto& shape : kShapes) {
          for (const char* how : {"all", "core", "cache"}) {
            Register({set, codec, type, shape[0], shape[1], 1, how});
          }
          for (const char* how : {"all", "core"}) {
            Register({set, codec, type, shape[0], shape[1], 512, how});
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace crumb

int main(int argc, char** argv) {
  crumb::RegisterAll();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
