// Two systems on the same items, several systems at once, and what a sample could have shown.
// Plain functions of samples, any thread; formulas and sources in docs/measuring.md, section
// "Comparisons". Empty input is a fault of the caller (CHECK).
//
// "Right or wrong" items are compared by their discordant pairs: items that only one of the two got
// right. All p-values are two-sided.
#ifndef CRUMB_MEASURE_COMPARISON_H_
#define CRUMB_MEASURE_COMPARISON_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "measure/statistics.h"

namespace crumb {

// Items by who got them right; `b` is compared with `a`, the reference.
struct PairedCounts {
  int64_t both_right = 0;
  int64_t only_a = 0;  // lost by b
  int64_t only_b = 0;  // won by b
  int64_t both_wrong = 0;

  int64_t items() const { return both_right + only_a + only_b + both_wrong; }
  int64_t flips() const { return only_a + only_b; }
};
// REQUIRES: equal lengths.
PairedCounts CountPairs(const std::vector<bool>& a, const std::vector<bool>& b);

// Exact McNemar test: P of a split at least as uneven under Binomial(only_a + only_b, 1/2), both
// tails (McNemar 1947; exact form). 1 without flips.
double McNemarExact(int64_t only_a, int64_t only_b);

// Share right of b minus that of a. Interval: Bonett and Price 2012, an adjusted Wald interval
// with one item added to each discordant cell, cut to [-1, 1]. standard_error: of the plain
// difference.
Estimate PairedShareDifference(const PairedCounts& counts);

// Mean of b - a, with Student's t over the items, or over the clusters where items share something
// (`clusters` gives the cluster of each item, any integers; empty: each item is its own. Miller
// 2024, arXiv 2411.00640, eq. 4; Cochran 1977, eq. 6.13).
Estimate PairedMeanDifference(std::span<const double> a, std::span<const double> b,
                              std::span<const int64_t> clusters = {});

// Mean of x with the standard error clustered as above.
Estimate ClusteredMean(std::span<const double> x, std::span<const int64_t> clusters);

// Percentile bootstrap of the mean of `differences`, whole items drawn with replacement.
Interval BootstrapMeanInterval(std::span<const double> differences, int rounds, uint64_t seed);

// p-values adjusted for being looked at together (Holm 1979), in the order given: max over the
// smaller ones of (m - rank) p, at most 1. Controls the chance of any false finding.
std::vector<double> HolmAdjust(std::span<const double> p);

// The smallest true difference of shares that n paired items show with 80 % power at the 5 % level,
// when `flips` of them are discordant (Connor 1987): the d with
//   d sqrt(n) = z(.975) sqrt(p) + z(.8) sqrt(p - d^2),  p the share of discordant pairs,
// p taken as (flips + 2) / (n + 2) as in the interval above, and d at least 6 / n, since fewer than
// six flips can not reach 5 % however they fall. At most 1.
double DetectableShareDifference(int64_t flips, int64_t n);

// The same for a mean of paired differences with this standard error: (z(.975) + z(.8)) SE.
double DetectableMeanDifference(double standard_error);

}  // namespace crumb

#endif  // CRUMB_MEASURE_COMPARISON_H_
