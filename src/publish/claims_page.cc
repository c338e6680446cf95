#include "publish/claims_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <kainjow/mustache.hpp>
#include <vector>

namespace crumb {
namespace {

using kainjow::mustache::data;

constexpr std::string_view kPage =
#include "publish/claims_page.inc"
    ;

struct Label {
  const char* key;
  const char* en;
  const char* zh;
};
constexpr Label kLabels[] = {
    {"title", "Claims about very low bit widths, put to the test", "极低比特量化的说法，逐条检验"},
    {"lead",
     "Each figure beside what physics, arithmetic and published results allow, and what was "
     "measured "
     "here. Open a row for the derivation.",
     "每个数字都与物理、算术、已发表结果所允许的范围以及本机实测对照。展开一行可见推导。"},
    {"table_label", "all tables", "全部表格"},
    {"search_label", "search", "搜索"},
    {"verdict_label", "verdict", "判定"},
    {"claim_label", "claim", "说法"},
    {"claimed_label", "claimed", "声称"},
    {"bound_label", "bound", "上下限"},
    {"measured_label", "measured here", "本机实测"},
    {"rules_label", "Rules", "规则"},
    {"line_label", "line", "行"},
};

constexpr ClaimVerdict kOrder[] = {ClaimVerdict::kImpossible, ClaimVerdict::kContradicted,
                                   ClaimVerdict::kConfirmed, ClaimVerdict::kNotTestable};

std::string Number(ClaimVerdict verdict) { return fmt::format("{}", static_cast<int>(verdict)); }

data ClaimData(const JudgedClaim& judged, std::string_view language) {
  const Claim& claim = *judged.claim;
  data entry;
  entry.set("id", claim.id);
  entry.set("line", claim.line);
  entry.set("table", claim.table == "prose" ? claim.section : claim.table);
  entry.set("row", claim.row);
  entry.set("column", claim.column);
  entry.set("claimed", ClaimedText(claim));
  entry.set("gloss", claim.gloss);
  entry.set("has_gloss", data(language == "en" && !claim.gloss.empty()));
  entry.set("verdict", VerdictWords(judged.verdict).In(language));
  entry.set("number", Number(judged.verdict));
  // What is wrong is read first; the rest is a click away.
  entry.set("open", data(judged.verdict == ClaimVerdict::kImpossible));
  const bool zh = language == "zh";
  std::string measured = "–";
  if (judged.measured.has_value()) {
    measured = MeasuredText(claim, *judged.measured);
    if (!judged.measured->same_model) measured += zh ? "，另一模型" : ", another model";
  }
  entry.set("measured", measured);
  const auto bound = std::ranges::find_if(
      judged.findings, [](const Finding& finding) { return !finding.bound.empty(); });
  entry.set("bound", bound == judged.findings.end() ? "–" : bound->bound);
  data findings{data::type::list};
  for (const Finding& finding : judged.findings) {
    data one;
    one.set("rule", std::string(RuleName(finding.rule, language)));
    one.set("number", Number(finding.verdict));
    one.set("why", finding.why.In(language));
    findings << one;
  }
  entry.set("findings", findings);
  return entry;
}

data TableNames(const ClaimsReport& report) {
  std::vector<std::string> names;
  for (const Claim& claim : *report.claims) {
    const std::string& name = claim.table == "prose" ? claim.section : claim.table;
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  data list{data::type::list};
  for (const std::string& name : names) list << name;
  return list;
}

}  // namespace

Result<std::string> ClaimsPage(const ClaimsReport& report, std::string_view language) {
  if (language != "en" && language != "zh") {
    return InvalidArgument(fmt::format("no language '{}': en or zh", language));
  }
  const bool chinese = language == "zh";
  data page;
  page.set("lang", chinese ? "zh-CN" : "en");
  for (const Label& label : kLabels) page.set(label.key, chinese ? label.zh : label.en);
  data verdicts{data::type::list};
  for (const ClaimVerdict verdict : kOrder) {
    data one;
    one.set("number", Number(verdict));
    one.set("name", VerdictWords(verdict).In(language));
    one.set("count", fmt::format("{}", report.Count(verdict)));
    verdicts << one;
  }
  page.set("verdicts", verdicts);
  page.set("tables", TableNames(report));
  data claims{data::type::list};
  for (const ClaimVerdict verdict : kOrder) {
    for (const JudgedClaim& judged : report.judged) {
      if (judged.verdict == verdict) claims << ClaimData(judged, language);
    }
  }
  page.set("claims", claims);
  data rules{data::type::list};
  for (const Rule& rule : AllRules()) {
    data one;
    one.set("name", std::string(RuleName(rule.name, language)));
    one.set("what", std::string(chinese ? rule.zh : rule.en));
    rules << one;
  }
  page.set("rules", rules);
  kainjow::mustache::mustache pattern{std::string(kPage)};
  if (!pattern.is_valid()) return InternalError("the page of claims: " + pattern.error_message());
  return pattern.render(page);
}

}  // namespace crumb
