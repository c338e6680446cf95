#include "measure/comparison.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/check.h"
#include "base/rng.h"

namespace crumb {
namespace {

constexpr double kNormal80 = 0.8416212335729143;

}  // namespace

PairedCounts CountPairs(const std::vector<bool>& a, const std::vector<bool>& b) {
  CRUMB_CHECK(a.size() == b.size() && !a.empty());
  PairedCounts counts;
  for (size_t i = 0; i < a.size(); ++i) {
    int64_t& cell = a[i] ? (b[i] ? counts.both_right : counts.only_a)
                         : (b[i] ? counts.only_b : counts.both_wrong);
    ++cell;
  }
  return counts;
}

double McNemarExact(int64_t only_a, int64_t only_b) {
  CRUMB_CHECK(only_a >= 0 && only_b >= 0);
  const int64_t flips = only_a + only_b;
  if (flips == 0) return 1;
  // One tail up to the smaller count; by logarithms, since 2^-flips underflows.
  const auto n = static_cast<double>(flips);
  double tail = 0;
  for (int64_t k = 0; k <= std::min(only_a, only_b); ++k) {
    const auto count = static_cast<double>(k);
    tail += std::exp(std::lgamma(n + 1) - std::lgamma(count + 1) - std::lgamma(n - count + 1) -
                     n * std::log(2.0));
  }
  return std::min(1.0, 2 * tail);
}

Estimate PairedShareDifference(const PairedCounts& counts) {
  CRUMB_CHECK(counts.items() > 0);
  const auto n = static_cast<double>(counts.items());
  const auto lost = static_cast<double>(counts.only_a);
  const auto won = static_cast<double>(counts.only_b);
  Estimate estimate;
  estimate.value = (won - lost) / n;
  estimate.standard_error =
      std::sqrt(std::max(0.0, (won + lost) / n - estimate.value * estimate.value) / n);

  const double adjusted_lost = (lost + 1) / (n + 2);
  const double adjusted_won = (won + 1) / (n + 2);
  const double center = adjusted_won - adjusted_lost;
  const double half =
      kNormal975 * std::sqrt((adjusted_won + adjusted_lost - center * center) / (n + 2));
  estimate.interval = {std::max(-1.0, center - half), std::min(1.0, center + half)};
  return estimate;
}

Estimate ClusteredMean(std::span<const double> x, std::span<const int64_t> clusters) {
  CRUMB_CHECK(!x.empty() && (clusters.empty() || clusters.size() == x.size()));
  std::map<int64_t, size_t> index;
  std::vector<double> sums;
  std::vector<double> counts;
  for (size_t i = 0; i < x.size(); ++i) {
    const int64_t cluster = clusters.empty() ? static_cast<int64_t>(i) : clusters[i];
    const auto [at, is_new] = index.emplace(cluster, sums.size());
    if (is_new) {
      sums.push_back(0);
      counts.push_back(0);
    }
    sums[at->second] += x[i];
    counts[at->second] += 1;
  }
  return ClusterMean(sums, counts);
}

Estimate PairedMeanDifference(std::span<const double> a, std::span<const double> b,
                              std::span<const int64_t> clusters) {
  CRUMB_CHECK(a.size() == b.size());
  std::vector<double> differences(a.size());
  for (size_t i = 0; i < a.size(); ++i) differences[i] = b[i] - a[i];
  return ClusteredMean(differences, clusters);
}

Interval BootstrapMeanInterval(std::span<const double> differences, int rounds, uint64_t seed) {
  CRUMB_CHECK(!differences.empty() && rounds >= 1);
  Rng rng(seed);
  std::vector<double> means(static_cast<size_t>(rounds));
  for (double& mean : means) {
    double sum = 0;
    for (size_t i = 0; i < differences.size(); ++i) {
      sum += differences[static_cast<size_t>(rng.Below(differences.size()))];
    }
    mean = sum / static_cast<double>(differences.size());
  }
  return {Quantile(means, 0.025), Quantile(means, 0.975)};
}

std::vector<double> HolmAdjust(std::span<const double> p) {
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size());
  double highest = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    highest = std::max(highest, static_cast<double>(order.size() - rank) * p[order[rank]]);
    adjusted[order[rank]] = std::min(1.0, highest);
  }
  return adjusted;
}

double DetectableShareDifference(int64_t flips, int64_t n) {
  CRUMB_CHECK(n >= 1 && flips >= 0 && flips <= n);
  const auto count = static_cast<double>(n);
  const double share = std::min(1.0, static_cast<double>(flips + 2) / (count + 2));
  // The left side grows with d and the right side falls: one crossing, found by halving.
  double low = 0;
  double high = std::sqrt(share);
  for (int step = 0; step < 60; ++step) {
    const double d = 0.5 * (low + high);
    const double needed = kNormal975 * std::sqrt(share) + kNormal80 * std::sqrt(share - d * d);
    (d * std::sqrt(count) < needed ? low : high) = d;
  }
  return std::min(1.0, std::max(high, 6 / count));
}

double DetectableMeanDifference(double standard_error) {
  return (kNormal975 + kNormal80) * standard_error;
}

}  // namespace crumb
