// When requests come: a Poisson process, drawn before the run from a fixed seed, so that two runs
// meet the same requests at the same times.
#ifndef CRUMB_MEASURE_ARRIVALS_H_
#define CRUMB_MEASURE_ARRIVALS_H_

#include <cstdint>
#include <vector>

namespace crumb {

// Seeds that MLPerf publishes for its schedule and for the order of its samples; any would do, as
// long as it is not chosen for its result.
inline constexpr uint64_t kScheduleSeed = 16159082839903944936u;
inline constexpr uint64_t kSampleSeed = 2747215439041700203u;

// Seconds of `count` arrivals at `rate` a second (> 0, CHECK), ascending from the first gap on:
// gaps are independent and exponential, -ln(1 - u) / rate.
std::vector<double> PoissonArrivals(double rate, int64_t count, uint64_t seed);

// `count` lengths, uniform over the whole numbers of [(1 - spread) mean, (1 + spread) mean], each
// at least 1. 0 <= spread <= 1; 0: all are `mean`.
std::vector<int64_t> DrawLengths(int64_t mean, double spread, int64_t count, uint64_t seed);

}  // namespace crumb

#endif  // CRUMB_MEASURE_ARRIVALS_H_
