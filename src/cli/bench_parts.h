// The parts of `crumb bench`, one file each, and what they share.
#ifndef CRUMB_CLI_BENCH_PARTS_H_
#define CRUMB_CLI_BENCH_PARTS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "cli/command.h"
#include "evidence/evidence.h"
#include "lab/bench.h"
#include "lab/serve_load.h"
#include "measure/repeat.h"
#include "model/model.h"

namespace CLI {
class App;
}

namespace crumb {

struct ServeArguments {
  bool on = false;
  ServeLoadOptions load;
  std::string bounds;         // --slo
  double deadline_ms = 0;     // 0: none
  std::vector<double> rates;  // not empty: a run at each, then bisection
  bool sweep = false;         // the same from --rate on, doubling
};

struct EnergyArguments {
  bool on = false;
  std::string meter;       // file of an external meter; empty: none
  double meter_range = 0;  // joules at which its counter starts anew; 0: never
  double idle_seconds = 10;
  double work_seconds = 30;  // of each kind of work, at least
};

struct BenchArguments {
  std::vector<std::string> models;
  BenchOptions bench;
  std::string activations = "int8";
  std::string kv = "float16";
  std::string decode_to = "f16";
  int repetitions = 5;
  bool peak_only = false;
  bool memory = false;
  int64_t context = 0;           // of --memory; 0: prompt and generation
  int64_t sequences = 1;         // of --memory
  std::vector<int64_t> batches;  // not empty: the grid of batches and contexts
  std::vector<int64_t> contexts = {128, 2048};
  std::string format;  // llama-bench's; empty: our own
  std::string ledger;  // empty: no rows are kept
  ServeArguments serve;
  EnergyArguments energy;
};

struct LoadedModel {
  std::string name;  // as the user wrote it
  std::string path;
  std::unique_ptr<Model> model;
  double load_seconds = 0;
};

// Everything that a part needs of the machine and the line.
struct BenchRun {
  const BenchArguments& arguments;
  const CommonOptions& common;
  const std::vector<LoadedModel>& loaded;
  ThreadPool& pool;
};

Status RunSpeeds(const BenchRun& run);
Status RunGrid(const BenchRun& run);    // --batches
Status RunPeak(const BenchRun& run);    // --peak-only
Status RunServe(const BenchRun& run);   // --serve-load
Status RunEnergy(const BenchRun& run);  // --energy

// --memory: opens its model itself, to see what that takes.
Status RunMemory(const BenchArguments& arguments, const CommonOptions& common, ThreadPool& pool);

void AddServeOptions(CLI::App& app, ServeArguments& arguments);
void AddEnergyOptions(CLI::App& app, EnergyArguments& arguments);

// {"median", "low", "high", "samples", "reasons"}.
Json SpeedJson(const RepeatedSamples& speed);
// What is the same for all rows of a run: kernels, threads, activations, keys and values.
Json DocumentHead(const BenchRun& run);
// {"valid": ..., "reasons": [...]}.
Json ValidityJson(const std::vector<std::string>& reasons);
// Broken into lines of at most 80 columns, those behind the first indented.
void PrintWrapped(const std::string& text);
// "INVALID: reason" lines, then notes; nothing for a quiet machine.
void PrintVerdict(const Json& validity, const Json& notes);
// A base name that says which model: of the path, or of the source it came from.
std::string ModelFileName(const LoadedModel& loaded);

// Rows of evidence of one command, written together at its end.
class EvidenceRows {
 public:
  explicit EvidenceRows(const BenchRun& run) : run_(run) {}
  // A row with everything filled in but the value. `options` decide the value.
  Result<Evidence> Row(const LoadedModel& loaded, std::string_view metric, std::string_view method,
                       const Json& options);
  void Add(Evidence row) { rows_.push_back(std::move(row)); }
  // Appends to --ledger (a file, or the folder of a study); nothing without it.
  Status Write();

 private:
  const BenchRun& run_;
  std::vector<Evidence> rows_;
};

}  // namespace crumb

#endif  // CRUMB_CLI_BENCH_PARTS_H_
