// What the two parts of crumb bench --serve-load share: runs at one rate (bench_serve.cc) and at
// several (bench_sweep.cc).
#ifndef CRUMB_CLI_BENCH_SERVE_H_
#define CRUMB_CLI_BENCH_SERVE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "cli/bench_parts.h"
#include "lab/progress.h"
#include "lab/serve_load.h"

namespace crumb {

// The options of the line, with bounds and deadline read. kInvalidArgument: bounds of no such form.
Result<ServeLoadOptions> ServeOptionsOf(const BenchRun& run);

// What decides the figures of a run, for documents and rows.
Json ServeOptionsJson(const BenchRun& run, const ServeLoadOptions& load);
// All figures of one run, vLLM's keys, with every request.
Json ServeResultJson(const ServeLoadResult& result);

// A row for each rate and for the median of each latency.
Status AddServeRows(const BenchRun& run, const ServeLoadOptions& load,
                    const std::vector<ServeLoadResult>& results, EvidenceRows& rows);

// Tells of every request of one run; `prefix` stands before "request 3 of 100". Keeps `clock`,
// which must outlive it.
std::function<Status(int64_t done, int64_t total)> RequestProgress(WorkClock& clock,
                                                                   std::string prefix);

// --rates or --sweep.
Status RunServeSweep(const BenchRun& run);

}  // namespace crumb

#endif  // CRUMB_CLI_BENCH_SERVE_H_
