// make bench-kernels: products of every codec against what the same threads can read in the same
// run. Nothing is timed that is wrong.
//
//   in cache   one matrix again and again; the limit is a loop that only adds up the same bytes
//   streaming  copies of the matrix that together exceed four times the last-level cache; the limit
//              is a loop that only adds up as many bytes of the same memory
// The limit is the fastest of several loops (measure/read_loops.h) in the same round. Every figure
// is a median over rounds; a ratio is the median of the ratios within a round, so that a slow spell
// of the machine hits both sides. One thread is timed by its processor time, which is what the
// clock on the wall shows on a quiet machine; several threads by the clock on the wall.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/cpu_info.h"
#include "base/json.h"
#include "codecs/tiled_codec.h"
#include "kernels/kernel_set.h"
#include "kernels/matmul_bench-inl.h"
#include "measure/repeat.h"
#include "measure/statistics.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <CLI/CLI.hpp>

namespace crumb {
namespace {

struct Options {
  std::vector<std::string> only;
  std::vector<std::string> activations = {"int8", "float32"};
  std::vector<std::string> shapes = {"576x1536", "1536x576", "2048x8192", "4096x14336"};
  std::vector<std::string> modes = {"cache", "streaming"};
  std::vector<int> threads;
  std::string isa;
  int64_t batch = 1;
  int rounds = 11;
  bool pin = false;
  bool as_stored = false;
  bool quick = false;
  bool json = false;
};

constexpr const char* kCodecs[] = {"f16",      "bf16",     "int8-g64", "int4-g64",
                                   "int3-g64", "int2-g64", "int1-g64", "ternary-g64",
                                   "trellis4", "trellis3", "trellis2", "trellis1"};

struct LastLevelCache {
  int64_t bytes = 0;
  std::string how;
};

#if defined(__x86_64__)
bool UnderHypervisor() {
  uint32_t a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && ((c >> 31) & 1u) != 0;
}

// Deterministic cache parameters: Intel SDM volume 2A leaf 4, AMD APM volume 3 leaf 8000001D. The
// size is (ways + 1) (partitions + 1) (line + 1) (sets + 1).
int64_t CacheBytesByCpuid() {
  int64_t largest = 0;
  for (const uint32_t leaf : {4u, 0x8000001du}) {
    for (uint32_t index = 0; index < 8; ++index) {
      uint32_t a = 0, b = 0, c = 0, d = 0;
      if (__get_cpuid_count(leaf, index, &a, &b, &c, &d) == 0 || (a & 31u) == 0) break;
      largest = std::max(largest, (int64_t{b >> 22} + 1) * (int64_t{(b >> 12) & 1023u} + 1) *
                                      (int64_t{b & 4095u} + 1) * (int64_t{c} + 1));
    }
  }
  return largest;
}
#else
bool UnderHypervisor() { return false; }
int64_t CacheBytesByCpuid() { return 0; }
#endif

LastLevelCache FindLastLevelCache() {
  LastLevelCache cache{DescribeMachine().last_level_cache_bytes, "told by sysfs"};
  if (cache.bytes == 0) cache = {CacheBytesByCpuid(), "told by cpuid"};
  if (cache.bytes == 0) cache = {int64_t{64} << 20, "not told; assumed"};
  if (UnderHypervisor()) {
    cache.how +=
        "; a hypervisor is there, so the host's cache may be larger and shared with others";
  }
  return cache;
}

// Whether a word of --only or the like is part of the name; an empty list names all.
bool Named(const std::vector<std::string>& words, std::string_view name) {
  return words.empty() || std::ranges::any_of(words, [&](const std::string& word) {
           return name.find(word) != std::string_view::npos;
         });
}

Json Spread(const std::vector<double>& x) {
  Json json = Json::object();
  json["median"] = Median(x);
  json["q1"] = Quantile(x, 0.25);
  json["q3"] = Quantile(x, 0.75);
  return json;
}

template <typename F>
Json SpreadOf(size_t n, const F& value) {
  std::vector<double> x;
  for (size_t i = 0; i < n; ++i) x.push_back(value(i));
  return Spread(x);
}

Json Row(const Series& one, const Series& half, const Block& block) {
  const size_t n = one.seconds.size();
  const auto bytes = static_cast<double>(one.bytes);
  const auto weights = static_cast<double>(block.rows * block.cols);
  Json row = Json::object();
  row["codec"] = one.codec->name();
  row["activations"] = ActivationName(one.activations);
  row["bytes"] = one.bytes;
  row["copies"] = one.copies.size();
  row["calls_of_a_sample"] = one.calls;
  row["samples"] = n;
  row["kernel_set"] = ActiveKernelSet();
  row["seconds"] = Spread(one.seconds);
  row["bytes_per_second"] = bytes / Median(one.seconds);
  row["weights_per_second"] = weights / Median(one.seconds);
  row["flops"] = 2 * weights * static_cast<double>(block.batch) / Median(one.seconds);
  row["limit_bytes_per_second"] = Median(one.read_bytes);
  row["of_limit"] =
      SpreadOf(n, [&](size_t i) { return bytes / one.seconds[i] / one.read_bytes[i]; });
  row["times_f16"] = SpreadOf(n, [&](size_t i) { return half.seconds[i] / one.seconds[i]; });
  return row;
}

// "0.83 [0.80, 0.85]"
std::string Cell(const Json& spread) {
  return fmt::format("{:.2f} [{:.2f}, {:.2f}]", spread["median"].get<double>(),
                     spread["q1"].get<double>(), spread["q3"].get<double>());
}

void PrintRows(const Json& block) {
  const bool batched = block["batch"].get<int64_t>() > 1;
  for (const Json& row : block["rows"]) {
    const auto number = [&](const char* key) { return row[key].get<double>(); };
    fmt::print("| {}x{} | {} | {} | {} | {:.2f} | {:.1f} | {:.1f} | {:.1f} | {} | {} |{}\n",
               block["matrix_rows"].get<int64_t>(), block["matrix_cols"].get<int64_t>(),
               row["codec"].get<std::string>(), row["activations"].get<std::string>(),
               row["kernel_set"].get<std::string>(), number("bytes") / (1 << 20),
               number("limit_bytes_per_second") / 1e9, number("bytes_per_second") / 1e9,
               number("weights_per_second") / 1e9, Cell(row["of_limit"]), Cell(row["times_f16"]),
               batched ? fmt::format(" {:.0f} |", number("flops") / 1e9) : "");
  }
  std::fflush(stdout);
}

void PrintHead(const std::string& mode, int threads, int64_t batch) {
  fmt::print("\n{}, {} by the {}, {} row{} of activations\n\n", mode,
             threads == 1 ? "1 thread" : fmt::format("{} threads", threads),
             threads == 1 ? "processor's time" : "clock on the wall", batch, batch == 1 ? "" : "s");
  const char* more = batch > 1 ? " GFLOP/s |" : "";
  fmt::print(
      "| shape | codec | activations | kernels | MiB | read GB/s | GB/s | Gweights/s | of the read "
      "| times f16 |{}\n|{}{}\n",
      more, " --- | --- | --- | --- | ---: | ---: | ---: | ---: | --- | --- |",
      batch > 1 ? " ---: |" : "");
}

// One row a codec, one column a shape: the share of the read bandwidth.
void PrintSummary(const Json& document) {
  std::map<std::pair<std::string, int>, std::vector<const Json*>> groups;
  for (const Json& block : document["blocks"]) {
    groups[{block["mode"].get<std::string>(), block["threads"].get<int>()}].push_back(&block);
  }
  for (const auto& [group, blocks] : groups) {
    fmt::print("\nShare of the read, {}, {} thread{}\n\n| codec | activations |", group.first,
               group.second, group.second == 1 ? "" : "s");
    for (const Json* block : blocks) {
      fmt::print(" {}x{} |", (*block)["matrix_rows"].get<int64_t>(),
                 (*block)["matrix_cols"].get<int64_t>());
    }
    fmt::print("\n| --- | --- |");
    for (size_t i = 0; i < blocks.size(); ++i) fmt::print(" ---: |");
    fmt::print("\n");
    for (size_t r = 0; r < (*blocks[0])["rows"].size(); ++r) {
      const Json& first = (*blocks[0])["rows"][r];
      fmt::print("| {} | {} |", first["codec"].get<std::string>(),
                 first["activations"].get<std::string>());
      for (const Json* block : blocks) {
        fmt::print(" {:.2f} |", (*block)["rows"][r]["of_limit"]["median"].get<double>());
      }
      fmt::print("\n");
    }
  }
}

// What a reader has to know of the machine, and whether the cache is what it says it is.
Json Machine(const LastLevelCache& cache, const Arena& arena, ThreadPool& pool) {
  Json json = Json::object();
  const MachineInfo machine = DescribeMachine();
  json["cpu"] = machine.cpu_model;
  json["cpu_id"] = machine.cpu_id;
  json["usable_cpus"] = machine.usable_cpus;
  json["features"] = machine.features;
  json["kernel_set"] = ActiveKernelSet();
  json["kernel_set_reason"] = KernelSetReason();
  json["last_level_cache_bytes"] = cache.bytes;
  json["last_level_cache_source"] = cache.how;
  Json reads = Json::object();
  for (const double times : {0.25, 0.5, 1.0, 2.0, 4.0, 8.0}) {
    const auto bytes = static_cast<size_t>(times * static_cast<double>(cache.bytes));
    if (bytes > arena.bytes().size()) continue;
    double best = 0;
    for (const ReadLoop& loop : ReadLoops()) {
      for (int i = 0; i < 3; ++i) {
        const auto read =
            TimeRead(loop, arena.words().first(bytes / 8), times < 4 ? 2 : 1, pool, ThreadNow);
        best = std::max(best, read.bytes_per_second);
      }
    }
    reads[fmt::format("{:g}", times)] = best;
  }
  json["read_bytes_per_second_by_cache_sizes"] = reads;
  return json;
}

void PrintMachine(const Json& machine) {
  fmt::print("CPU: {} ({}), {} usable CPUs\n", machine["cpu"].get<std::string>(),
             machine["cpu_id"].get<std::string>(), machine["usable_cpus"].get<int>());
  fmt::print("Kernels: {} ({})\n", machine["kernel_set"].get<std::string>(),
             machine["kernel_set_reason"].get<std::string>());
  fmt::print("Last-level cache: {} MiB, {}\n",
             machine["last_level_cache_bytes"].get<int64_t>() >> 20,
             machine["last_level_cache_source"].get<std::string>());
  fmt::print("One thread reads, by times that size:");
  for (const auto& [times, rate] : machine["read_bytes_per_second_by_cache_sizes"].items()) {
    fmt::print(" {} {:.1f} GB/s,", times, rate.get<double>() / 1e9);
  }
  fmt::print(" at best\n");
}

struct Shape {
  int64_t rows = 0;
  int64_t cols = 0;
};

Result<std::vector<Shape>> ParseShapes(const std::vector<std::string>& names) {
  std::vector<Shape> shapes;
  for (const std::string& name : names) {
    Shape shape;
    char* end = nullptr;
    shape.rows = std::strtoll(name.c_str(), &end, 10);
    if (*end == 'x') shape.cols = std::strtoll(end + 1, &end, 10);
    if (*end != '\0' || shape.rows < 1 || shape.cols < 1) {
      return InvalidArgument(fmt::format("shape \"{}\": not ROWSxCOLS", name));
    }
    shapes.push_back(shape);
  }
  return shapes;
}

Result<Json> RunBlock(const Options& options, const Block& block, const Arena& arena,
                      int64_t ring_bytes, ThreadPool& pool) {
  BlockRunner runner(block, arena, ring_bytes, pool);
  for (const char* name : kCodecs) {
    const Codec* codec = FindCodec(name);
    // As commands that run a model hold it.
    const TiledCodec* faster = options.as_stored ? nullptr : FasterForm(codec, block.cols);
    if (faster != nullptr) codec = faster;
    const bool is_half = codec == Float16Codec();
    for (const ActivationType type : {ActivationType::kInt8, ActivationType::kFloat32}) {
      if (type == ActivationType::kInt8 && !HasInt8Kernel(codec)) continue;
      // float16 is what the others are compared with; plain floats have no other activations.
      const bool wanted =
          Named(options.only, name) &&
          (!HasInt8Kernel(codec) || std::ranges::find(options.activations, ActivationName(type)) !=
                                        options.activations.end());
      if (wanted || is_half) CRUMB_RETURN_IF_ERROR(runner.Add(codec, type));
    }
  }
  runner.Run();
  Json json = Json::object();
  json["mode"] = block.streaming ? "streaming" : "in cache";
  json["threads"] = pool.size();
  json["matrix_rows"] = block.rows;
  json["matrix_cols"] = block.cols;
  json["batch"] = block.batch;
  if (block.streaming) {
    Json loops = Json::object();
    for (size_t i = 0; i < ReadLoops().size(); ++i) {
      loops[std::string(ReadLoops()[i].name)] = Spread(runner.loop_bytes()[i]);
    }
    json["read_bytes_per_second"] = loops;
  }
  json["rows"] = Json::array();
  for (const Series& one : runner.series()) {
    json["rows"].push_back(Row(one, runner.series()[0], block));
  }
  return json;
}

Status Run(const Options& options) {
  if (!options.isa.empty()) CRUMB_RETURN_IF_ERROR(SelectKernelSet(options.isa));
  CRUMB_ASSIGN_OR_RETURN(const std::vector<Shape> shapes, ParseShapes(options.shapes));
  const LastLevelCache cache = FindLastLevelCache();
  const int64_t ring_bytes = Aligned64(4 * cache.bytes);
  int64_t largest = 4 * cache.bytes;  // read at eight times the cache, too
  for (const Shape& shape : shapes) {
    largest = std::max(largest, ArenaBytes(Float16Codec(), shape.rows, shape.cols));
  }
  const Arena arena(ring_bytes + largest);
  if (!arena.ok()) return Unsupported("no memory for four times the last-level cache");
  Json document = Json::object();
  {
    ThreadPool pool(1, options.pin);
    document["machine"] = Machine(cache, arena, pool);
  }
  if (!options.json) PrintMachine(document["machine"]);
  const BusyWatch watch;
  document["blocks"] = Json::array();
  for (const char* mode : {"cache", "streaming"}) {
    if (!Named(options.modes, mode)) continue;
    for (const int threads : options.threads) {
      ThreadPool pool(threads, options.pin);
      if (!options.json) PrintHead(mode, threads, options.batch);
      for (const Shape& shape : shapes) {
        const bool streaming = std::string_view(mode) == "streaming";
        const Block block{shape.rows, shape.cols,     options.batch,
                          streaming,  options.rounds, streaming ? 0.04 : 0.002};
        CRUMB_ASSIGN_OR_RETURN(Json json, RunBlock(options, block, arena, ring_bytes, pool));
        if (!options.json) PrintRows(json);
        document["blocks"].push_back(std::move(json));
      }
    }
  }
  document["notes"] = watch.Notes();
  if (options.json) {
    fmt::print("{}\n", DumpJson(document));
    return OkStatus();
  }
  PrintSummary(document);
  for (const Json& block : document["blocks"]) {
    if (!block.contains("read_bytes_per_second")) continue;
    fmt::print("\nRead loops beside {}x{}, {} thread(s):", block["matrix_rows"].get<int64_t>(),
               block["matrix_cols"].get<int64_t>(), block["threads"].get<int>());
    for (const auto& [name, spread] : block["read_bytes_per_second"].items()) {
      fmt::print(" {} {:.1f} GB/s;", name, spread["median"].get<double>() / 1e9);
    }
  }
  fmt::print("\n");
  for (const Json& note : document["notes"]) fmt::print("note: {}\n", note.get<std::string>());
  return OkStatus();
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Times products of every codec against what the same threads can read.");
  app.add_option("--only", options.only, "codecs whose names hold one of these (f16 always runs)")
      ->delimiter(',');
  app.add_option("--activations", options.activations, "int8, float32")->delimiter(',');
  app.add_option("--shapes", options.shapes, "ROWSxCOLS,...")->delimiter(',');
  app.add_option("--modes", options.modes, "cache, streaming")->delimiter(',');
  app.add_option("--threads", options.threads, "thread counts (default: 1 and all)")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024));
  app.add_option("--isa", options.isa, "force a kernel set");
  app.add_option("--batch", options.batch, "rows of activations")->check(CLI::Range(1, 4096));
  app.add_option("--rounds", options.rounds, "samples of each case")->check(CLI::Range(1, 1000));
  app.add_flag("--as-stored", options.as_stored, "codes in the order of files");
  app.add_flag("--pin", options.pin, "tie each thread to a CPU");
  app.add_flag("--quick", options.quick, "5 rounds, two shapes");
  app.add_flag("--json", options.json, "one JSON document");
  CLI11_PARSE(app, argc, argv);
  if (options.quick) {
    if (app.count("--rounds") == 0) options.rounds = 5;
    if (app.count("--shapes") == 0) options.shapes = {"1536x576", "2048x8192"};
  }
  if (options.threads.empty()) {
    options.threads = {1};
    if (UsableCpus() > 1) options.threads.push_back(UsableCpus());
  }
  const Status status = Run(options);
  if (!status.ok()) fmt::print(stderr, "error: {}\n", status.message());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace crumb

int main(int argc, char** argv) { return crumb::Main(argc, argv); }
