#include "measure/early_stopping.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace crumb {
double LogBinomial(int64_t k, int64_t n, double p) {
  const auto count = static_cast<double>(n);
  const auto hits = static_cast<double>(k);
  return std::lgamma(count + 1) - std::lgamma(hits + 1) - std::lgamma(count - hits + 1) +
         hits * std::log(p) + (count - hits) * std::log1p(-p);
}

double BinomialAtMost(int64_t k, int64_t n, double p) {
  CRUMB_CHECK(n >= 0 && p > 0 && p < 1);
  double sum = 0;
  for (int64_t i = 0; i <= std::min(k, n); ++i) sum += std::exp(LogBinomial(i, n, p));
  return std::min(sum, 1.0);
}

int64_t UnderLatencyNeeded(double percentile, int64_t over, double confidence) {
  CRUMB_CHECK(percentile > 0 && percentile < 1 && over >= 0 && confidence > 0 && confidence < 1);
  const auto enough = [&](int64_t under) {
    return BinomialAtMost(over, under + over, 1 - percentile) <= 1 - confidence;
  };
  int64_t high = 1;
  while (!enough(high)) high *= 2;
  int64_t low = 0;  // never enough: P(Binomial(t, .) <= t) is 1
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (enough(middle) ? high : low) = middle;
  }
  return high;
}

int64_t QueriesNeeded(double percentile, double confidence) {
  return UnderLatencyNeeded(percentile, 1, confidence) + 1;
}

std::optional<double> ConservativeQuantile(std::span<const double> sorted, double percentile,
                                           double confidence) {
  const int64_t n = std::ssize(sorted);
  double sum = 0;
  int64_t over = -1;  // the largest t with P(Binomial(n, 1 - p) <= t) <= 1 - c
  while (over + 1 < n) {
    sum += std::exp(LogBinomial(over + 1, n, 1 - percentile));
    if (sum > 1 - confidence) break;
    ++over;
  }
  if (over < 1) return std::nullopt;
  return sorted[static_cast<size_t>(n - over)];
}

}  // namespace crumb
