// Machines saved at the same load are a gain, under the bound of gain_bound.cc.
#include <fmt/format.h>

#include <cmath>

#include "advice/rule.h"

namespace crumb {

void RunMachinesRule(const ClaimSet& set, Findings& findings) {
  for (const Claim& claim : set.claims()) {
    if (claim.quantity != Quantity::kMachines || claim.bits == 0 || claim.value <= 0) continue;
    const Claim* base = set.Baseline(claim.setting, Quantity::kMachines);
    if (base == nullptr || base->bits <= claim.bits) continue;
    // Machines that follow from requests per second are judged there, where the batch is stated.
    const Claim* rate = set.FindIf([&](const Claim& other) {
      return other.quantity == Quantity::kThroughput && other.bits == claim.bits &&
             claim.total_qps > 0 && std::ceil(claim.total_qps / other.value) == claim.value;
    });
    if (rate != nullptr) continue;
    GainBound gain = BoundOfGain(*base, claim, false);
    gain.derivation.en += ", and so many times fewer machines";
    gain.derivation.zh += "，机器数至多减为这么多分之一";
    findings.push_back(
        JudgeGain(claim, LeastRatio(*base, claim), base->value / claim.value, gain, "machines"));
  }
}

}  // namespace crumb
