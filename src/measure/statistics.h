// The statistics that every number passes through. Plain functions of samples; formulas and sources
// in docs/measuring.md. Empty input is a fault of the caller (CHECK) unless said otherwise.
#ifndef CRUMB_MEASURE_STATISTICS_H_
#define CRUMB_MEASURE_STATISTICS_H_

#include <cstdint>
#include <span>
#include <vector>

namespace crumb {

struct Interval {
  double low = 0;
  double high = 0;
};

double Mean(std::span<const double> x);
// Sample variance (n - 1); 0 for n == 1.
double Variance(std::span<const double> x);
double StandardError(std::span<const double> x);  // sqrt(variance / n)
// Linear interpolation at p (n - 1), 0 <= p <= 1 (numpy's default, llama-perplexity's).
double Quantile(std::span<const double> x, double p);
double Median(std::span<const double> x);

// 95 % interval of the mean by Student's t. One sample tells nothing about spread: the interval is
// then the value itself, and whoever shows it must say that n is 1 (true of every interval in this
// file).
Interval MeanInterval(std::span<const double> x);
// 95 % interval of the median from order statistics (exact binomial). With n < 6 no pair of them
// covers 95 %: the whole range is given, which covers 1 - 2^(1-n).
Interval MedianInterval(std::span<const double> x);

// Ratio of two means over the same clusters: sum(a) / sum(b), with the delta-method standard error
// over clusters (Cochran 1977, eq. 6.13). Used for means per token with windows as clusters: a =
// sums of the windows, b = token counts.
struct Estimate {
  double value = 0;
  double standard_error = 0;
  Interval interval;  // 95 %, t with (clusters - 1) degrees of freedom
};
// The counts are not negative and their sum is positive (CHECK).
Estimate ClusterMean(std::span<const double> sums, std::span<const double> counts);

// 0.975 quantile of the normal distribution.
inline constexpr double kNormal975 = 1.959963984540054;

// 0.975 quantile of Student's t, relative error below 1e-9.
double StudentT975(int64_t degrees_of_freedom);

// 0 when either side is constant, also below.
double PearsonCorrelation(std::span<const double> x, std::span<const double> y);
// Pearson of the ranks, ties given their mean rank.
double SpearmanCorrelation(std::span<const double> x, std::span<const double> y);
// Percentile bootstrap over pairs, `rounds` resamples, fixed seed.
Interval SpearmanInterval(std::span<const double> x, std::span<const double> y, int rounds,
                          uint64_t seed);

// Wilson score interval, 95 % (Wilson 1927).
Interval WilsonInterval(int64_t successes, int64_t n);

}  // namespace crumb

#endif  // CRUMB_MEASURE_STATISTICS_H_
