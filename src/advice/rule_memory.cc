// What runs at more bits runs at fewer; memory grows with bits; what is larger than a card needs
// more cards.
#include <fmt/format.h>

#include <cmath>

#include "advice/rule.h"

namespace crumb {
namespace {

const Claim* MemoryOf(const ClaimSet& set, const Claim& claim, double bits) {
  return set.FindIf([&](const Claim& other) {
    return other.quantity == Quantity::kMemoryInUse && other.bits == bits &&
           other.model != nullptr && other.model == claim.model;
  });
}

void JudgeOutOfMemory(const ClaimSet& set, const Claim& claim, Findings& findings) {
  const Claim* ran = nullptr;
  for (const Quantity quantity : {Quantity::kSecondsPerToken, Quantity::kSeconds}) {
    if (ran == nullptr) ran = set.Baseline(claim.setting, quantity);
  }
  const double room = claim.device == nullptr ? 0 : claim.device->Number("memory").value_or(0);
  const Claim* memory = MemoryOf(set, claim, claim.bits);
  Words why = {"said to run out of memory", "声称内存不足"};
  bool impossible = false;
  if (ran != nullptr && ran->bits > claim.bits) {
    impossible = true;
    why.en += fmt::format(", though {} runs at {} on the same card", ran->id, WidthName(ran->bits));
    why.zh += fmt::format("，但同一张卡上{}以{}能够运行", ran->id, WidthName(ran->bits));
  }
  if (memory != nullptr && room > 0) {
    impossible = impossible || memory->value + memory->slack < room;
    why.en += fmt::format("; {} claims {:.3g} GB for it, the card has {:.3g} GB", memory->id,
                          memory->value / 1e9, room / 1e9);
    why.zh += fmt::format("；{}称其只占{:.3g} GB，而该卡有{:.3g} GB", memory->id,
                          memory->value / 1e9, room / 1e9);
  }
  findings.push_back(
      {&claim, "memory", impossible ? ClaimVerdict::kImpossible : ClaimVerdict::kNotTestable,
       room > 0 ? fmt::format("{:.3g} GB", room / 1e9) : std::string(), std::move(why)});
}

void JudgeOrder(const std::vector<const Claim*>& claims, Findings& findings) {
  for (const Claim* claim : claims) {
    const bool bytes =
        claim->quantity == Quantity::kMemoryInUse || claim->quantity == Quantity::kWeightBytes;
    if (!bytes || claim->bits == 0) continue;
    for (const Claim* other : claims) {
      if (other->quantity != claim->quantity || other->low_bits <= claim->bits ||
          claim->value - claim->slack <= other->value + other->slack) {
        continue;
      }
      findings.push_back({claim,
                          "memory",
                          ClaimVerdict::kImpossible,
                          "<= " + other->id,
                          {fmt::format("{} at {} is said to take more than {} at {}", claim->id,
                                       WidthName(claim->bits), other->id, WidthName(other->bits)),
                           fmt::format("{}（{}）竟大于{}（{}）", claim->id, WidthName(claim->bits),
                                       other->id, WidthName(other->bits))}});
    }
  }
}

// Memory in use holds the weights at least.
void JudgeOverhead(const ClaimSet& set, const Claim& claim, Findings& findings) {
  const double parameters = set.Parameters(claim);
  if (parameters <= 0 || claim.bits == 0) return;
  const double weights = parameters * claim.bits / 8;
  findings.push_back(
      {&claim,
       "memory",
       claim.value + claim.slack < weights ? ClaimVerdict::kImpossible : ClaimVerdict::kNotTestable,
       fmt::format(">= {:.3g} GB", weights / 1e9),
       {fmt::format("weights {:.4g} GB; {:.3g} GB are left for keys, values and activations",
                    weights / 1e9, (claim.value - weights) / 1e9),
        fmt::format("权重{:.4g} GB；留给键值缓存与激活值的是{:.3g} GB", weights / 1e9,
                    (claim.value - weights) / 1e9)}});
}

void JudgeCards(const ClaimSet& set, const Claim& claim, Findings& findings) {
  const double room = claim.device == nullptr ? 0 : claim.device->Number("memory").value_or(0);
  const Claim* memory = MemoryOf(set, claim, claim.bits);
  if (room <= 0 || memory == nullptr) return;
  const double cards = std::ceil(memory->value / room);
  findings.push_back({&claim,
                      "memory",
                      claim.value < cards    ? ClaimVerdict::kImpossible
                      : claim.value == cards ? ClaimVerdict::kConfirmed
                                             : ClaimVerdict::kContradicted,
                      fmt::format(">= {:g} cards", cards),
                      {fmt::format("{:.3g} GB ({}) / {:.3g} GB for a card = {:g} cards",
                                   memory->value / 1e9, memory->id, room / 1e9, cards),
                       fmt::format("{:.3g} GB（{}）÷每卡{:.3g} GB={:g}张", memory->value / 1e9,
                                   memory->id, room / 1e9, cards)}});
}

}  // namespace

void RunMemoryRule(const ClaimSet& set, Findings& findings) {
  for (const auto& [setting, claims] : set.settings()) JudgeOrder(claims, findings);
  for (const Claim& claim : set.claims()) {
    if (claim.quantity == Quantity::kOutOfMemory) JudgeOutOfMemory(set, claim, findings);
    if (claim.quantity == Quantity::kMemoryInUse) JudgeOverhead(set, claim, findings);
    if (claim.quantity == Quantity::kCards) JudgeCards(set, claim, findings);
  }
}

}  // namespace crumb
