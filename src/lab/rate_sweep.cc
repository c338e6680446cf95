#include "lab/rate_sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "measure/early_stopping.h"
#include "measure/latency.h"

namespace crumb {
namespace {

class Sweeper {
 public:
  Sweeper(const SweepOptions& options,
          const std::function<Result<ServeLoadResult>(double rate)>& run)
      : options_(options), run_(run) {}

  Result<Sweep> Run() {
    if (options_.rates.empty()) {
      CRUMB_RETURN_IF_ERROR(Search());
    } else {
      for (const double rate : options_.rates) CRUMB_RETURN_IF_ERROR(Measure(rate));
    }
    Bracket();
    while (sweep_.highest.has_value() && sweep_.lowest_bad.has_value() && CanRun() &&
           *sweep_.lowest_bad > (1 + options_.precision) * *sweep_.highest) {
      CRUMB_RETURN_IF_ERROR(Measure((*sweep_.highest + *sweep_.lowest_bad) / 2));
      Bracket();
    }
    for (const SweepPoint& point : sweep_.points) {
      if (point.verdict.keeps && sweep_.lowest_bad.has_value() && point.rate > *sweep_.lowest_bad) {
        sweep_.kept_above_bad.push_back(point.rate);
      }
    }
    return std::move(sweep_);
  }

 private:
  bool CanRun() const { return std::ssize(sweep_.points) < options_.most_runs; }

  Status Measure(double rate) {
    Result<ServeLoadResult> result = run_(rate);
    if (!result.ok()) return result.status().WithContext(fmt::format("rate {:g}", rate));
    SweepPoint point = {rate, *std::move(result), {}};
    point.verdict = JudgeRate(point.result);
    const auto after = std::ranges::upper_bound(sweep_.points, rate, {}, &SweepPoint::rate);
    sweep_.points.insert(after, std::move(point));
    return OkStatus();
  }

  // Doubles while the bounds are kept, halves while they are not.
  Status Search() {
    double rate = options_.first;
    CRUMB_RETURN_IF_ERROR(Measure(rate));
    const bool kept = sweep_.points.front().verdict.keeps;
    while (CanRun()) {
      rate = kept ? 2 * rate : rate / 2;
      CRUMB_RETURN_IF_ERROR(Measure(rate));
      if ((kept ? sweep_.points.back() : sweep_.points.front()).verdict.keeps != kept) break;
    }
    return OkStatus();
  }

  // The first rate that fails, and the last one below it that holds: a rate that holds above one
  // that failed was lucky.
  void Bracket() {
    sweep_.highest.reset();
    sweep_.lowest_bad.reset();
    for (const SweepPoint& point : sweep_.points) {
      if (!point.verdict.keeps) {
        sweep_.lowest_bad = point.rate;
        return;
      }
      sweep_.highest = point.rate;
    }
  }

  const SweepOptions& options_;
  const std::function<Result<ServeLoadResult>(double rate)>& run_;
  Sweep sweep_;
};

}  // namespace

SweepVerdict JudgeRate(const ServeLoadResult& result) {
  const ServeMetrics& metrics = result.metrics;
  SweepVerdict verdict;
  verdict.grows = QueueGrows(result.run.times);
  const int64_t requests = metrics.completed + metrics.failed;
  for (const double percentile : {0.99, 0.95, 0.90}) {
    if (requests < QueriesNeeded(percentile)) continue;
    verdict.percentile = percentile;
    const int64_t over = requests - metrics.good;
    verdict.keeps = !verdict.grows && metrics.good >= UnderLatencyNeeded(percentile, over);
    break;
  }
  return verdict;
}

Result<Sweep> RunSweep(const SweepOptions& options,
                       const std::function<Result<ServeLoadResult>(double rate)>& run) {
  std::vector<double> rates = options.rates;
  if (rates.empty()) rates.push_back(options.first);
  std::ranges::sort(rates);
  for (size_t i = 0; i < rates.size(); ++i) {
    if (rates[i] > 0 && std::isfinite(rates[i]) && (i == 0 || rates[i] != rates[i - 1])) continue;
    return InvalidArgument(
        fmt::format("--rates {:g}: give requests a second above 0, each once", rates[i]));
  }
  return Sweeper(options, run).Run();
}

}  // namespace crumb
