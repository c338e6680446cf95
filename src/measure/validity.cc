#include "measure/validity.h"

#include <fmt/format.h>

#include <algorithm>

namespace crumb {

double LastWindowsRatio(std::span<const double> values) {
  if (values.size() < kStableWindows) return 1;
  const auto ends = std::ranges::minmax(values.last(kStableWindows));
  return ends.max / ends.min;
}

std::vector<std::string> SampleReasons(std::string_view name, std::span<const double> samples) {
  std::vector<std::string> reasons;
  if (samples.size() < kLeastSamples) {
    reasons.push_back(
        fmt::format("{}: {} repetitions; {} are the least", name, samples.size(), kLeastSamples));
  }
  const double ratio = LastWindowsRatio(samples);
  if (ratio > kStableRatio) {
    reasons.push_back(fmt::format("{}: the last {} rounds differ by {:.0f} % (at most {:.0f} %)",
                                  name, kStableWindows, 100 * (ratio - 1),
                                  100 * (kStableRatio - 1)));
  }
  return reasons;
}

}  // namespace crumb
