// Times against the bound of gain_bound.cc; a printed speed-up too.
#include <fmt/format.h>

#include <cmath>

#include "advice/rule.h"

namespace crumb {

void RunSpeedupRule(const ClaimSet& set, Findings& findings) {
  for (const Claim& claim : set.claims()) {
    if (claim.bits == 0) continue;
    if (claim.quantity == Quantity::kSeconds || claim.quantity == Quantity::kSecondsPerToken) {
      const Claim* base = set.Baseline(claim.setting, claim.quantity);
      if (base == nullptr || base->bits <= claim.bits || claim.value <= 0) continue;
      const bool one = claim.quantity == Quantity::kSecondsPerToken;
      findings.push_back(JudgeGain(claim, LeastRatio(*base, claim), base->value / claim.value,
                                   BoundOfGain(*base, claim, one), "speed-up"));
    } else if (claim.quantity == Quantity::kSpeedup && claim.base_bits > claim.bits) {
      Claim base = claim;
      base.bits = claim.base_bits;
      const bool one = set.Find(claim.setting, Quantity::kSecondsPerToken) != nullptr;
      const GainBound gain = BoundOfGain(base, claim, one);
      findings.push_back(
          JudgeGain(claim, claim.value - claim.slack, claim.value, gain, "speed-up"));
      // A gain that is called theoretical and is the ratio of bytes is right as a bound.
      const bool measured = set.Find(claim.setting, Quantity::kSeconds) != nullptr || one;
      if (!measured && std::abs(claim.value - gain.bytes) < 1e-9) {
        findings.back().verdict = ClaimVerdict::kConfirmed;
      }
    }
  }
}

}  // namespace crumb
