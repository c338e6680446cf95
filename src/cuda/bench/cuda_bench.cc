// make bench-cuda: products of every codec on the GPU against what the GPU reads and against cuBLAS
// with float16 weights, in the same run. Nothing is timed that is wrong.
//
// Every figure is a median over rounds; a ratio is the median of the ratios within a round, so that
// a slow spell hits both sides. "bytes" are those the kernel reads of the weights, repacked and
// padded; a result is marked where 256 copies do not exceed four times the L2 cache.
//
// Exit code: 0; 1 where a product is wrong or CUDA failed; 77 where there is no GPU.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "codecs/codec.h"
#include "cuda/bench/device_timing.h"
#include "cuda/cuda_matmul.h"
#include "cuda/testing_product.h"
#include "kernels/testing_matrices.h"
#include "measure/statistics.h"

namespace crumb {
namespace {

constexpr const char* kCodecs[] = {"f16",      "int8-g64",    "int4-g64", "int3-g64",
                                   "int2-g64", "ternary-g64", "int1-g64", "trellis4",
                                   "trellis3", "trellis2",    "trellis1"};
// Far above any L2 cache.
constexpr int64_t kReadBytes = int64_t{1} << 30;
// Rows that are compared with float64; more take the CPU long and show no more.
constexpr int64_t kCheckedRows = 200;
constexpr int kNoDevice = 77;

struct Options {
  std::vector<std::string> shapes = {"576x1536", "1536x576", "2048x8192", "4096x14336",
                                     "8192x28672"};
  std::vector<std::string> only;
  std::vector<int64_t> batches = {1, 2, 4, 8};
  std::string activations = "int8";
  int rounds = 11;
  bool json = false;
};

struct Shape {
  int64_t rows, cols;
};

Result<Shape> ParseShape(const std::string& text) {
  long long rows = 0, cols = 0;
  if (std::sscanf(text.c_str(), "%lldx%lld", &rows, &cols) != 2 || rows < 1 || cols < 1) {
    return InvalidArgument("shape \"" + text + "\": give ROWSxCOLS");
  }
  return Shape{rows, cols};
}

bool Named(const std::vector<std::string>& words, const std::string& name) {
  return words.empty() || std::ranges::any_of(words, [&](const std::string& word) {
           return name.find(word) != std::string::npos;
         });
}

// What one product is measured on.
struct Case {
  const Codec* codec;
  Shape shape;
  PackedMatrix w;
  Activations x;
  LaneFloats floats;
};

// The first and the last rows of the product against float64.
Status Check(const Case& c) {
  CRUMB_ASSIGN_OR_RETURN(const CudaMatrix w, CudaMatrix::Upload(c.w));
  CRUMB_ASSIGN_OR_RETURN(const CudaRows x, CudaRows::Upload(c.x, c.floats));
  std::vector<float> y(Index(c.x.batch() * c.shape.rows));
  CRUMB_RETURN_IF_ERROR(CudaMatMul(w, x, y.data(), c.shape.rows));
  const bool codes = c.x.int8() && c.codec != Float16Codec();
  const ExpectedProducts expected(c.w, c.x, codes, c.floats);
  for (int64_t r = 0; r < c.shape.rows; ++r) {
    if (r >= kCheckedRows / 2 && r < c.shape.rows - kCheckedRows / 2) continue;
    const std::vector<ExpectedProduct> row = expected.Row(r);
    for (int64_t b = 0; b < c.x.batch(); ++b) {
      const double value = double{y[Index(b * c.shape.rows + r)]};
      const ExpectedProduct& e = row[Index(b)];
      if (std::abs(value - e.value) <= e.bound) continue;
      return NumericsError(std::string(c.codec->name()) + ": row " + std::to_string(r) +
                           " of batch row " + std::to_string(b) + " is " + std::to_string(value) +
                           ", not " + std::to_string(e.value));
    }
  }
  return OkStatus();
}

// Medians of one case and its peers over the rounds.
Result<Json> Measure(const Case& c, DeviceWork& read, DeviceWork& cublas, int64_t l2_bytes,
                     int rounds) {
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<DeviceWork> work,
                         MakeProductWork(c.w, c.x, c.floats, l2_bytes));
  std::vector<double> seconds, of_read, of_cublas, bandwidth, peer;
  for (int round = -1; round < rounds; ++round) {  // the first one warms up
    CRUMB_ASSIGN_OR_RETURN(const double reading, read.Run());
    CRUMB_ASSIGN_OR_RETURN(const double ours, work->Run());
    CRUMB_ASSIGN_OR_RETURN(const double theirs, cublas.Run());
    if (round < 0) continue;
    seconds.push_back(ours);
    peer.push_back(theirs);
    bandwidth.push_back(static_cast<double>(read.bytes()) / reading);
    of_read.push_back(static_cast<double>(work->bytes()) / ours / bandwidth.back());
    of_cublas.push_back(theirs / ours);
  }
  Json row = Json::object();
  row["codec"] = c.codec->name();
  row["rows"] = c.shape.rows;
  row["cols"] = c.shape.cols;
  row["batch"] = c.x.batch();
  row["activations"] = c.x.int8() && c.codec != Float16Codec() ? "int8" : "float";
  row["bytes"] = work->bytes();
  row["streams"] = work->streams();
  row["seconds"] = Median(seconds);
  row["seconds_q1"] = Quantile(seconds, 0.25);
  row["seconds_q3"] = Quantile(seconds, 0.75);
  row["bytes_per_second"] = static_cast<double>(work->bytes()) / Median(seconds);
  row["read_bytes_per_second"] = Median(bandwidth);
  row["ratio_to_read"] = Median(of_read);
  row["cublas_f16_seconds"] = Median(peer);
  row["speed_to_cublas_f16"] = Median(of_cublas);
  return row;
}

void PrintRow(const Json& row) {
  std::printf(
      "%-12s %5lld x %-6lld %3lld %9.2f %9.1f %9.3f %11.2f %s\n",
      row["codec"].get<std::string>().c_str(), static_cast<long long>(row["rows"].get<int64_t>()),
      static_cast<long long>(row["cols"].get<int64_t>()),
      static_cast<long long>(row["batch"].get<int64_t>()), 1e6 * row["seconds"].get<double>(),
      1e-9 * row["bytes_per_second"].get<double>(), row["ratio_to_read"].get<double>(),
      row["speed_to_cublas_f16"].get<double>(), row["streams"].get<bool>() ? "" : "in L2");
  std::fflush(stdout);
}

Result<Json> MeasureShape(const Shape& shape, int64_t batch, const Options& options,
                          const CudaDevice& device, DeviceWork& read) {
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<DeviceWork> cublas,
                         MakeCublasWork(shape.rows, shape.cols, batch, device.l2_bytes));
  Rng rng(static_cast<uint64_t>(shape.rows + batch));
  ThreadPool pool(1);
  const std::vector<float> floats = RandomRows(batch, shape.cols, rng);
  Json rows = Json::array();
  for (const char* name : kCodecs) {
    if (!Named(options.only, name)) continue;
    Case c{.codec = FindCodec(name), .shape = shape};
    c.floats = options.activations == "float16" ? LaneFloats::kFloat16 : LaneFloats::kSplit;
    // Float weights are compared with cuBLAS at its own kind of activations.
    if (c.codec == Float16Codec()) c.floats = LaneFloats::kFloat16;
    c.w = RandomWeights(c.codec, shape.rows, shape.cols, rng);
    c.x.Set(floats.data(), batch, shape.cols, shape.cols,
            options.activations == "int8" ? ActivationType::kInt8 : ActivationType::kFloat32, pool);
    CRUMB_RETURN_IF_ERROR(Check(c));
    CRUMB_ASSIGN_OR_RETURN(Json row, Measure(c, read, *cublas, device.l2_bytes, options.rounds));
    if (!options.json) PrintRow(row);
    rows.push_back(std::move(row));
  }
  return rows;
}

Status Run(const Options& options) {
  CRUMB_ASSIGN_OR_RETURN(const CudaDevice device, FindCudaDevice());
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<DeviceWork> read,
                         MakeReadWork(kReadBytes, device.l2_bytes));
  if (!options.json) {
    std::printf("%s, L2 %.1f MiB, %s activations\n", DescribeCudaDevice().c_str(),
                static_cast<double>(device.l2_bytes) / (1 << 20), options.activations.c_str());
    std::printf("%-12s %5s   %-6s %3s %9s %9s %9s %11s\n", "codec", "rows", "cols", "b", "us",
                "GB/s", "of read", "x cuBLAS16");
  }
  Json rows = Json::array();
  for (const std::string& text : options.shapes) {
    CRUMB_ASSIGN_OR_RETURN(const Shape shape, ParseShape(text));
    for (const int64_t batch : options.batches) {
      CRUMB_ASSIGN_OR_RETURN(const Json more, MeasureShape(shape, batch, options, device, *read));
      rows.insert(rows.end(), more.begin(), more.end());
    }
  }
  if (!options.json) {
    if (!rows.empty()) {
      std::printf("read bandwidth %.1f GB/s (%lld MiB added up)\n",
                  1e-9 * rows.back()["read_bytes_per_second"].get<double>(),
                  static_cast<long long>(kReadBytes >> 20));
    }
    return OkStatus();
  }
  Json document = Json::object();
  document["device"] = device.name;
  document["compute_capability"] =
      std::to_string(device.major) + "." + std::to_string(device.minor);
  document["multiprocessors"] = device.multiprocessors;
  document["l2_bytes"] = device.l2_bytes;
  document["rounds"] = options.rounds;
  document["rows"] = std::move(rows);
  std::printf("%s\n", DumpJson(document, 1).c_str());
  return OkStatus();
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Products on a CUDA GPU beside its read bandwidth and cuBLAS");
  app.add_option("--shape", options.shapes, "ROWSxCOLS, several")->delimiter(',');
  app.add_option("--batch", options.batches, "rows of activations, several")
      ->delimiter(',')
      ->check(CLI::Range(1, 64));
  app.add_option("--only", options.only, "parts of names of codecs")->delimiter(',');
  app.add_option("--activations", options.activations, "int8, float16, or float32 split in two")
      ->check(CLI::IsMember({"int8", "float16", "float32"}));
  app.add_option("--rounds", options.rounds, "timed rounds")->check(CLI::Range(3, 1000));
  app.add_flag("--json", options.json, "one JSON document instead of a table");
  CLI11_PARSE(app, argc, argv);
  if (const Result<CudaDevice> device = FindCudaDevice(); !device.ok()) {
    std::printf("skipped: %s\n", device.status().message().c_str());
    return kNoDevice;
  }
  const Status status = Run(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.message().c_str());
  return 1;
}

}  // namespace
}  // namespace crumb

int main(int argc, char** argv) { return crumb::Main(argc, argv); }
