#include "measure/latency.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "measure/early_stopping.h"
#include "measure/validity.h"

namespace crumb {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr size_t kWindowRequests = 50;  // of perf_analyzer's stability rule
constexpr double kGrowingLatency = 2;

// Quantile of values of which the last may be infinite: 0 times infinity is no number.
double QuantileOf(std::span<const double> sorted, double p) {
  const double place = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const double share = place - static_cast<double>(below);
  if (share == 0) return sorted[below];
  if (std::isinf(sorted[below + 1])) return kInfinity;
  return sorted[below] + share * (sorted[below + 1] - sorted[below]);
}

// Requests that are due and not done, at most.
int64_t MostAtOnce(std::span<const RequestTimes> requests) {
  std::vector<std::pair<double, int>> changes;
  for (const RequestTimes& request : requests) {
    if (request.failed) continue;
    changes.emplace_back(request.scheduled, 1);
    changes.emplace_back(request.tokens.back(), -1);  // sorts before a start at the same time
  }
  std::ranges::sort(changes);
  int64_t now = 0;
  int64_t most = 0;
  for (const auto& [time, change] : changes) {
    now += change;
    most = std::max(most, now);
  }
  return most;
}

double MeanEndToEnd(std::span<const RequestTimes> requests) {
  double sum = 0;
  int64_t count = 0;
  for (const RequestTimes& request : requests) {
    if (request.failed) continue;
    sum += request.EndToEnd();
    ++count;
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

}  // namespace

std::optional<double> RequestTimes::Tpot() const {
  if (tokens.size() < 2) return std::nullopt;
  return (tokens.back() - tokens.front()) / static_cast<double>(tokens.size() - 1);
}

Interval QuantileInterval(std::span<const double> sorted, double p) {
  const int64_t n = std::ssize(sorted);
  constexpr double kTail = 0.025;
  // Order statistics are counted from 1: P(x_(r) > quantile) = P(Bin(n, p) < r).
  int64_t low = 0;
  double below = std::exp(LogBinomial(0, n, p));
  while (low < n && below <= kTail) below += std::exp(LogBinomial(++low, n, p));
  int64_t high = n + 1;
  double above = std::exp(LogBinomial(n, n, p));
  while (high > 1 && above <= kTail) above += std::exp(LogBinomial(--high - 1, n, p));
  const auto at = [&](int64_t rank) {
    return sorted[static_cast<size_t>(std::clamp<int64_t>(rank, 1, n) - 1)];
  };
  return {at(low), at(high)};
}

LatencySummary Summarize(std::vector<double> values, int64_t failed) {
  LatencySummary summary;
  summary.n = std::ssize(values) + failed;
  summary.failed = failed;
  if (summary.n == 0) return summary;
  values.insert(values.end(), static_cast<size_t>(failed), kInfinity);
  std::ranges::sort(values);
  summary.mean = Mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - summary.mean) * (value - summary.mean);
  summary.standard_deviation = std::sqrt(squares / static_cast<double>(summary.n));
  summary.median = QuantileOf(values, 0.5);
  summary.max = values.back();
  for (const double p : kPercentiles) {
    PercentileValue percentile;
    percentile.percentile = p;
    percentile.needed = QueriesNeeded(p);
    if (summary.n >= percentile.needed) {
      percentile.value = QuantileOf(values, p);
      percentile.interval = QuantileInterval(values, p);
      percentile.at_most = ConservativeQuantile(values, p);
    }
    summary.percentiles.push_back(percentile);
  }
  return summary;
}

bool LatencyBounds::Keeps(const RequestTimes& request) const {
  if (request.failed) return false;
  if (ttft && request.Ttft() > *ttft) return false;
  if (tpot && request.Tpot().value_or(0) > *tpot) return false;
  return !end_to_end || request.EndToEnd() <= *end_to_end;
}

Result<LatencyBounds> ParseLatencyBounds(std::string_view text) {
  LatencyBounds bounds;
  const auto wrong = [](std::string_view part) {
    return InvalidArgument(
        fmt::format("--slo: \"{}\" is no bound; write ttft:MS, tpot:MS or e2el:MS, for example "
                    "ttft:200,tpot:50",
                    part));
  };
  while (true) {
    const std::string_view part = text.substr(0, text.find(','));
    const size_t colon = part.find(':');
    if (colon == std::string_view::npos) return wrong(part);
    const std::string_view name = part.substr(0, colon);
    std::optional<double>* bound = name == "ttft"   ? &bounds.ttft
                                   : name == "tpot" ? &bounds.tpot
                                   : name == "e2el" ? &bounds.end_to_end
                                                    : nullptr;
    double value = 0;
    const std::string_view number = part.substr(colon + 1);
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), value);
    const bool whole = parsed.ec == std::errc() && parsed.ptr == number.data() + number.size();
    if (bound == nullptr || bound->has_value() || !whole || !std::isfinite(value) || value <= 0) {
      return wrong(part);
    }
    *bound = value * 1e-3;
    if (part.size() == text.size()) return bounds;
    text.remove_prefix(part.size() + 1);
  }
}

ServeMetrics ComputeServeMetrics(std::span<const RequestTimes> requests,
                                 const LatencyBounds& bounds) {
  ServeMetrics metrics;
  std::vector<double> ttft, tpot, itl, e2el, queue;
  double latencies = 0;
  for (const RequestTimes& request : requests) {
    if (request.failed) {
      ++metrics.failed;
      continue;
    }
    ++metrics.completed;
    metrics.total_input_tokens += request.input_tokens;
    metrics.total_output_tokens += std::ssize(request.tokens);
    metrics.duration = std::max(metrics.duration, request.tokens.back());
    latencies += request.EndToEnd();
    ttft.push_back(request.Ttft());
    e2el.push_back(request.EndToEnd());
    queue.push_back(request.started - request.scheduled);
    if (const auto per_token = request.Tpot()) tpot.push_back(*per_token);
    for (size_t i = 1; i < request.tokens.size(); ++i) {
      itl.push_back(request.tokens[i] - request.tokens[i - 1]);
    }
    metrics.good += bounds.Keeps(request) ? 1 : 0;
  }
  if (metrics.duration > 0) {
    metrics.request_throughput = static_cast<double>(metrics.completed) / metrics.duration;
    metrics.output_throughput = static_cast<double>(metrics.total_output_tokens) / metrics.duration;
    metrics.total_token_throughput =
        metrics.output_throughput +
        static_cast<double>(metrics.total_input_tokens) / metrics.duration;
    metrics.request_goodput = static_cast<double>(metrics.good) / metrics.duration;
    metrics.concurrency = latencies / metrics.duration;
  }
  metrics.max_concurrent_requests = MostAtOnce(requests);
  metrics.ttft = Summarize(std::move(ttft), metrics.failed);
  metrics.tpot = Summarize(std::move(tpot), metrics.failed);
  metrics.itl = Summarize(std::move(itl), metrics.failed);
  metrics.e2el = Summarize(std::move(e2el), metrics.failed);
  metrics.queue = Summarize(std::move(queue), metrics.failed);
  return metrics;
}

bool QueueGrows(std::span<const RequestTimes> requests) {
  const size_t half = requests.size() / 2;
  return half > 0 && MeanEndToEnd(requests.subspan(half)) >
                         kGrowingLatency * MeanEndToEnd(requests.first(half));
}

std::vector<std::string> ServeReasons(std::span<const RequestTimes> requests, bool open_loop) {
  std::vector<std::string> reasons;
  if (open_loop) {
    if (QueueGrows(requests)) {
      const size_t half = requests.size() / 2;
      reasons.push_back(fmt::format(
          "the mean latency grew from {:.0f} ms in the first half to {:.0f} ms in the second: more "
          "comes than is served, and latencies are as long as the run",
          1e3 * MeanEndToEnd(requests.first(half)), 1e3 * MeanEndToEnd(requests.subspan(half))));
    }
    return reasons;
  }
  if (requests.size() < kStableWindows * kWindowRequests) return reasons;
  std::vector<double> ends;
  for (const RequestTimes& request : requests) {
    if (!request.failed) ends.push_back(request.tokens.back());
  }
  std::ranges::sort(ends);
  std::vector<double> seconds;  // of each window of 50, the last windows only
  for (size_t w = 0; w < kStableWindows && ends.size() > (w + 1) * kWindowRequests; ++w) {
    const size_t last = ends.size() - 1 - w * kWindowRequests;
    seconds.push_back(ends[last] - ends[last - kWindowRequests]);
  }
  const double ratio = LastWindowsRatio(seconds);
  if (ratio > kStableRatio) {
    reasons.push_back(
        fmt::format("the rates of the last {} windows of {} requests differ by "
                    "{:.0f} % (at most {:.0f} %)",
                    kStableWindows, kWindowRequests, 100 * (ratio - 1), 100 * (kStableRatio - 1)));
  }
  return reasons;
}

std::map<int, int64_t> LatencyHistogram(std::span<const double> values) {
  std::map<int, int64_t> counts;
  for (const double value : values) {
    ++counts[static_cast<int>(std::floor(std::log(value) / std::log(kHistogramGrowth)))];
  }
  return counts;
}

double HistogramMiddle(int bucket) { return std::pow(kHistogramGrowth, bucket + 0.5); }

}  // namespace crumb
