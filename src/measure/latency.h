// What the times of the tokens of many requests add up to: the latencies and rates of a server, by
// the names of vLLM's `bench serve`. Pure arithmetic; seconds in, seconds out.
//
// Open loop: a latency counts from the time at which a request was due, whether or not somebody was
// free to take it. A request that failed has an infinite latency, in every percentile.
#ifndef CRUMB_MEASURE_LATENCY_H_
#define CRUMB_MEASURE_LATENCY_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "measure/statistics.h"

namespace crumb {

// One request, times in seconds of one monotonic clock.
struct RequestTimes {
  double scheduled = 0;        // when it was due (closed loop: when it was sent)
  double started = 0;          // when its prompt began to run
  std::vector<double> tokens;  // when each output token was there, ascending
  int64_t input_tokens = 0;
  bool failed = false;  // refused, broken or past its deadline; its tokens count for nothing

  double Ttft() const { return tokens.front() - scheduled; }
  double EndToEnd() const { return tokens.back() - scheduled; }
  // (end to end - first token) / (tokens - 1); nothing for one token.
  std::optional<double> Tpot() const;
};

inline constexpr std::array<double, 4> kPercentiles = {0.50, 0.90, 0.95, 0.99};

struct PercentileValue {
  double percentile = 0;
  // Linear interpolation at p (n - 1); nothing with fewer samples than measure/early_stopping.h
  // asks for.
  std::optional<double> value;
  std::optional<double> at_most;  // ConservativeQuantile
  Interval interval;              // 95 %, from order statistics; of `value`
  int64_t needed = 0;             // samples
};

struct LatencySummary {
  int64_t n = 0;       // with the failed ones
  int64_t failed = 0;  // infinite
  // Infinite when anything failed (standard deviation: NaN); all 0 for n = 0.
  double mean = 0;
  double standard_deviation = 0;  // of the population, as vLLM's
  double median = 0;
  double max = 0;
  std::vector<PercentileValue> percentiles;  // kPercentiles
};
LatencySummary Summarize(std::vector<double> finite, int64_t failed);

// 95 % interval of a quantile by order statistics: from the largest r with P(Bin(n, p) < r) <= 2.5
// % to the smallest s with P(Bin(n, p) >= s) <= 2.5 %; the range's end where there is none.
// `sorted` ascends and is not empty.
Interval QuantileInterval(std::span<const double> sorted, double p);

// Bounds in seconds that a request must keep to be of use.
struct LatencyBounds {
  std::optional<double> ttft;
  std::optional<double> tpot;
  std::optional<double> end_to_end;
  bool any() const { return ttft || tpot || end_to_end; }
  bool Keeps(const RequestTimes& request) const;  // never for a failed one
};
// "ttft:200,tpot:50,e2el:2000", in milliseconds, each at most once. kInvalidArgument says what is
// wrong.
Result<LatencyBounds> ParseLatencyBounds(std::string_view text);

struct ServeMetrics {
  double duration = 0;  // from time 0 of the schedule to the last token
  int64_t completed = 0;
  int64_t good = 0;  // completed within the bounds
  int64_t failed = 0;
  int64_t total_input_tokens = 0;  // of completed requests, as all below
  int64_t total_output_tokens = 0;
  double request_throughput = 0;  // a second
  double output_throughput = 0;   // tokens a second
  double total_token_throughput = 0;
  double request_goodput = 0;  // good ones a second
  // Sum of the latencies over the duration: the mean number of requests in the system (Little).
  double concurrency = 0;
  int64_t max_concurrent_requests = 0;  // due and not done
  LatencySummary ttft;
  LatencySummary tpot;  // of requests with two tokens or more
  LatencySummary itl;   // gaps between tokens, all requests pooled; a failed one is one gap
  LatencySummary e2el;
  LatencySummary queue;  // scheduled to started
};
ServeMetrics ComputeServeMetrics(std::span<const RequestTimes> requests,
                                 const LatencyBounds& bounds);

// Latency that more than doubles from the first to the second half is a queue that grows for as
// long as one looks.
bool QueueGrows(std::span<const RequestTimes> requests);

// Why the latencies of a run should not be believed; empty: nothing speaks against them. Whether it
// was long enough is the caller's question. Open loop: a queue that grows. Closed loop: the rates
// of the last three windows of 50 requests must be within 10 % (measure/validity.h).
std::vector<std::string> ServeReasons(std::span<const RequestTimes> requests, bool open_loop);

// Counts by size, for plots: bucket i holds [growth^i, growth^(i + 1)) seconds. The middle of a
// bucket is within 1 % of every value in it. Values > 0.
inline constexpr double kHistogramGrowth = 1.02;
std::map<int, int64_t> LatencyHistogram(std::span<const double> values);
double HistogramMiddle(int bucket);

}  // namespace crumb

#endif  // CRUMB_MEASURE_LATENCY_H_
