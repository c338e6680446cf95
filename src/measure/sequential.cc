#include "measure/sequential.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "measure/statistics.h"

namespace crumb {

SplitCheck CheckSplit(int64_t a, int64_t b, double share_b) {
  CRUMB_CHECK(a >= 0 && b >= 0 && a + b > 0 && share_b > 0 && share_b < 1);
  const double total = static_cast<double>(a + b);
  const double off =
      static_cast<double>(b) - total * share_b;  // as much too many here as there too few
  SplitCheck check;
  check.chi_square = off * off / (total * share_b) + off * off / (total * (1 - share_b));
  check.p = std::erfc(std::sqrt(check.chi_square / 2));
  return check;
}

double ConfidenceSequenceHalfWidth(double variance, int64_t n, double alpha, int64_t tightest) {
  CRUMB_CHECK(variance >= 0 && n >= 1 && alpha > 0 && alpha < 1 && tightest >= 1);
  const double log_alpha = -2 * std::log(alpha);
  const double rho_square = (log_alpha + std::log(log_alpha + 1)) / static_cast<double>(tightest);
  const auto count = static_cast<double>(n);
  const double scaled = count * rho_square + 1;
  return std::sqrt(variance) *
         std::sqrt(2 * scaled * std::log(std::sqrt(scaled) / alpha) / (count * count * rho_square));
}

double MixtureSprtP(double difference, double variance, double prior_variance) {
  CRUMB_CHECK(variance > 0 && prior_variance > 0);
  const double sum = variance + prior_variance;
  const double log_ratio = 0.5 * std::log(variance / sum) +
                           prior_variance * difference * difference / (2 * variance * sum);
  return std::min(1.0, std::exp(-log_ratio));
}

CovariateAdjustment AdjustForCovariate(std::span<const double> y, std::span<const double> x) {
  CRUMB_CHECK(x.size() == y.size() && x.size() >= 2);
  CovariateAdjustment adjustment;
  const double variance_x = Variance(x);
  const double variance_y = Variance(y);
  if (variance_x == 0 || variance_y == 0) return adjustment;
  const double rho = PearsonCorrelation(x, y);
  adjustment.theta = rho * std::sqrt(variance_y / variance_x);
  adjustment.variance_ratio = 1 - rho * rho;
  return adjustment;
}

}  // namespace crumb
