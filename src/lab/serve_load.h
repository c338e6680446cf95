// A load generator inside the process: requests on a schedule, run through a Session in batches
// (lab/serve_schedule.h), and what their latencies say (measure/latency.h). No network and no
// tokenizer: what is left is what the machine can do.
#ifndef CRUMB_LAB_SERVE_LOAD_H_
#define CRUMB_LAB_SERVE_LOAD_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "lab/serve_schedule.h"
#include "measure/arrivals.h"
#include "measure/latency.h"
#include "model/session.h"

namespace crumb {

// MLPerf's server scenario: a run lasts at least so long, and has the queries that a p99 needs.
inline constexpr double kMinDurationSeconds = 600;

// Requests of an open loop that meets both at this rate.
int64_t RequestsForVerdict(double rate, double min_duration_seconds);

struct ServeLoadOptions {
  double rate = 0;    // requests a second, open loop; or
  int64_t users = 0;  // closed loop
  int64_t requests = 100;
  int64_t prompt_tokens = 128;
  int64_t output_tokens = 32;
  double length_spread = 0;  // measure/arrivals.h, of both lengths
  uint64_t seed = kScheduleSeed;
  std::vector<int64_t> max_batches = {8};  // one run for each
  LatencyBounds bounds;                    // for the goodput
  double deadline_seconds = std::numeric_limits<double>::infinity();
  double min_duration_seconds = kMinDurationSeconds;  // shorter runs are INVALID
  ActivationType activations = ActivationType::kInt8;
  KvType kv = KvType::kFloat16;
};

// The requests of every run: the same times and lengths for the same options.
std::vector<ServeRequest> DrawRequests(const ServeLoadOptions& options);

struct ServeLoadResult {
  int64_t max_batch = 0;
  ServeRun run;
  ServeMetrics metrics;
  std::vector<std::string> reasons;  // why it is INVALID; empty: it is not
  std::vector<std::string> notes;
};

// What of a run's length speaks against it, with the numbers: "12.3 s; 600 are the least".
std::vector<std::string> LengthReasons(double seconds, int64_t requests,
                                       double min_duration_seconds);

// One run for each of max_batches, in this order, after a warm-up. kInvalidArgument: neither a rate
// above 0 nor users, both, nothing to run, or requests longer than the model's context.
Result<std::vector<ServeLoadResult>> MeasureServeLoad(
    const Model& model, ThreadPool& pool, const ServeLoadOptions& options,
    const std::function<Status(int64_t done, int64_t total)>& between);

// Index of the run with the highest goodput; -1: none is above 0. In an open loop all runs meet the
// same requests at the same times, so it is the number of good ones that counts, and of equal runs
// the smallest batch is the best: how long the last request took says nothing of the rate.
int BestBatch(const std::vector<ServeLoadResult>& results, bool open_loop);

}  // namespace crumb

#endif  // CRUMB_LAB_SERVE_LOAD_H_
