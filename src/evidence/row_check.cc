#include "evidence/row_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <type_traits>

#include "base/json.h"
#include "evidence/columns.h"
#include "evidence/external_row.h"
#include "evidence/metrics.h"
#include "text/utf8.h"

namespace crumb {
namespace {

constexpr std::array<std::string_view, 6> kKinds = {"measured",   "computed", "public",
                                                    "deployment", "audit",    "manual"};

Status CheckText(std::string_view field, std::string_view text) {
  const int64_t broken = FirstInvalidUtf8(text);
  const size_t zero = text.find('\0');
  if (broken < 0 && zero == std::string_view::npos) return OkStatus();
  return InvalidArgument(
      fmt::format("the field {} of a ledger row is not UTF-8 text at byte {}", field,
                  std::min(zero, broken < 0 ? zero : static_cast<size_t>(broken))));
}

Status CheckNumber(std::string_view field, double& value) {
  if (!std::isfinite(value)) {
    return NumericsError(fmt::format("the field {} of a ledger row is {}", field, value));
  }
  if (value == 0) value = 0;
  return OkStatus();
}

// Absolute paths would tell about the machine and its user.
bool HoldsPath(const Json& json) {
  if (json.is_string()) return json.get_ref<const std::string&>().starts_with('/');
  if (!json.is_structured()) return false;
  for (const auto& element : json) {
    if (HoldsPath(element)) return true;
  }
  return false;
}

Status CheckJson(std::string_view field, const std::string& text) {
  if (text.empty()) return OkStatus();
  CRUMB_ASSIGN_OR_RETURN(const Json json, ParseJson(text, fmt::format("the field {}", field)));
  if (!HoldsPath(json)) return OkStatus();
  return InvalidArgument(fmt::format(
      "the field {} of a ledger row holds a path; the ledger keeps base names only", field));
}

Status CheckName(std::string_view field, std::string_view name) {
  if (name.find('/') == std::string_view::npos) return OkStatus();
  return InvalidArgument(
      fmt::format("the field {} of a ledger row is a path ({}); the ledger keeps base names only",
                  field, name));
}

Status CheckMetric(const Evidence& row) {
  const MetricInfo* info = FindMetric(row.metric);
  if (info == nullptr) {
    return InvalidArgument(fmt::format(
        "\"{}\" is no metric that crumb knows; src/evidence/metrics.cc lists them", row.metric));
  }
  if (row.unit == info->unit) return OkStatus();
  return InvalidArgument(fmt::format("the metric {} is stored in \"{}\", not in \"{}\"", row.metric,
                                     info->unit, row.unit));
}

Status CheckTexts(Evidence& row) {
  for (const EvidenceColumn& column : EvidenceColumns()) {
    CRUMB_RETURN_IF_ERROR(std::visit(
        [&](auto member) {
          auto& value = row.*member;
          using T = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<T, std::string>) return CheckText(column.name, value);
          if constexpr (std::is_same_v<T, double>) return CheckNumber(column.name, value);
          if constexpr (std::is_same_v<T, std::optional<double>>) {
            if (value.has_value()) return CheckNumber(column.name, *value);
          }
          return OkStatus();
        },
        column.member));
  }
  for (const auto& named : {std::pair<std::string_view, std::string_view>{"model", row.model},
                            {"text", row.text},
                            {"subject", row.subject},
                            {"codec", row.codec},
                            {"kernel_set", row.kernel_set}}) {
    CRUMB_RETURN_IF_ERROR(CheckName(named.first, named.second));
  }
  CRUMB_RETURN_IF_ERROR(CheckJson("options", row.options));
  return CheckJson("detail", row.detail);
}

Status CheckRanges(const Evidence& row) {
  if (row.low.has_value() && row.high.has_value() && *row.low > *row.high) {
    return InvalidArgument(
        fmt::format("the interval of {} is upside down: {} > {}", row.metric, *row.low, *row.high));
  }
  if (row.standard_error.value_or(0) < 0 || row.n < 1 || row.method_version < 1 ||
      row.threads < 0) {
    return InvalidArgument(fmt::format(
        "standard_error {}, n {}, method_version {} or threads {} of {} is too small",
        row.standard_error.value_or(0), row.n, row.method_version, row.threads, row.metric));
  }
  return OkStatus();
}

}  // namespace

std::string CurrentTimeUtc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

Result<std::string> QuarterOf(std::string_view time_utc) {
  constexpr std::string_view kPattern = "0000-00-00T00:00:00Z";
  bool fits = time_utc.size() == kPattern.size();
  for (size_t i = 0; fits && i < kPattern.size(); ++i) {
    const bool digit = time_utc[i] >= '0' && time_utc[i] <= '9';
    fits = kPattern[i] == '0' ? digit : time_utc[i] == kPattern[i];
  }
  const int month = fits ? (time_utc[5] - '0') * 10 + (time_utc[6] - '0') : 0;
  if (month < 1 || month > 12) {
    return InvalidArgument(fmt::format("\"{}\" is not a time like 2026-11-22T03:24:05Z", time_utc));
  }
  return fmt::format("{}-Q{}", time_utc.substr(0, 4), (month + 2) / 3);
}

bool IsQuarter(std::string_view text) {
  const auto digit = [&](size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  return text.size() == 7 && digit(0) && digit(1) && digit(2) && digit(3) &&
         text.substr(4, 2) == "-Q" && text[6] >= '1' && text[6] <= '4';
}

Status CheckBaseName(std::string_view field, std::string_view name) {
  if (name.empty()) return InvalidArgument(fmt::format("the {} of an input is empty", field));
  CRUMB_RETURN_IF_ERROR(CheckText(field, name));
  return CheckName(field, name);
}

Status CompleteAndCheck(Evidence& row) {
  if (row.time_utc.empty()) row.time_utc = CurrentTimeUtc();
  CRUMB_ASSIGN_OR_RETURN(const std::string quarter, QuarterOf(row.time_utc));
  if (row.quarter.empty()) row.quarter = quarter;
  // What came from outside is of a quarter of its own, and was there before it was entered.
  if (!IsQuarter(row.quarter) ||
      (IsExternal(row) ? row.quarter > quarter : row.quarter != quarter)) {
    return InvalidArgument(
        fmt::format("the quarter {} is not that of the time {}", row.quarter, row.time_utc));
  }
  if (std::find(kKinds.begin(), kKinds.end(), row.kind) == kKinds.end()) {
    return InvalidArgument(fmt::format("\"{}\" is no kind of evidence", row.kind));
  }
  CRUMB_RETURN_IF_ERROR(CheckMetric(row));
  CRUMB_RETURN_IF_ERROR(CheckTexts(row));
  return CheckRanges(row);
}

}  // namespace crumb
