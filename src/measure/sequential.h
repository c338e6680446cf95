// Comparisons that are looked at while they run: intervals and p-values that stay valid however
// often one looks, whether traffic was split as meant, and a covariate that takes noise away. Plain
// functions, any thread; formulas and sources in docs/measuring.md, "Looking while it runs".
#ifndef CRUMB_MEASURE_SEQUENTIAL_H_
#define CRUMB_MEASURE_SEQUENTIAL_H_

#include <cstdint>
#include <span>

namespace crumb {

// Sample ratio mismatch: were `a` and `b` requests split as `share_b` (0 .. 1, exclusive) says?
// Pearson's chi-square with one degree of freedom. A small p means that the assignment is broken
// and nothing else of the experiment should be read.
struct SplitCheck {
  double chi_square = 0;
  double p = 1;
};
SplitCheck CheckSplit(int64_t a, int64_t b, double share_b);

// Half width of an asymptotic confidence sequence for a mean (Waudby-Smith et al. 2023, eq. 9, as
// GrowthBook uses it): with n observations of variance `variance` so far,
//   sqrt(variance) sqrt(2 (n rho^2 + 1) ln(sqrt(n rho^2 + 1) / alpha)) / (n rho),
//   rho^2 = (-2 ln alpha + ln(-2 ln alpha + 1)) / tightest,
// which is narrowest, compared with an interval for a fixed n, at `tightest` observations. Covers
// at every n at once with probability 1 - alpha, for n large enough for the central limit.
double ConfidenceSequenceHalfWidth(double variance, int64_t n, double alpha, int64_t tightest);

// Mixture sequential probability ratio test of "the difference is 0" (Robbins 1970; Johari et al.
// 2022): p at one look, 1 / L with
//   L = sqrt(V / (V + tau^2)) exp(tau^2 d^2 / (2 V (V + tau^2))),
// for an estimated difference d of variance V and a normal prior of variance tau^2. At most 1. The
// smallest p over all looks so far is a valid p-value.
double MixtureSprtP(double difference, double variance, double prior_variance);

// Controlled experiment with a covariate x that was known before (Deng et al. 2013): theta =
// cov(y, x) / var(x); y - theta (x - mean x) has the mean of y and its variance times (1 - rho^2).
struct CovariateAdjustment {
  double theta = 0;
  double variance_ratio = 1;  // 1 - rho^2
};
// REQUIRES: equal lengths, at least two. 0 and 1 where x or y is constant.
CovariateAdjustment AdjustForCovariate(std::span<const double> y, std::span<const double> x);

}  // namespace crumb

#endif  // CRUMB_MEASURE_SEQUENTIAL_H_
