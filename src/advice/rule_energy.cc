// Energy against time. Energy / time is power, and power has limits: not below what the card draws
// at rest, not above its board power. A limit that is not among the facts is not checked.
#include <fmt/format.h>

#include <algorithm>

#include "advice/rule.h"

namespace crumb {
namespace {

// Powers that agree within this factor over three widths are one constant.
constexpr double kConstant = 1.25;
// A card at less than this share of its board power is not held by it.
constexpr double kFarBelow = 0.5;

struct Load {
  const Claim* energy;
  const Claim* time;
  double power;  // watts; of runs without a token count only ratios mean something
};

const Claim* TimeOf(const ClaimSet& set, const Claim& energy) {
  return set.FindIf([&](const Claim& other) {
    return (other.quantity == Quantity::kSecondsPerToken || other.quantity == Quantity::kSeconds) &&
           other.bits == energy.bits && SameModelAndFamily(other, energy);
  });
}

Finding PowerFinding(const Load& load) {
  const Claim& claim = *load.energy;
  const std::optional<double> board = claim.device->Number("board_power");
  const std::optional<double> idle = claim.device->Number("idle_power");
  Finding finding{&claim, "energy", ClaimVerdict::kNotTestable, "", {}};
  if (board.has_value()) finding.bound = fmt::format("{:g}..{:g} W", idle.value_or(0), *board);
  finding.why = {fmt::format("{:.3g} J / {:.3g} s ({}) for a token = {:.3g} W", claim.value,
                             load.time->value, load.time->id, load.power),
                 fmt::format("每词元{:.3g} J÷{:.3g} s（{}）={:.3g} W", claim.value,
                             load.time->value, load.time->id, load.power)};
  if (board.has_value()) {
    finding.why.en += fmt::format("; {} draws at most {:g} W ({})", claim.device->name, *board,
                                  claim.device->Source("board_power"));
    finding.why.zh += fmt::format("；{}至多{:g} W（{}）", claim.device->name, *board,
                                  claim.device->Source("board_power"));
    if (load.power > 1.1 * *board) finding.verdict = ClaimVerdict::kImpossible;
  }
  if (idle.has_value() && load.power < *idle) finding.verdict = ClaimVerdict::kImpossible;
  return finding;
}

// One power at every width, far from both limits: energy was not measured, but time multiplied.
void JudgeConstant(const std::vector<Load>& loads, std::vector<Finding>& findings) {
  const auto [low, high] = std::ranges::minmax_element(loads, {}, &Load::power);
  const double board = loads[0].energy->device->Number("board_power").value_or(0);
  if (loads.size() < 3 || high->power > kConstant * low->power || high->power > kFarBelow * board) {
    return;
  }
  for (Finding& finding : findings) {
    finding.verdict = std::max(finding.verdict, ClaimVerdict::kContradicted);
    finding.why.en += fmt::format(
        "; {} widths give {:.3g} to {:.3g} W, one constant far below the board's limit: this is "
        "time "
        "multiplied by it, not a measurement of energy",
        loads.size(), low->power, high->power);
    finding.why.zh += fmt::format(
        "；{}种位宽都在{:.3g}至{:.3g} "
        "W，是远低于整卡上限的同一个常数：这是时间乘以常数，不是能耗测量",
        loads.size(), low->power, high->power);
  }
}

// Slower and yet less energy needs less power on the same processor, which nobody explains.
void JudgeOrder(const std::vector<Load>& loads, Findings& findings) {
  for (const Load& load : loads) {
    for (const Load& other : loads) {
      const bool slower = load.time->value > 1.1 * other.time->value;
      const bool less = load.energy->value + load.energy->slack < 0.95 * other.energy->value;
      if (!slower || !less) continue;
      const double ratio =
          load.energy->value / other.energy->value * other.time->value / load.time->value;
      findings.push_back(
          {load.energy,
           "energy",
           ClaimVerdict::kContradicted,
           fmt::format("> {}", other.energy->id),
           {fmt::format(
                "{} takes {:.3g}x the time of {} ({}, {}) and is said to take {:.3g}x its energy: "
                "the same processor, busy all the while, would draw {:.3g}x the power",
                WidthName(load.energy->bits), load.time->value / other.time->value,
                WidthName(other.energy->bits), load.time->id, other.time->id,
                load.energy->value / other.energy->value, ratio),
            fmt::format("{}用时为{}的{:.3g}倍（{}、{}），却称能耗只有{:.3g}"
                        "倍：同一处理器一直在忙，功率竟只有{:.3g}倍",
                        WidthName(load.energy->bits), WidthName(other.energy->bits),
                        load.time->value / other.time->value, load.time->id, other.time->id,
                        load.energy->value / other.energy->value, ratio)}});
      break;
    }
  }
}

}  // namespace

void RunEnergyRule(const ClaimSet& set, Findings& findings) {
  for (const auto& [setting, claims] : set.settings()) {
    std::vector<Load> loads;
    for (const Claim* claim : claims) {
      if (claim->quantity != Quantity::kEnergyPerToken || claim->bits == 0) continue;
      const Claim* time = TimeOf(set, *claim);
      if (time == nullptr || time->value <= 0) continue;
      loads.push_back({claim, time, claim->value / time->value});
    }
    if (loads.empty()) continue;
    const bool by_token = std::ranges::all_of(
        loads, [](const Load& l) { return l.time->quantity == Quantity::kSecondsPerToken; });
    if (by_token) {
      std::vector<Finding> powers;
      powers.reserve(loads.size());
      for (const Load& load : loads) powers.push_back(PowerFinding(load));
      JudgeConstant(loads, powers);
      std::ranges::move(powers, std::back_inserter(findings));
    }
    JudgeOrder(loads, findings);
  }
}

}  // namespace crumb
