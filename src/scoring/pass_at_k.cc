#include "scoring/pass_at_k.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace crumb {

double PassAtK(int64_t samples, int64_t passed, int64_t k) {
  CRUMB_CHECK(passed >= 0 && passed <= samples && k >= 1 && k <= samples);
  const int64_t failed = samples - passed;
  if (failed < k) return 1;
  // C(failed, k) / C(samples, k) as a product of k factors below 1: no factorial overflows.
  double none = 1;
  for (int64_t i = 0; i < k; ++i) {
    none *= static_cast<double>(failed - i) / static_cast<double>(samples - i);
  }
  return 1 - none;
}

Scorer PassAtKScorer(int64_t k) {
  CRUMB_CHECK(k >= 1);
  return MeanScorer(
      fmt::format("pass@{}", k), fmt::format("unbiased|k:{}", k),
      [k](const ScoringItem& item) -> Result<double> {
        if (!item.verdicts.has_value()) return Corrupt("has no \"verdicts\"");
        const auto samples = static_cast<int64_t>(item.verdicts->size());
        if (samples < k) {
          return Corrupt(fmt::format("has {} verdicts; pass@{} needs at least {}", samples, k, k));
        }
        return PassAtK(samples, std::ranges::count(*item.verdicts, true), k);
      });
}

}  // namespace crumb
