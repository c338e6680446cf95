// Changes, ratios and reductions that are printed beside the values they follow from.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "advice/rule.h"

namespace crumb {
namespace {

// What a change of each kind can be computed from, in the order of preference.
std::span<const Quantity> ValuesFor(Quantity change) {
  static constexpr Quantity kScores[] = {Quantity::kScore};
  static constexpr Quantity kPerplexities[] = {Quantity::kPerplexity};
  static constexpr Quantity kTimes[] = {Quantity::kSecondsPerToken, Quantity::kSeconds};
  static constexpr Quantity kAmounts[] = {Quantity::kEnergyPerToken, Quantity::kMonthlyCost,
                                          Quantity::kMachines, Quantity::kWeightBytes};
  switch (change) {
    case Quantity::kPoints:
      return kScores;
    case Quantity::kPerplexityRise:
      return kPerplexities;
    case Quantity::kSpeedup:
      return kTimes;
    case Quantity::kReduction:
      return kAmounts;
    default:
      return {};
  }
}

double Computed(Quantity quantity, double value, double base) {
  switch (quantity) {
    case Quantity::kPoints:
      return value - base;
    case Quantity::kPerplexityRise:
      return 100 * (value / base - 1);
    case Quantity::kSpeedup:
      return base / value;
    default:
      return 100 * (1 - value / base);
  }
}

// How far rounding of the two values alone may move the result.
double Spread(Quantity quantity, const Claim& value, const Claim& base) {
  const double center = Computed(quantity, value.value, base.value);
  double spread = 0;
  for (const double v : {-1., 1.}) {
    for (const double b : {-1., 1.}) {
      spread = std::max(spread, std::abs(Computed(quantity, value.value + v * value.slack,
                                                  base.value + b * base.slack) -
                                         center));
    }
  }
  return spread;
}

}  // namespace

void RunArithmeticRule(const ClaimSet& set, Findings& findings) {
  for (const Claim& claim : set.claims()) {
    if (claim.bits == 0) continue;
    for (const Quantity quantity : ValuesFor(claim.quantity)) {
      const Claim* value = set.Find(claim.setting, quantity, claim.bits);
      const Claim* base = claim.base_bits > 0 ? set.Find(claim.setting, quantity, claim.base_bits)
                                              : set.Baseline(claim.setting, quantity);
      if (value == nullptr || base == nullptr || base == value) continue;
      if (base->value == 0 || value->value == 0) continue;
      const double computed = Computed(claim.quantity, value->value, base->value);
      const bool equal = std::abs(computed - claim.value) <=
                         claim.slack + Spread(claim.quantity, *value, *base) + 1e-9;
      findings.push_back({&claim,
                          "arithmetic",
                          equal ? ClaimVerdict::kConfirmed : ClaimVerdict::kContradicted,
                          fmt::format("= {:.4g}", computed),
                          {fmt::format("from {} and {}: {:.4g}; printed {:g}", value->id, base->id,
                                       computed, claim.value),
                           fmt::format("由{}与{}算得{:.4g}；印作{:g}", value->id, base->id,
                                       computed, claim.value)}});
      break;
    }
  }
}

}  // namespace crumb
