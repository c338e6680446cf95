// Two widths in one model: smaller than the higher width alone.
#include <fmt/format.h>

#include "advice/rule.h"

namespace crumb {

void RunMixtureRule(const ClaimSet& set, Findings& findings) {
  for (const Claim& claim : set.claims()) {
    if (claim.quantity != Quantity::kWeightBytes || claim.low_bits == claim.bits) continue;
    const double parameters = set.Parameters(claim);
    if (parameters <= 0) continue;
    const double high = parameters * claim.bits / 8;
    const double bits = 8 * claim.value / parameters;
    Finding finding{&claim, "mixture", ClaimVerdict::kNotTestable, "< " + MegaBytes(high), {}};
    // At the size of the higher width alone, the lower one has saved nothing.
    if (claim.value >= high * (1 - 1e-9)) finding.verdict = ClaimVerdict::kContradicted;
    finding.why = {
        fmt::format(
            "{:.4g} parameters at {:g} bits alone are {}; with a share at {:g} bits it must be "
            "less, but {} are {:.3g} bits for each parameter",
            parameters, claim.bits, MegaBytes(high), claim.low_bits, MegaBytes(claim.value), bits),
        fmt::format(
            "{:.4g}个参数全用{:g}位就是{}；其中一部分用{:g}位应当更小，而{}相当于每个参数{:.3g}位",
            parameters, claim.bits, MegaBytes(high), claim.low_bits, MegaBytes(claim.value), bits)};
    findings.push_back(std::move(finding));
  }
}

}  // namespace crumb
