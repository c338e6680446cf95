#include "evidence/external_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/json.h"
#include "base/version.h"
#include "evidence/example_evidence.h"
#include "evidence/metrics.h"
#include "evidence/row_check.h"
#include "text/identity.h"
#include "text/pattern.h"

namespace crumb {
namespace {

constexpr std::array<std::string_view, 4> kExternalKinds = {"public", "deployment", "audit",
                                                            "manual"};
constexpr std::string_view kManual = "manual";

// A text of the row with the option that gives it.
struct NamedText {
  std::string_view option;
  const std::string& text;
  size_t longest;
};

std::vector<NamedText> TextsOf(const ExternalRow& row) {
  return {
      {"--source", row.source, kLongestSource},      {"--by-role", row.by_role, kLongestSubject},
      {"--reason", row.reason, kLongestSource},      {"--subject", row.subject, kLongestSubject},
      {"--baseline", row.baseline, kLongestSubject}, {"--n-of", row.n_of, kLongestSubject}};
}

Status CheckText(const NamedText& named) {
  const auto& [option, text, longest] = named;
  const int64_t broken = FirstInvalidUtf8(text);
  if (broken >= 0) {
    return InvalidArgument(fmt::format("{}: is not UTF-8 text at byte {}", option, broken));
  }
  if (text.size() > longest) {
    return InvalidArgument(
        fmt::format("{}: has {} bytes; write at most {}", option, text.size(), longest));
  }
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
    return InvalidArgument(fmt::format("{}: write one line without control characters", option));
  }
  if (text.find_first_not_of(' ') == std::string::npos && !text.empty()) {
    return InvalidArgument(fmt::format("{}: holds nothing but spaces", option));
  }
  const auto found = FirstIdentity(text);
  if (!found.has_value()) return OkStatus();
  return InvalidArgument(
      fmt::format("{}: \"{}\" looks like {}; {}", option,
                  text.substr(found->span.begin, found->span.end - found->span.begin), found->what,
                  found->instead));
}

// A role names no person: it has a word that is one, and nothing written like a name.
Status CheckRole(const std::string& role) {
  static const Pattern kRoles(
      "(?i)(?<![a-z])(?:admin|administrator|analyst|architect|auditor|clerk|developer|director|"
      "editor|engineer|head|lead|leader|manager|officer|operator|owner|planner|reviewer|scientist|"
      "secretary|specialist|staff|supervisor|technician|tester|writer)s?(?![a-z])"
      "|员|师|长|人|经理|主管|主任|组|部门|科室|团队");
  static const Pattern kCapitalised(R"((?<![A-Za-z])[A-Z][a-z]+)");
  const Utf16Text text(role);
  if (!kCapitalised.FindAll(text).empty() || kRoles.FindAll(text).empty()) {
    return InvalidArgument(
        fmt::format("--by-role \"{}\": write a role in lower case and no name, for example "
                    "\"platform engineer\"",
                    role));
  }
  return OkStatus();
}

Status CheckWhose(const ExternalRow& row) {
  if (std::ranges::find(kExternalKinds, row.kind) == kExternalKinds.end()) {
    return InvalidArgument(fmt::format(
        "--kind \"{}\": choose public, deployment, audit or manual; what is measured here comes "
        "from crumb study, bench, eval and score",
        row.kind));
  }
  if (row.kind != kManual) {
    if (row.source.empty()) {
      return InvalidArgument(fmt::format(
          "--source: a row of kind {} needs one: the publication, the record or the audit, without "
          "address or exact date",
          row.kind));
    }
    if (!row.by_role.empty() || !row.reason.empty()) {
      return InvalidArgument("--by-role and --reason are of --kind manual");
    }
    return OkStatus();
  }
  if (row.by_role.empty() || row.reason.empty()) {
    return InvalidArgument(
        "--kind manual needs --by-role (who gives the number, no name) and --reason (why)");
  }
  return CheckRole(row.by_role);
}

// "2026-Q4", of a year in which there were computers, and not in the future.
Status CheckQuarter(const std::string& quarter) {
  CRUMB_ASSIGN_OR_RETURN(const std::string now, QuarterOf(CurrentTimeUtc()));
  if (!IsQuarter(quarter) || quarter < "1950-Q1") {
    return InvalidArgument(
        fmt::format("--quarter \"{}\": write year and quarter, like {}", quarter, now));
  }
  if (quarter <= now) return OkStatus();
  return InvalidArgument(fmt::format("--quarter {}: is still to come; it is {}", quarter, now));
}

Result<const MetricInfo*> FindUsable(const ExternalRow& row) {
  const MetricInfo* info = FindMetric(row.metric);
  if (info == nullptr || info->name == metric::kWindowScores || info->name == metric::kStudyNote) {
    return InvalidArgument(fmt::format(
        "--metric \"{}\": is none that a number can be given for; docs/measuring.md lists them",
        row.metric));
  }
  if (row.unit.empty() || row.unit == info->unit) return info;
  if (info->unit.empty()) {
    return InvalidArgument(
        fmt::format("--unit \"{}\": {} is a pure number (72 % is 0.72); leave --unit away",
                    row.unit, info->name));
  }
  return InvalidArgument(fmt::format("--unit \"{}\": {} is kept in {}; convert the value", row.unit,
                                     info->name, info->unit));
}

Status CheckValue(const ExternalRow& row, const MetricInfo& info) {
  if (row.low.has_value() != row.high.has_value()) {
    return InvalidArgument("--low and --high: give both ends of the interval, or none");
  }
  for (const auto& [option, value] :
       {std::pair<std::string_view, std::optional<double>>{"--value", row.value},
        {"--low", row.low},
        {"--high", row.high}}) {
    if (!value.has_value()) continue;
    if (!std::isfinite(*value)) {
      return InvalidArgument(fmt::format("{} {}: is no finite number", option, *value));
    }
    if (*value < info.least || *value > info.most) {
      return InvalidArgument(fmt::format("{} {}: {} is {}", option, *value, info.name,
                                         std::isfinite(info.most)
                                             ? fmt::format("from {} to {}", info.least, info.most)
                                             : fmt::format("at least {}", info.least)));
    }
  }
  if (row.low.has_value() && (*row.low > row.value || row.value > *row.high)) {
    return InvalidArgument(fmt::format("--low {} --high {}: the value {} is not between them",
                                       *row.low, *row.high, row.value));
  }
  if (row.n < 1) return InvalidArgument(fmt::format("--n {}: write at least 1", row.n));
  if (row.n > 1 && row.n_of.empty()) {
    return InvalidArgument(
        fmt::format("--n {}: say with --n-of what is counted, for example \"requests\"", row.n));
  }
  return OkStatus();
}

std::string ExampleOf(const ExternalRow& external, const Evidence& row) {
  for (const NamedText& named : TextsOf(external)) {
    const std::string found = ExampleIn(named.text);
    if (!found.empty()) return found;
  }
  return ExampleNumber(row);
}

}  // namespace

Result<Evidence> MakeExternalRow(const ExternalRow& external) {
  for (const NamedText& named : TextsOf(external)) CRUMB_RETURN_IF_ERROR(CheckText(named));
  CRUMB_RETURN_IF_ERROR(CheckWhose(external));
  CRUMB_RETURN_IF_ERROR(CheckQuarter(external.quarter));
  CRUMB_ASSIGN_OR_RETURN(const MetricInfo* info, FindUsable(external));
  CRUMB_RETURN_IF_ERROR(CheckValue(external, *info));
  if (external.subject.empty()) {
    return InvalidArgument("--subject: say what the value is of, for example int4");
  }
  Evidence row;
  row.kind = external.kind;
  row.metric = info->name;
  row.unit = info->unit;
  row.subject = external.subject;
  row.value = external.value;
  row.low = external.low;
  row.high = external.high;
  row.n = external.n;
  row.n_of = external.n_of;
  row.method = "external";
  row.quarter = external.quarter;
  row.commit = CrumbCommit();
  row.supersedes = external.supersedes;
  Json options = Json::object();
  options["command"] = "ledger add";  // reports of a study leave such rows out
  options["source"] = external.source;
  options["quarter"] = external.quarter;
  if (!external.baseline.empty()) options["baseline"] = external.baseline;
  row.options = DumpJson(options);
  Json detail = Json::object();
  if (external.kind == kManual) {
    detail["by_role"] = external.by_role;
    detail["reason"] = external.reason;
  }
  if (const std::string example = ExampleOf(external, row); !example.empty()) {
    if (!external.confirm_own_source) {
      return InvalidArgument(
          fmt::format("\"{}\" is an example of the specification and no evidence; if it is a "
                      "figure of your own "
                      "source, say --confirm-own-source, which is kept in the row",
                      example));
    }
    detail["confirmed_own_source"] = true;
    detail["equals_example"] = example;
  }
  row.detail = DumpJson(detail);
  Evidence checked = row;  // times are the ledger's to fill in
  CRUMB_RETURN_IF_ERROR(CompleteAndCheck(checked));
  return row;
}

Status CheckExternalRow(const Evidence& row, const std::vector<Evidence>& rows) {
  const std::string key = EvidenceKey(row);
  const Evidence* same = nullptr;
  const Evidence* replaced = nullptr;
  for (const Evidence& other : rows) {
    if (EvidenceKey(other) == key) same = &other;
    if (std::to_string(other.id) == row.supersedes) replaced = &other;
  }
  if (!row.supersedes.empty()) {
    if (replaced == nullptr) {
      return InvalidArgument(
          fmt::format("--supersedes {}: the ledger has no such row", row.supersedes));
    }
    if (!IsExternal(*replaced) || replaced->metric != row.metric) {
      return InvalidArgument(
          fmt::format("--supersedes {}: that row is {} {}; only a row that was added, of the same "
                      "metric, can be replaced",
                      row.supersedes, replaced->kind, replaced->metric));
    }
  }
  if (same == nullptr || row.supersedes == std::to_string(same->id)) return OkStatus();
  return InvalidArgument(
      fmt::format("row {} is of the same metric, subject, source and quarter; to correct it say "
                  "--supersedes {}",
                  same->id, same->id));
}

bool IsExternal(const Evidence& row) {
  return std::ranges::find(kExternalKinds, row.kind) != kExternalKinds.end();
}

std::string SourceOf(const Evidence& row) {
  if (!IsExternal(row)) return "";
  const Result<Json> options = ParseJson(row.options, "options");
  if (!options.ok() || !options->is_object()) return "";
  const auto found = options->find("source");
  return found != options->end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace crumb
