// Machines from requests per second, cost from machines, savings from costs; and whether what is
// compared had the same latency.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "advice/rule.h"

namespace crumb {
namespace {

constexpr double kMonths = 12;
constexpr double kSameLatency = 1.05;  // latencies closer than this are one bound

const Claim* RateOf(const ClaimSet& set, const Claim& machines) {
  if (machines.quantity != Quantity::kMachines || machines.total_qps <= 0) return nullptr;
  return set.FindIf([&](const Claim& other) {
    return other.quantity == Quantity::kThroughput && other.bits == machines.bits &&
           (machines.model == nullptr || other.model == machines.model);
  });
}

void JudgeMachines(const ClaimSet& set, const Claim& claim, Findings& findings) {
  const Claim* rate = RateOf(set, claim);
  if (rate == nullptr || rate->value <= 0) return;
  const double needed = std::ceil(claim.total_qps / rate->value);
  findings.push_back(
      {&claim,
       "price",
       claim.value == needed ? ClaimVerdict::kConfirmed : ClaimVerdict::kContradicted,
       fmt::format("= {:g}", needed),
       {fmt::format(
            "{:g} requests a second / {:g} ({}) = {:g} machines, every one fully used and none in "
            "reserve",
            claim.total_qps, rate->value, rate->id, needed),
        fmt::format("每秒{:g}个请求÷{:g}（{}）={:g}台，每台用满且无冗余", claim.total_qps,
                    rate->value, rate->id, needed)}});
}

// A saving between widths whose latencies differ compares two different services.
void JudgeLatency(const ClaimSet& set, const Claim& claim, Findings& findings) {
  const Claim* machines = set.Find(claim.setting, Quantity::kMachines, claim.bits);
  const Claim* base = set.Baseline(claim.setting, Quantity::kMachines);
  if (claim.quantity != Quantity::kReduction || machines == nullptr || base == nullptr) return;
  const Claim* rate = RateOf(set, *machines);
  const Claim* base_rate = RateOf(set, *base);
  if (rate == nullptr || base_rate == nullptr) return;
  const Claim* latency = set.Find(rate->setting, Quantity::kLatencyP99, claim.bits);
  const Claim* base_latency = set.Find(base_rate->setting, Quantity::kLatencyP99, base->bits);
  if (latency == nullptr || base_latency == nullptr) return;
  const double ratio = latency->value / base_latency->value;
  if (std::max(ratio, 1 / ratio) <= kSameLatency) return;
  findings.push_back(
      {&claim,
       "price",
       ClaimVerdict::kContradicted,
       "one latency bound",
       {fmt::format("99 of 100 requests end within {:.0f} ms here and {:.0f} ms at {} ({}, {}): "
                    "costs compare "
                    "only under one bound",
                    latency->value * 1e3, base_latency->value * 1e3, WidthName(base->bits),
                    latency->id, base_latency->id),
        fmt::format("此处P99为{:.0f} ms，{}为{:.0f} ms（{}、{}）：同一延迟上限下成本才可比",
                    latency->value * 1e3, WidthName(base->bits), base_latency->value * 1e3,
                    latency->id, base_latency->id)}});
}

// The highest price of a machine and month that the table states anywhere; 0: none.
double HighestPrice(const ClaimSet& set, const Claim** cost) {
  double price = 0;
  for (const Claim& claim : set.claims()) {
    if (claim.quantity != Quantity::kMonthlyCost || claim.bits == 0) continue;
    const Claim* machines = set.Find(claim.setting, Quantity::kMachines, claim.bits);
    if (machines == nullptr || machines->value <= 0) continue;
    if (claim.value / machines->value <= price) continue;
    price = claim.value / machines->value;
    *cost = &claim;
  }
  return price;
}

void JudgeYear(const ClaimSet& set, const Claim& claim, Findings& findings) {
  const Claim* before = set.Baseline(claim.setting, Quantity::kMonthlyCost);
  if (before != nullptr) {
    const Claim* after = set.Find(claim.setting, Quantity::kMonthlyCost, claim.bits);
    if (after == nullptr) return;
    const double year = kMonths * (before->value - after->value);
    const double slack = claim.slack + kMonths * (before->slack + after->slack);
    findings.push_back(
        {&claim,
         "price",
         std::abs(year - claim.value) <= slack ? ClaimVerdict::kConfirmed
                                               : ClaimVerdict::kContradicted,
         fmt::format("= ${:.4g}", year),
         {fmt::format("12 x (${:.6g} - ${:.6g}) = ${:.6g} a year", before->value, after->value,
                      year),
          fmt::format("12×（{:.6g}−{:.6g}）=每年{:.6g}美元", before->value, after->value, year)}});
    return;
  }
  const Claim* most = set.Baseline(claim.setting, Quantity::kMachines);
  const Claim* least = set.Find(claim.setting, Quantity::kMachines, claim.bits);
  const Claim* cost = nullptr;
  const double price = HighestPrice(set, &cost);
  if (most == nullptr || least == nullptr || price <= 0) return;
  const double year = kMonths * (most->value - least->value) * price;
  findings.push_back(
      {&claim,
       "price",
       claim.value > year * 1.01 ? ClaimVerdict::kContradicted : ClaimVerdict::kNotTestable,
       fmt::format("<= ${:.4g}", year),
       {fmt::format(
            "({:g} - {:g}) machines x ${:g} a month, the highest price in the table ({}), x 12 = "
            "${:.4g}",
            most->value, least->value, price, cost->id, year),
        fmt::format("（{:g}−{:g}）台×每月{:g}美元（表中最高单价，{}）×12={:.4g}美元", most->value,
                    least->value, price, cost->id, year)}});
}

}  // namespace

void RunPriceRule(const ClaimSet& set, Findings& findings) {
  for (const Claim& claim : set.claims()) {
    JudgeMachines(set, claim, findings);
    JudgeLatency(set, claim, findings);
    if (claim.quantity == Quantity::kYearlySaving && claim.bits > 0)
      JudgeYear(set, claim, findings);
  }
}

}  // namespace crumb
