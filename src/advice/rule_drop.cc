// A score can not fall below chance: loss <= base - chance.
#include <fmt/format.h>

#include <cmath>

#include "advice/rule.h"

namespace crumb {
namespace {

struct Base {
  double score = 0;
  std::string source;
};

// The highest base score that can be meant: that of the setting itself, or else the best published
// one of the models for which the table gives any quality. Empty source: none is known.
Base HighestBase(const ClaimSet& set, const Claim& claim) {
  const Claim* own = claim.base_bits > 0
                         ? set.Find(claim.setting, Quantity::kScore, claim.base_bits)
                         : set.Baseline(claim.setting, Quantity::kScore);
  if (own != nullptr) return {own->value, own->id};
  Base best;
  for (const Claim& other : set.claims()) {
    if (other.quantity != Quantity::kPerplexity && other.quantity != Quantity::kScore) continue;
    if (other.model == nullptr || (claim.model != nullptr && claim.model != other.model)) continue;
    const std::optional<double> score = other.model->Number(claim.task->name);
    if (score.has_value() && *score > best.score) {
      best = {*score,
              fmt::format("{}: {}", other.model->name, other.model->Source(claim.task->name))};
    }
  }
  return best;
}

}  // namespace

void RunDropRule(const ClaimSet& set, Findings& findings) {
  for (const Claim& claim : set.claims()) {
    if (claim.quantity != Quantity::kPoints || claim.task == nullptr || claim.value >= 0) continue;
    const std::optional<double> chance = claim.task->Number("chance");
    if (!chance.has_value()) continue;
    const double loss = -claim.value;
    const double needed = *chance + loss;
    Finding finding{
        &claim, "drop", ClaimVerdict::kNotTestable, fmt::format("base >= {:.4g}", needed), {}};
    finding.why = {
        fmt::format("{} has a chance level of {:g} % ({}), so a loss of {:.3g} points needs a base "
                    "of {:.4g} "
                    "or more",
                    claim.task->name, *chance, claim.task->Source("chance"), loss, needed),
        fmt::format("{}的随机水平为{:g}%（{}），损失{:.3g}个百分点要求基线不低于{:.4g}",
                    claim.task->name, *chance, claim.task->Source("chance"), loss, needed)};
    const Base base = HighestBase(set, claim);
    if (base.source.empty()) {
      finding.why.en += "; no base is stated or known";
      finding.why.zh += "；文中未说明基线，也无已知值";
    } else {
      finding.why.en +=
          fmt::format("; the highest that can be meant is {:.4g} ({})", base.score, base.source);
      finding.why.zh += fmt::format("；可能的最高基线为{:.4g}（{}）", base.score, base.source);
      finding.bound = fmt::format("loss <= {:.4g}", base.score - *chance);
      if (loss - claim.slack > base.score - *chance) finding.verdict = ClaimVerdict::kImpossible;
    }
    findings.push_back(std::move(finding));
  }
}

}  // namespace crumb
