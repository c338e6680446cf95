// Memory saved at a width, beside float16 or float32: 1 - bits / 16 or 1 - bits / 32.
#include <fmt/format.h>

#include <cmath>

#include "advice/rule.h"

namespace crumb {

void RunReductionRule(const ClaimSet& set, Findings& findings) {
  for (const Claim& claim : set.claims()) {
    if (claim.quantity != Quantity::kMemoryReduction || claim.bits == 0) continue;
    const double from32 = 100 * (1 - claim.bits / 32);
    const double from16 = 100 * (1 - claim.bits / 16);
    const double slack = claim.slack + 0.1;
    const bool is32 = std::abs(claim.value - from32) <= slack;
    const bool is16 = std::abs(claim.value - from16) <= slack;
    findings.push_back(
        {&claim,
         "reduction",
         is32 || is16 ? ClaimVerdict::kConfirmed : ClaimVerdict::kContradicted,
         fmt::format("{:.4g}% or {:.4g}%", from16, from32),
         {fmt::format(
              "{} takes {:.4g} % less than FP16 and {:.4g} % less than FP32; claimed {:g} %",
              WidthName(claim.bits), from16, from32, claim.value),
          fmt::format("{}比FP16少{:.4g}%，比FP32少{:.4g}%；声称{:g}%", WidthName(claim.bits),
                      from16, from32, claim.value)}});
  }
}

}  // namespace crumb
