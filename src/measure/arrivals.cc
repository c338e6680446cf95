#include "measure/arrivals.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/rng.h"

namespace crumb {

std::vector<double> PoissonArrivals(double rate, int64_t count, uint64_t seed) {
  CRUMB_CHECK(rate > 0 && count >= 0);
  Rng rng(seed);
  std::vector<double> times;
  times.reserve(static_cast<size_t>(count));
  double time = 0;
  for (int64_t i = 0; i < count; ++i) {
    time += -std::log1p(-rng.Uniform()) / rate;
    times.push_back(time);
  }
  return times;
}

std::vector<int64_t> DrawLengths(int64_t mean, double spread, int64_t count, uint64_t seed) {
  CRUMB_CHECK(mean >= 1 && spread >= 0 && spread <= 1 && count >= 0);
  const auto reach = static_cast<int64_t>(std::floor(spread * static_cast<double>(mean)));
  Rng rng(seed);
  std::vector<int64_t> lengths;
  lengths.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const auto offset = static_cast<int64_t>(rng.Below(static_cast<uint64_t>(2 * reach + 1)));
    lengths.push_back(std::max<int64_t>(1, mean - reach + offset));
  }
  return lengths;
}

}  // namespace crumb
