// Little's law: requests in a system = rate x mean time in it (Little 1961). With a batch that is
// always full, mean time = batch / rate.
#include <fmt/format.h>

#include <algorithm>

#include "advice/rule.h"

namespace crumb {
namespace {

// Tokens per request at different widths that differ by more are different work.
constexpr double kSameWork = 1.5;

struct Service {
  const Claim* rate;
  double mean;    // seconds in the system
  double tokens;  // of a request, by the time of a token elsewhere; 0: not known
};

Service ServiceOf(const ClaimSet& set, const Claim& rate, const Claim& batch) {
  const double mean = batch.value / rate.value;
  const Claim* token = set.FindIf([&](const Claim& other) {
    return other.quantity == Quantity::kSecondsPerToken && other.bits == rate.bits &&
           SameModelAndFamily(other, rate);
  });
  return {&rate, mean, token == nullptr ? 0 : mean / token->value};
}

void JudgeWork(const std::vector<Service>& services, Findings& findings) {
  std::vector<Service> known;
  std::ranges::copy_if(services, std::back_inserter(known),
                       [](const Service& service) { return service.tokens > 0; });
  if (known.size() < 2) return;
  const auto [low, high] = std::ranges::minmax_element(known, {}, &Service::tokens);
  if (high->tokens <= kSameWork * low->tokens) return;
  for (const Service& service : known) {
    findings.push_back(
        {service.rate,
         "little",
         ClaimVerdict::kContradicted,
         fmt::format("{:.3g} tokens", service.tokens),
         {fmt::format("a request stays {:.0f} ms, at most {:.3g} tokens by the time of a token "
                      "that is claimed "
                      "for this width; over the widths {:.3g} to {:.3g}: not the same requests",
                      service.mean * 1e3, service.tokens, low->tokens, high->tokens),
          fmt::format(
              "每个请求停留{:.0f} "
              "ms，按此位宽所称每词元用时至多{:.3g}个词元；各位宽从{:.3g}到{:.3g}：不是同样的请求",
              service.mean * 1e3, service.tokens, low->tokens, high->tokens)}});
  }
}

}  // namespace

void RunLittleRule(const ClaimSet& set, Findings& findings) {
  for (const auto& [setting, claims] : set.settings()) {
    std::vector<Service> services;
    for (const Claim* claim : claims) {
      if (claim->quantity != Quantity::kThroughput || claim->bits == 0 || claim->value <= 0)
        continue;
      const Claim* batch = set.Find(setting, Quantity::kBatch, claim->bits);
      if (batch == nullptr) continue;
      services.push_back(ServiceOf(set, *claim, *batch));
      const Claim* latency = set.Find(setting, Quantity::kLatencyP99, claim->bits);
      if (latency == nullptr) continue;
      const double mean = services.back().mean;
      findings.push_back(
          {latency,
           "little",
           mean > latency->value + latency->slack ? ClaimVerdict::kImpossible
                                                  : ClaimVerdict::kConfirmed,
           fmt::format(">= {:.0f} ms", mean * 1e3),
           {fmt::format("{:g} requests at once / {:g} a second = {:.0f} ms in the mean; 99 of 100 "
                        "under {:.0f} "
                        "ms",
                        batch->value, claim->value, mean * 1e3, latency->value * 1e3),
            fmt::format("同时{:g}个请求÷每秒{:g}个=平均{:.0f} ms；百分之九十九低于{:.0f} ms",
                        batch->value, claim->value, mean * 1e3, latency->value * 1e3)}});
    }
    JudgeWork(services, findings);
  }
}

}  // namespace crumb
