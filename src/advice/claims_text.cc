// The report of claims for a terminal.
#include <fmt/format.h>

#include <algorithm>

#include "advice/claims_check.h"
#include "advice/text_lines.h"

namespace crumb {
namespace {

// The bound that goes with the verdict, and the rule that it comes from: "<= 2x (speed-up)".
std::string BoundOf(const JudgedClaim& judged, std::string_view language) {
  for (const Finding& finding : judged.findings) {
    if (finding.bound.empty()) continue;
    return fmt::format("{} ({})", finding.bound, RuleName(finding.rule, language));
  }
  return "-";
}

// With its unit where both have room.
std::string Claimed(const Claim& claim) {
  const std::string text = ClaimedText(claim);
  return Columns(text) <= 17 ? text : claim.raw;
}

}  // namespace

std::string ClaimsText(const ClaimsReport& report, const std::vector<ClaimVerdict>& only,
                       std::string_view language) {
  const bool zh = language == "zh";
  std::string text = Fit(zh ? "判定" : "verdict", 18) + Fit(zh ? "编号" : "claim", 20) +
                     Fit(zh ? "声称" : "claimed", 18) + (zh ? "上下限" : "bound") + "\n";
  for (const JudgedClaim& judged : report.judged) {
    if (!only.empty() && std::ranges::find(only, judged.verdict) == only.end()) continue;
    const std::string bound = BoundOf(judged, language);
    text += Fit(VerdictWords(judged.verdict).In(language), 18) + Fit(judged.claim->id, 19) + " " +
            Fit(Claimed(*judged.claim), 17) + " " +
            Fit(bound, std::min<size_t>(Columns(bound), 24)) + "\n";
    if (judged.measured.has_value()) {
      text += Wrapped(fmt::format("{} {}{}", zh ? "本机实测" : "measured here",
                                  MeasuredText(*judged.claim, *judged.measured),
                                  judged.measured->same_model ? ""
                                  : zh                        ? "，另一模型"
                                                              : ", another model"),
                      4);
    }
    for (const Finding& finding : judged.findings) {
      if (finding.verdict < ClaimVerdict::kContradicted) continue;
      text += Wrapped(
          fmt::format("{}: {}", RuleName(finding.rule, language), finding.why.In(language)), 4);
    }
  }
  text += fmt::format("\n{} {}", report.judged.size(), zh ? "条声称：" : "claims:");
  for (const ClaimVerdict verdict : {ClaimVerdict::kImpossible, ClaimVerdict::kContradicted,
                                     ClaimVerdict::kConfirmed, ClaimVerdict::kNotTestable}) {
    text += fmt::format("{} {} {}", verdict == ClaimVerdict::kImpossible ? "" : ",",
                        report.Count(verdict), VerdictWords(verdict).In(language));
  }
  return text + "\n";
}

}  // namespace crumb
