#include "advice/claims_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "advice/data.h"
#include "advice/measured.h"
#include "base/json.h"

namespace crumb {
namespace {

// A claim is met by a measurement within this share where the row has no interval.
constexpr double kClose = 0.1;

// What the measurement says of the claim, if it is of the same model.
void JudgeByMeasurement(JudgedClaim& judged) {
  const MeasuredHere& here = *judged.measured;
  const Claim& claim = *judged.claim;
  if (!here.same_model) return;
  const double low = here.low.value_or(here.value * (1 - kClose)) - claim.slack;
  const double high = here.high.value_or(here.value * (1 + kClose)) + claim.slack;
  const bool met = claim.high >= std::min(low, high) && claim.value <= std::max(low, high);
  const std::string text = MeasuredText(claim, here);
  judged.findings.push_back({&claim,
                             "measured",
                             met ? ClaimVerdict::kConfirmed : ClaimVerdict::kContradicted,
                             text,
                             {fmt::format("measured here on the same model: {}", text),
                              fmt::format("本机同一模型实测：{}", text)}});
}

}  // namespace

std::string_view ShippedClaims() { return AdviceFile("claims.csv"); }

size_t ClaimsReport::Count(ClaimVerdict verdict) const {
  return static_cast<size_t>(std::ranges::count(judged, verdict, &JudgedClaim::verdict));
}

Result<ClaimsReport> CheckClaims(std::string_view csv, std::string_view name, const Facts& facts,
                                 const std::vector<Evidence>& rows) {
  ClaimsReport report;
  report.name = name;
  // Claims point into the facts, and the report into both: they live as long as it does.
  report.facts = std::make_shared<const Facts>(facts);
  CRUMB_ASSIGN_OR_RETURN(std::vector<Claim> claims, ReadClaims(csv, name, *report.facts));
  report.claims = std::make_shared<const std::vector<Claim>>(std::move(claims));
  const ClaimSet set(*report.claims, *report.facts);
  Findings findings;
  for (const Rule& rule : AllRules()) rule.run(set, findings);
  for (const Claim& claim : *report.claims) {
    JudgedClaim judged;
    judged.claim = &claim;
    for (const Finding& finding : findings) {
      if (finding.claim == &claim) judged.findings.push_back(finding);
    }
    judged.measured = FindMeasured(claim, rows);
    if (judged.measured.has_value()) JudgeByMeasurement(judged);
    std::ranges::stable_sort(judged.findings, std::ranges::greater(), &Finding::verdict);
    if (!judged.findings.empty()) judged.verdict = judged.findings.front().verdict;
    report.judged.push_back(std::move(judged));
  }
  return report;
}

std::string_view VerdictName(ClaimVerdict verdict) {
  switch (verdict) {
    case ClaimVerdict::kConfirmed:
      return "confirmed";
    case ClaimVerdict::kContradicted:
      return "contradicted";
    case ClaimVerdict::kImpossible:
      return "impossible";
    case ClaimVerdict::kNotTestable:
      break;
  }
  return "not testable here";
}

Words VerdictWords(ClaimVerdict verdict) {
  switch (verdict) {
    case ClaimVerdict::kConfirmed:
      return {"confirmed", "成立"};
    case ClaimVerdict::kContradicted:
      return {"contradicted", "被反驳"};
    case ClaimVerdict::kImpossible:
      return {"impossible", "不可能"};
    case ClaimVerdict::kNotTestable:
      break;
  }
  return {"not testable here", "本机无法检验"};
}

std::string ClaimedText(const Claim& claim) {
  const bool bare = !claim.raw.empty() && claim.raw.back() >= '0' && claim.raw.back() <= '9';
  return bare && claim.quantity != Quantity::kOther ? claim.raw + " " + claim.unit : claim.raw;
}

std::string MeasuredText(const Claim& claim, const MeasuredHere& here) {
  // The unit that people read, and how many of it one of the quantity's unit is.
  double size = 1;
  std::string_view unit;
  switch (claim.quantity) {
    case Quantity::kSecondsPerToken:
      size = 1e3;
      unit = " ms a token";
      break;
    case Quantity::kPoints:
      unit = " points";
      break;
    case Quantity::kSpeedup:
      unit = "x";
      break;
    case Quantity::kPerplexityRise:
      unit = " %";
      break;
    case Quantity::kWeightBytes:
    case Quantity::kMemoryInUse:
      size = 1e-6;
      unit = " MB";
      break;
    case Quantity::kEnergyPerToken:
      unit = " J a token";
      break;
    default:
      break;
  }
  std::string text = fmt::format("{:.4g}{}", here.value * size, unit);
  if (here.low.has_value() && here.high.has_value()) {
    text += fmt::format(" [{:.4g}, {:.4g}]", *here.low * size, *here.high * size);
  }
  text += fmt::format(" (#{}", here.id);
  if (here.reference != 0) text += fmt::format(" / #{}", here.reference);
  return text + fmt::format(", {} {})", here.model, here.subject);
}

Json ClaimsJson(const ClaimsReport& report) {
  Json json = Json::object();
  json["format"] = "crumb-claims";
  json["version"] = 1;
  json["table"] = report.name;
  for (const ClaimVerdict verdict : {ClaimVerdict::kImpossible, ClaimVerdict::kContradicted,
                                     ClaimVerdict::kConfirmed, ClaimVerdict::kNotTestable}) {
    json["counts"][std::string(VerdictName(verdict))] = report.Count(verdict);
  }
  json["claims"] = Json::array();
  for (const JudgedClaim& judged : report.judged) {
    const Claim& claim = *judged.claim;
    Json entry = Json::object();
    entry["id"] = claim.id;
    entry["line"] = claim.line;
    entry["section"] = claim.section;
    entry["table"] = claim.table;
    entry["row"] = claim.row;
    entry["column"] = claim.column;
    entry["claimed"] = claim.raw;
    entry["unit"] = claim.unit;
    entry["gloss"] = claim.gloss;
    entry["verdict"] = VerdictName(judged.verdict);
    entry["measured"] = nullptr;
    if (judged.measured.has_value()) {
      const MeasuredHere& here = *judged.measured;
      entry["measured"] = {{"value", here.value},
                           {"ledger_id", here.id},
                           {"model", here.model},
                           {"subject", here.subject},
                           {"same_model", here.same_model}};
      if (here.reference != 0) entry["measured"]["reference_ledger_id"] = here.reference;
    }
    entry["findings"] = Json::array();
    for (const Finding& finding : judged.findings) {
      entry["findings"].push_back({{"rule", finding.rule},
                                   {"verdict", VerdictName(finding.verdict)},
                                   {"bound", finding.bound},
                                   {"derivation", finding.why.en},
                                   {"derivation_zh", finding.why.zh}});
    }
    json["claims"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace crumb
