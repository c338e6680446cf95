#include "measure/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "base/rng.h"

namespace crumb {
namespace {

std::vector<double> Sorted(std::span<const double> x) {
  std::vector<double> sorted(x.begin(), x.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

double QuantileOfSorted(std::span<const double> sorted, double p) {
  const double position = p * static_cast<double>(sorted.size() - 1);
  const auto below = std::min(static_cast<size_t>(position), sorted.size() - 1);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const double part = position - static_cast<double>(below);
  return sorted[below] + part * (sorted[above] - sorted[below]);
}

// 1-based ranks; equal values get the mean of the ranks they take together.
std::vector<double> Ranks(std::span<const double> x) {
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return x[a] < x[b]; });
  std::vector<double> ranks(x.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin + 1;
    while (end < order.size() && x[order[end]] == x[order[begin]]) ++end;
    const double mean_rank = 0.5 * static_cast<double>(begin + 1 + end);
    for (size_t i = begin; i < end; ++i) ranks[order[i]] = mean_rank;
    begin = end;
  }
  return ranks;
}

}  // namespace

double Mean(std::span<const double> x) {
  CRUMB_CHECK(!x.empty());
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double Variance(std::span<const double> x) {
  const double mean = Mean(x);
  if (x.size() == 1) return 0;
  double sum = 0;
  for (const double value : x) sum += (value - mean) * (value - mean);
  return sum / static_cast<double>(x.size() - 1);
}

double StandardError(std::span<const double> x) {
  return std::sqrt(Variance(x) / static_cast<double>(x.size()));
}

double Quantile(std::span<const double> x, double p) {
  CRUMB_CHECK(!x.empty() && p >= 0 && p <= 1);
  return QuantileOfSorted(Sorted(x), p);
}

double Median(std::span<const double> x) { return Quantile(x, 0.5); }

Interval MeanInterval(std::span<const double> x) {
  const double mean = Mean(x);
  if (x.size() == 1) return {mean, mean};
  const double half = StudentT975(static_cast<int64_t>(x.size()) - 1) * StandardError(x);
  return {mean - half, mean + half};
}

Interval MedianInterval(std::span<const double> x) {
  CRUMB_CHECK(!x.empty());
  const std::vector<double> sorted = Sorted(x);
  // The interval from the r-th smallest to the r-th largest misses the median with probability
  // 2 P(Binomial(n, 1/2) < r): the largest r that keeps this within 5 %.
  const auto n = static_cast<double>(sorted.size());
  double log_probability = -n * std::log(2.0);  // of Binomial = r; it would underflow itself
  double below = std::exp(log_probability);     // P(Binomial <= r)
  size_t r = 0;
  while (below <= 0.025 && 2 * (r + 1) < sorted.size()) {
    ++r;
    log_probability += std::log((n - static_cast<double>(r) + 1) / static_cast<double>(r));
    below += std::exp(log_probability);
  }
  const size_t first = r == 0 ? 0 : r - 1;
  return {sorted[first], sorted[sorted.size() - 1 - first]};
}

Estimate ClusterMean(std::span<const double> sums, std::span<const double> counts) {
  CRUMB_CHECK(!sums.empty() && sums.size() == counts.size());
  for (const double count : counts) CRUMB_CHECK(count >= 0);
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  CRUMB_CHECK(total > 0);
  Estimate estimate;
  estimate.value = std::accumulate(sums.begin(), sums.end(), 0.0) / total;
  estimate.interval = {estimate.value, estimate.value};
  if (sums.size() == 1) return estimate;
  double squares = 0;
  for (size_t i = 0; i < sums.size(); ++i) {
    const double residual = sums[i] - estimate.value * counts[i];
    squares += residual * residual;
  }
  const auto clusters = static_cast<double>(sums.size());
  estimate.standard_error = std::sqrt(clusters / (clusters - 1) * squares) / total;
  const double half = StudentT975(static_cast<int64_t>(sums.size()) - 1) * estimate.standard_error;
  estimate.interval = {estimate.value - half, estimate.value + half};
  return estimate;
}

double PearsonCorrelation(std::span<const double> x, std::span<const double> y) {
  CRUMB_CHECK(!x.empty() && x.size() == y.size());
  const double mean_x = Mean(x);
  const double mean_y = Mean(y);
  double xx = 0;
  double yy = 0;
  double xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  if (xx == 0 || yy == 0) return 0;
  return std::clamp(xy / (std::sqrt(xx) * std::sqrt(yy)), -1.0, 1.0);
}

double SpearmanCorrelation(std::span<const double> x, std::span<const double> y) {
  CRUMB_CHECK(x.size() == y.size());
  return PearsonCorrelation(Ranks(x), Ranks(y));
}

Interval SpearmanInterval(std::span<const double> x, std::span<const double> y, int rounds,
                          uint64_t seed) {
  CRUMB_CHECK(!x.empty() && x.size() == y.size() && rounds >= 1);
  Rng rng(seed);
  std::vector<double> sample_x(x.size());
  std::vector<double> sample_y(x.size());
  std::vector<double> correlations;
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < x.size(); ++i) {
      const auto pick = static_cast<size_t>(rng.Below(x.size()));
      sample_x[i] = x[pick];
      sample_y[i] = y[pick];
    }
    correlations.push_back(SpearmanCorrelation(sample_x, sample_y));
  }
  std::sort(correlations.begin(), correlations.end());
  return {QuantileOfSorted(correlations, 0.025), QuantileOfSorted(correlations, 0.975)};
}

Interval WilsonInterval(int64_t successes, int64_t n) {
  CRUMB_CHECK(n >= 1 && successes >= 0 && successes <= n);
  const auto count = static_cast<double>(n);
  const double share = static_cast<double>(successes) / count;
  const double z2 = kNormal975 * kNormal975;
  const double center = (share + z2 / (2 * count)) / (1 + z2 / count);
  const double half = kNormal975 / (1 + z2 / count) *
                      std::sqrt(share * (1 - share) / count + z2 / (4 * count * count));
  return {std::max(0.0, center - half), std::min(1.0, center + half)};
}

}  // namespace crumb
