// Requests per second against the bound of gain_bound.cc, and whether the batch changed as well.
#include <fmt/format.h>

#include "advice/rule.h"

namespace crumb {

void RunThroughputRule(const ClaimSet& set, Findings& findings) {
  for (const Claim& claim : set.claims()) {
    if (claim.quantity != Quantity::kThroughput || claim.bits == 0) continue;
    const Claim* base = set.Baseline(claim.setting, Quantity::kThroughput);
    if (base == nullptr || base->bits <= claim.bits || base->value <= 0) continue;
    const double least = (claim.value - claim.slack) / (base->value + base->slack);
    const GainBound gain = BoundOfGain(*base, claim, false);
    findings.push_back(JudgeGain(claim, least, claim.value / base->value, gain, "throughput"));
    Finding& finding = findings.back();
    const Claim* batch = set.Find(claim.setting, Quantity::kBatch, claim.bits);
    const Claim* base_batch = set.Find(claim.setting, Quantity::kBatch, base->bits);
    if (batch == nullptr || base_batch == nullptr || batch->value == base_batch->value) continue;
    // Another batch may explain what bytes can not; then it is not the width that gained.
    if (finding.verdict == ClaimVerdict::kImpossible) finding.verdict = ClaimVerdict::kContradicted;
    finding.why.en += fmt::format(", but the batch went from {:g} to {:g} as well",
                                  base_batch->value, batch->value);
    finding.why.zh += fmt::format("，但批大小也从{:g}变为{:g}", base_batch->value, batch->value);
    const Claim* memory = set.FindIf([&](const Claim& other) {
      return other.quantity == Quantity::kMemoryInUse && other.bits == base->bits &&
             other.model != nullptr && other.model == claim.model;
    });
    const double room = claim.device == nullptr ? 0 : claim.device->Number("memory").value_or(0);
    if (memory != nullptr && room > 2 * memory->value) {
      finding.why.en += fmt::format(
          "; {} takes {:.3g} GB of {:.3g} GB by {}, so it could have run the "
          "larger batch too",
          WidthName(base->bits), memory->value / 1e9, room / 1e9, memory->id);
      finding.why.zh +=
          fmt::format("；据{}，{}只占{:.3g} GB（共{:.3g} GB），同样可以用更大的批", memory->id,
                      WidthName(base->bits), memory->value / 1e9, room / 1e9);
    }
  }
}

}  // namespace crumb
