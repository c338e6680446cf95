#include "evidence/evidence.h"

#include <fmt/format.h>

#include <array>
#include <type_traits>

#include "base/json.h"
#include "base/sha256.h"
#include "evidence/columns.h"
#include "evidence/ledger.h"

namespace crumb {
namespace {

// The first field of what is hashed: a hash of one kind can never be taken for one of another.
constexpr std::string_view kRowFormat = "crumb-evidence-1";
constexpr std::string_view kKeyFormat = "crumb-key-1";

constexpr std::array kColumns = {
    EvidenceColumn{"kind", &Evidence::kind},
    EvidenceColumn{"metric", &Evidence::metric},
    EvidenceColumn{"subject", &Evidence::subject},
    EvidenceColumn{"value", &Evidence::value},
    EvidenceColumn{"unit", &Evidence::unit},
    EvidenceColumn{"low", &Evidence::low},
    EvidenceColumn{"high", &Evidence::high},
    EvidenceColumn{"standard_error", &Evidence::standard_error},
    EvidenceColumn{"n", &Evidence::n},
    EvidenceColumn{"n_of", &Evidence::n_of},
    EvidenceColumn{"method", &Evidence::method},
    EvidenceColumn{"method_version", &Evidence::method_version},
    EvidenceColumn{"model", &Evidence::model},
    EvidenceColumn{"model_sha256", &Evidence::model_sha256},
    EvidenceColumn{"text", &Evidence::text},
    EvidenceColumn{"text_sha256", &Evidence::text_sha256},
    EvidenceColumn{"codec", &Evidence::codec},
    EvidenceColumn{"options", &Evidence::options},
    EvidenceColumn{"commit", &Evidence::commit},
    EvidenceColumn{"cpu_model", &Evidence::cpu_model},
    EvidenceColumn{"kernel_set", &Evidence::kernel_set},
    EvidenceColumn{"threads", &Evidence::threads},
    EvidenceColumn{"quarter", &Evidence::quarter},
    EvidenceColumn{"time_utc", &Evidence::time_utc},
    EvidenceColumn{"detail", &Evidence::detail},
    EvidenceColumn{"supersedes", &Evidence::supersedes},
};

void AppendMember(std::string& canonical, const std::optional<double>& value) {
  if (value.has_value()) {
    AppendField(canonical, *value);
  } else {
    AppendMissingField(canonical);
  }
}
void AppendMember(std::string& canonical, const std::string& value) {
  AppendField(canonical, std::string_view(value));
}
void AppendMember(std::string& canonical, double value) { AppendField(canonical, value); }
void AppendMember(std::string& canonical, int64_t value) { AppendField(canonical, value); }
void AppendMember(std::string& canonical, int value) { AppendField(canonical, int64_t{value}); }

}  // namespace

std::span<const EvidenceColumn> EvidenceColumns() { return kColumns; }

void AppendField(std::string& canonical, std::string_view text) {
  canonical += std::to_string(text.size());
  canonical += ':';
  canonical += text;
  canonical += ',';
}

void AppendField(std::string& canonical, int64_t value) {
  AppendField(canonical, std::string_view(std::to_string(value)));
}

void AppendField(std::string& canonical, double value) {
  AppendField(canonical, std::string_view(ShortestText(value)));
}

void AppendMissingField(std::string& canonical) { canonical += "-,"; }

std::string ShortestText(double value) { return fmt::format("{}", value); }

std::string EvidenceHash(const Evidence& row) {
  std::string canonical;
  AppendField(canonical, kRowFormat);
  AppendField(canonical, std::string_view(row.previous_hash));
  AppendField(canonical, row.id);
  for (const EvidenceColumn& column : kColumns) {
    std::visit([&](auto member) { AppendMember(canonical, row.*member); }, column.member);
  }
  return Sha256Hex(canonical);
}

std::string EvidenceKey(const Evidence& row) {
  std::string canonical;
  AppendField(canonical, kKeyFormat);
  for (const std::string* text : {&row.metric, &row.subject, &row.unit, &row.method}) {
    AppendMember(canonical, *text);
  }
  AppendMember(canonical, row.method_version);
  for (const std::string* text : {&row.model_sha256, &row.text_sha256, &row.codec, &row.options,
                                  &row.kernel_set, &row.cpu_model}) {
    AppendMember(canonical, *text);
  }
  AppendMember(canonical, row.threads);
  return Sha256Hex(canonical);
}

std::string EvidenceToJson(const Evidence& row, int indent) {
  Json json = Json::object();
  json["id"] = row.id;
  for (const EvidenceColumn& column : kColumns) {
    const std::string name(column.name);
    std::visit(
        [&](auto member) {
          const auto& value = row.*member;
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::optional<double>>) {
            json[name] = value.has_value() ? Json(*value) : Json(nullptr);
          } else {
            json[name] = value;
          }
        },
        column.member);
  }
  json["previous_hash"] = row.previous_hash;
  json["hash"] = row.hash;
  return DumpJson(json, indent);
}

}  // namespace crumb
