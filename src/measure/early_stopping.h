// How many queries a percentile of a latency needs before it may be stated: MLPerf's early stopping
// (MLCommons inference, loadgen, "early stopping"). A quantile of few samples is a guess at the one
// sample that nobody has seen yet.
//
// The claim "a share p of all queries is under the bound" is accepted with confidence c when h
// queries were under it and t over it, and as few over it would be unlikely if the share were
// smaller:
//     h = min { h : P(Binomial(h + t, 1 - p) <= t) <= 1 - c }
#ifndef CRUMB_MEASURE_EARLY_STOPPING_H_
#define CRUMB_MEASURE_EARLY_STOPPING_H_

#include <cstdint>
#include <optional>
#include <span>

namespace crumb {

inline constexpr double kEarlyStoppingConfidence = 0.99;

// h for t = `over`. 0 < percentile < 1, over >= 0, 0 < confidence < 1 (CHECK).
int64_t UnderLatencyNeeded(double percentile, int64_t over,
                           double confidence = kEarlyStoppingConfidence);

// Queries without which the percentile is not stated: room for one that is over it. 11 for the
// median, 64 for 0.90, 662 for 0.99.
int64_t QueriesNeeded(double percentile, double confidence = kEarlyStoppingConfidence);

// An upper bound of the quantile with that confidence: the t-th largest sample, with the largest t
// that the rule lets pass. Nothing when there are fewer than QueriesNeeded. `sorted` ascends.
std::optional<double> ConservativeQuantile(std::span<const double> sorted, double percentile,
                                           double confidence = kEarlyStoppingConfidence);

// ln P(Binomial(n, p) = k); 0 < p < 1.
double LogBinomial(int64_t k, int64_t n, double p);
// P(Binomial(n, p) <= k), summed term by term in logarithms; 0 < p < 1.
double BinomialAtMost(int64_t k, int64_t n, double p);

}  // namespace crumb

#endif  // CRUMB_MEASURE_EARLY_STOPPING_H_
