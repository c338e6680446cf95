// Whether a series of repeated measurements says something about what was measured, or about the
// minute in which it was. Sentences, for people and for the detail of a row; never an error.
#ifndef CRUMB_MEASURE_VALIDITY_H_
#define CRUMB_MEASURE_VALIDITY_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace crumb {

// Below this a median has no interval worth its name (statistics.h).
inline constexpr size_t kLeastSamples = 5;
// perf_analyzer's rule: the last three windows, here rounds, lie within 10 % of each other.
inline constexpr size_t kStableWindows = 3;
inline constexpr double kStableRatio = 1.10;

// Largest over smallest of the last kStableWindows values; 1 when there are fewer. Values > 0.
double LastWindowsRatio(std::span<const double> values);

// Why the samples (> 0) of `name` should not be believed; empty: nothing speaks against them.
std::vector<std::string> SampleReasons(std::string_view name, std::span<const double> samples);

}  // namespace crumb

#endif  // CRUMB_MEASURE_VALIDITY_H_
