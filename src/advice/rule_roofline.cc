// The time of a token against reading all weights once: seconds >= parameters * bits / 8 /
// bandwidth.
#include <fmt/format.h>

#include <cmath>

#include "advice/rule.h"

namespace crumb {
namespace {

// A baseline this many times slower than its memory allows measures something else than its width.
constexpr double kSlowBaseline = 3;

// Another device with other bandwidth that is said to take the very same time.
const Claim* SameTimeElsewhere(const ClaimSet& set, const Claim& claim, double bandwidth) {
  return set.FindIf([&](const Claim& other) {
    if (other.quantity != claim.quantity || other.bits != claim.bits || other.device == nullptr ||
        other.device == claim.device || other.table != claim.table) {
      return false;
    }
    const double theirs = other.device->Number("bandwidth").value_or(bandwidth);
    return std::abs(other.value / claim.value - 1) < 0.01 && std::abs(theirs / bandwidth - 1) > 0.1;
  });
}

}  // namespace

void RunRooflineRule(const ClaimSet& set, Findings& findings) {
  for (const Claim& claim : set.claims()) {
    if (claim.quantity != Quantity::kSecondsPerToken || claim.bits == 0 ||
        claim.device == nullptr) {
      continue;
    }
    const double bandwidth = claim.device->Number("bandwidth").value_or(0);
    const double parameters = set.Parameters(claim);
    if (bandwidth <= 0 || parameters <= 0) continue;
    const double floor = parameters * claim.bits / 8 / bandwidth;
    const double times = claim.value / floor;
    Finding finding{&claim,
                    "roofline",
                    ClaimVerdict::kNotTestable,
                    fmt::format(">= {:.3g} ms", floor * 1e3),
                    {}};
    finding.why = {
        fmt::format(
            "{:.3g} GB of weights / {:.4g} GB/s ({}) = {:.3g} ms for a token; claimed {:.3g} ms, "
            "{:.2g} times that",
            parameters * claim.bits / 8e9, bandwidth / 1e9, claim.device->Source("bandwidth"),
            floor * 1e3, claim.value * 1e3, times),
        fmt::format("{:.3g} GB权重÷{:.4g} GB/s（{}）=每词元{:.3g} ms；声称{:.3g} ms，为其{:.2g}倍",
                    parameters * claim.bits / 8e9, bandwidth / 1e9,
                    claim.device->Source("bandwidth"), floor * 1e3, claim.value * 1e3, times)};
    const Claim* base = set.Baseline(claim.setting, Quantity::kSecondsPerToken);
    if (claim.value + claim.slack < floor) {
      finding.verdict = ClaimVerdict::kImpossible;
    } else if (base == &claim && times > kSlowBaseline) {
      finding.verdict = ClaimVerdict::kContradicted;
      finding.why.en += "; gains over such a baseline say nothing about the width";
      finding.why.zh += "；以此为基线的加速说明不了位宽的作用";
      if (const Claim* same = SameTimeElsewhere(set, claim, bandwidth)) {
        finding.why.en += fmt::format("; {} on {} is the same time at other bandwidth", same->id,
                                      same->device->name);
        finding.why.zh += fmt::format("；{}（{}）带宽不同而用时相同", same->id, same->device->name);
      }
    }
    findings.push_back(std::move(finding));
  }
}

}  // namespace crumb
