// How much a server can take: the same load at several rates, and the highest rate at which the
// latencies keep their bounds, by bisection between the last rate that did and the first that did
// not.
#ifndef CRUMB_LAB_RATE_SWEEP_H_
#define CRUMB_LAB_RATE_SWEEP_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/status.h"
#include "lab/serve_load.h"

namespace crumb {

struct SweepOptions {
  std::vector<double> rates;  // requests a second, above 0; empty: doubled or halved from `first`
  double first = 1;
  double precision = 0.05;  // the bisection ends when bad <= (1 + precision) * good
  int most_runs = 16;
};

// Whether a run keeps the bounds: by MLPerf's early stopping, the share of requests that are within
// all bounds is at least `percentile` with 99 % confidence, and the queue does not grow. The
// percentile is the highest of 0.99, 0.95 and 0.90 that so many requests can show.
struct SweepVerdict {
  double percentile = 0;  // 0: too few requests for any
  bool keeps = false;
  bool grows = false;
};
SweepVerdict JudgeRate(const ServeLoadResult& result);

struct SweepPoint {
  double rate = 0;
  ServeLoadResult result;
  SweepVerdict verdict;
};

struct Sweep {
  std::vector<SweepPoint> points;      // ascending
  std::optional<double> highest;       // the highest rate that keeps the bounds
  std::optional<double> lowest_bad;    // the lowest above it that does not
  std::vector<double> kept_above_bad;  // rates that kept them above one that did not: noise
};

// Runs every rate, the bisection behind. kInvalidArgument: a rate that is not above 0, or that
// stands there twice.
Result<Sweep> RunSweep(const SweepOptions& options,
                       const std::function<Result<ServeLoadResult>(double rate)>& run);

}  // namespace crumb

#endif  // CRUMB_LAB_RATE_SWEEP_H_
