#include "measure/latency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/rng.h"

namespace crumb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Powers of two, so that every sum and difference is exact.
std::vector<RequestTimes> TwoRequests() {
  return {{.scheduled = 0, .started = 0, .tokens = {0.5, 0.75, 1.25}, .input_tokens = 10},
          {.scheduled = 0.25, .started = 0.5, .tokens = {1.0, 2.0}, .input_tokens = 6}};
}

TEST(Latency, TimesAreWhatVllmCallsThem) {
  const std::vector<RequestTimes> requests = TwoRequests();
  EXPECT_EQ(requests[0].Ttft(), 0.5);
  EXPECT_EQ(requests[0].EndToEnd(), 1.25);
  EXPECT_EQ(requests[0].Tpot(), 0.375);  // (1.25 - 0.5) / 2
  EXPECT_EQ(requests[1].Ttft(), 0.75);   // from when it was due, not from when it began
  EXPECT_EQ((RequestTimes{.tokens = {1.0}}).Tpot(), std::nullopt);
}

TEST(Latency, RatesAndSummariesAreExact) {
  const ServeMetrics metrics = ComputeServeMetrics(TwoRequests(), {});
  EXPECT_EQ(metrics.duration, 2.0);
  EXPECT_EQ(metrics.completed, 2);
  EXPECT_EQ(metrics.total_input_tokens, 16);
  EXPECT_EQ(metrics.total_output_tokens, 5);
  EXPECT_EQ(metrics.request_throughput, 1.0);
  EXPECT_EQ(metrics.output_throughput, 2.5);
  EXPECT_EQ(metrics.total_token_throughput, 10.5);
  EXPECT_EQ(metrics.request_goodput, 1.0);  // without bounds all are good
  EXPECT_EQ(metrics.concurrency, (1.25 + 1.75) / 2);
  EXPECT_EQ(metrics.max_concurrent_requests, 2);
  EXPECT_EQ(metrics.ttft.mean, 0.625);
  EXPECT_EQ(metrics.ttft.standard_deviation, 0.125);  // of the population
  EXPECT_EQ(metrics.itl.n, 3);                        // gaps 0.25, 0.5, 1
  EXPECT_EQ(metrics.itl.median, 0.5);
  EXPECT_EQ(metrics.e2el.max, 1.75);
  EXPECT_EQ(metrics.queue.max, 0.25);
}

TEST(Latency, GoodputCountsOnlyWhatKeepsEveryBound) {
  const Result<LatencyBounds> bounds = ParseLatencyBounds("ttft:800,tpot:500");
  ASSERT_TRUE(bounds.ok());
  // The second keeps its first token (750 ms), but not the time of each (1000 ms).
  EXPECT_EQ(ComputeServeMetrics(TwoRequests(), *bounds).request_goodput, 0.5);
  EXPECT_EQ(ComputeServeMetrics(TwoRequests(), {.end_to_end = 1.0}).request_goodput, 0);
  EXPECT_EQ(ComputeServeMetrics(TwoRequests(), {.end_to_end = 1.75}).request_goodput, 1.0);
}

TEST(Latency, BoundsThatCanNotBeMeantAreRefused) {
  for (const char* text : {"", "ttft", "ttft:", "ttft:x", "ttft:-5", "ttft:0", "p99:3", "ttft:1,",
                           "ttft:1,ttft:2", "ttft:1 ", "ttft:inf", "ttft:nan"}) {
    const Result<LatencyBounds> bounds = ParseLatencyBounds(text);
    ASSERT_FALSE(bounds.ok()) << text;
    EXPECT_EQ(bounds.status().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(bounds.status().message(), HasSubstr("--slo"));
  }
}

TEST(Latency, AFailedRequestIsInfinitelyLate) {
  std::vector<RequestTimes> requests = TwoRequests();
  requests.push_back({.scheduled = 0.5, .tokens = {0.6}, .failed = true});
  const ServeMetrics metrics = ComputeServeMetrics(requests, {});
  EXPECT_EQ(metrics.failed, 1);
  EXPECT_EQ(metrics.completed, 2);
  EXPECT_TRUE(std::isinf(metrics.ttft.mean));
  EXPECT_TRUE(std::isinf(metrics.e2el.max));
  EXPECT_EQ(metrics.e2el.median, 1.75);  // of 1.25, 1.75 and infinity
  EXPECT_EQ(metrics.e2el.n, 3);
  EXPECT_EQ(metrics.request_goodput, 1.0);
}

std::vector<double> Count(size_t n) {
  std::vector<double> values(n);
  std::iota(values.begin(), values.end(), 1);
  return values;
}

TEST(Latency, PercentilesWaitForAsManySamplesAsTheyNeed) {
  const LatencySummary few = Summarize(Count(63), 0);
  EXPECT_EQ(few.percentiles[0].value, 32);  // the median needs 11
  EXPECT_FALSE(few.percentiles[1].value.has_value());
  EXPECT_EQ(few.percentiles[1].needed, 64);
  const LatencySummary more = Summarize(Count(661), 0);
  EXPECT_TRUE(more.percentiles[1].value.has_value());
  EXPECT_FALSE(more.percentiles[3].value.has_value());
  const LatencySummary enough = Summarize(Count(662), 0);
  EXPECT_DOUBLE_EQ(enough.percentiles[3].value.value(), 1 + 0.99 * 661);  // numpy's
  EXPECT_EQ(enough.percentiles[3].at_most, 662);
}

TEST(Latency, OneFailureOf662LeavesTheP99AndTwentyDoNot) {
  EXPECT_TRUE(std::isfinite(Summarize(Count(661), 1).percentiles[3].value.value()));
  EXPECT_TRUE(std::isinf(Summarize(Count(642), 20).percentiles[3].value.value()));
}

TEST(Latency, TheIntervalOfAMedianIsThatOfTheMedianInterval) {
  for (const size_t n : {7u, 20u, 101u}) {
    const std::vector<double> values = Count(n);
    const Interval expected = MedianInterval(values);
    const Interval interval = QuantileInterval(values, 0.5);
    EXPECT_EQ(interval.low, expected.low) << n;
    EXPECT_EQ(interval.high, expected.high) << n;
  }
}

// The interval is exact or wider: 95 % of 2000 runs less three standard errors (0.5 points).
TEST(Latency, TheIntervalOfAPercentileCoversIt) {
  Rng rng(3);
  int covered = 0;
  constexpr int kRuns = 2000;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> values(150);
    for (double& value : values) value = rng.Uniform();
    std::ranges::sort(values);
    const Interval interval = QuantileInterval(values, 0.9);
    covered += interval.low <= 0.9 && 0.9 <= interval.high ? 1 : 0;
  }
  EXPECT_GE(covered, static_cast<int>(0.935 * kRuns));
}

TEST(Latency, AHistogramIsWithinOnePercent) {
  Rng rng(5);
  for (int i = 0; i < 1000; ++i) {
    const double value = std::exp(10 * rng.Uniform() - 8);
    const auto counts = LatencyHistogram(std::vector<double>{value});
    ASSERT_EQ(counts.size(), 1u);
    EXPECT_NEAR(HistogramMiddle(counts.begin()->first) / value, 1, 0.01);
  }
}

// Requests that come every second and take as long as `latency` says.
std::vector<RequestTimes> Requests(size_t count, double (*latency)(size_t)) {
  std::vector<RequestTimes> requests;
  for (size_t i = 0; i < count; ++i) {
    const auto due = static_cast<double>(i);
    requests.push_back({.scheduled = due, .started = due, .tokens = {due + latency(i)}});
  }
  return requests;
}

TEST(ServeReasons, AQueueThatGrowsIsNoSteadyState) {
  EXPECT_THAT(ServeReasons(Requests(100, [](size_t) { return 0.5; }), true), IsEmpty());
  EXPECT_THAT(
      ServeReasons(Requests(100, [](size_t i) { return 1 + static_cast<double>(i); }), true),
      ElementsAre(HasSubstr("grew from 25500 ms in the first half to 75500 ms")));
}

TEST(ServeReasons, AClosedLoopMustBeSteadyAtItsEnd) {
  EXPECT_THAT(ServeReasons(Requests(200, [](size_t) { return 0.5; }), false), IsEmpty());
  const auto slower = Requests(
      200, [](size_t i) { return i < 150 ? 0.5 : 0.5 + 0.2 * static_cast<double>(i - 149); });
  EXPECT_THAT(ServeReasons(slower, false), ElementsAre(HasSubstr("windows of 50 requests differ")));
}

}  // namespace
}  // namespace crumb
