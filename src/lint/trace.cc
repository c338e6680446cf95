#include "lint/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/files.h"
#include "base/json.h"

namespace crumb::lint {
namespace {

constexpr int64_t kMaxTraceBytes = 8 << 20;
constexpr std::array<std::string_view, 5> kClosed = {"", "section", "quarter", "count", "name"};
constexpr std::array<std::string_view, 8> kScales = {"unit",   "percent", "change",     "excess",
                                                     "points", "times",   "difference", "spread"};
constexpr std::array<std::string_view, 5> kDirections = {"lower", "higher", "lower-to", "higher-to",
                                                         "level"};

Result<std::optional<int64_t>> RowId(const Json& entry, std::string_view key,
                                     const std::string& name) {
  const auto found = entry.find(std::string(key));
  if (found == entry.end() || found->is_null()) return std::optional<int64_t>();
  CRUMB_ASSIGN_OR_RETURN(const int64_t id, JsonInt(entry, key, name));
  return std::optional<int64_t>(id);
}

template <size_t kSize>
Status OneOf(const std::array<std::string_view, kSize>& known, std::string_view key,
             const std::string& value, const std::string& name) {
  if (std::ranges::find(known, value) != known.end()) return OkStatus();
  return Corrupt(
      fmt::format("{}: {} is \"{}\"; docs/formats/trace.md lists the values", name, key, value));
}

Result<TraceEntry> ParseEntry(const Json& json, const std::string& name) {
  TraceEntry entry;
  CRUMB_ASSIGN_OR_RETURN(entry.text, JsonString(json, "text", name));
  CRUMB_ASSIGN_OR_RETURN(entry.evidence, RowId(json, "evidence", name));
  CRUMB_ASSIGN_OR_RETURN(entry.baseline, RowId(json, "baseline", name));
  CRUMB_ASSIGN_OR_RETURN(entry.closed, JsonStringOr(json, "closed", "", name));
  CRUMB_ASSIGN_OR_RETURN(const int64_t digits, JsonIntOr(json, "digits", 0, name));
  entry.digits = static_cast<int>(std::clamp<int64_t>(digits, -15, 99));
  CRUMB_ASSIGN_OR_RETURN(entry.scale, JsonStringOr(json, "scale", "unit", name));
  CRUMB_ASSIGN_OR_RETURN(entry.direction, JsonStringOr(json, "direction", "level", name));
  CRUMB_RETURN_IF_ERROR(OneOf(kClosed, "closed", entry.closed, name));
  CRUMB_RETURN_IF_ERROR(OneOf(kScales, "scale", entry.scale, name));
  CRUMB_RETURN_IF_ERROR(OneOf(kDirections, "direction", entry.direction, name));
  if (entry.evidence.has_value() != entry.closed.empty()) {
    return Corrupt(fmt::format("{}: give either evidence or closed, and not both", name));
  }
  return entry;
}

}  // namespace

Result<Trace> ParseTrace(std::string_view text, const std::string& name) {
  CRUMB_ASSIGN_OR_RETURN(const Json json, ParseJson(text, name));
  CRUMB_ASSIGN_OR_RETURN(const std::string format, JsonString(json, "format", name));
  CRUMB_ASSIGN_OR_RETURN(const int64_t version, JsonInt(json, "version", name));
  if (format != "crumb-article-trace") {
    return Corrupt(fmt::format("{}: its format is \"{}\", not crumb-article-trace", name, format));
  }
  if (version != 1) {
    return Unsupported(fmt::format("{}: version {} is not known here; this program reads version 1",
                                   name, version));
  }
  Trace trace;
  CRUMB_ASSIGN_OR_RETURN(trace.text_sha256, JsonString(json, "text_sha256", name));
  CRUMB_ASSIGN_OR_RETURN(trace.title, JsonStringOr(json, "title", "", name));
  CRUMB_ASSIGN_OR_RETURN(trace.sector, JsonStringOr(json, "sector", "", name));
  if (const auto list = json.find("audiences"); list != json.end() && list->is_array()) {
    for (const Json& audience : *list) {
      if (!audience.is_string()) return Corrupt(fmt::format("{}: audiences: not a string", name));
      trace.audiences.push_back(audience.get<std::string>());
    }
  }
  if (const auto list = json.find("evidence"); list != json.end() && list->is_array()) {
    for (const Json& id : *list) {
      if (!id.is_number_integer()) return Corrupt(fmt::format("{}: evidence: not an id", name));
      trace.evidence.push_back(id.get<int64_t>());
    }
  }
  const auto numerals = json.find("numerals");
  if (numerals == json.end() || !numerals->is_array()) {
    return Corrupt(fmt::format("{}: has no list \"numerals\"", name));
  }
  for (const Json& json_entry : *numerals) {
    const auto ordinal = static_cast<int64_t>(trace.numerals.size()) + 1;
    const std::string place = fmt::format("{}: numeral {}", name, ordinal);
    if (!json_entry.is_object()) return Corrupt(fmt::format("{}: is no object", place));
    CRUMB_ASSIGN_OR_RETURN(const int64_t stated, JsonIntOr(json_entry, "ordinal", ordinal, place));
    if (stated != ordinal) {
      return Corrupt(fmt::format("{}: has the ordinal {}; they count from 1", place, stated));
    }
    CRUMB_ASSIGN_OR_RETURN(TraceEntry entry, ParseEntry(json_entry, place));
    trace.numerals.push_back(std::move(entry));
  }
  return trace;
}

Result<Trace> ReadTrace(const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxTraceBytes));
  return ParseTrace(text, path);
}

}  // namespace crumb::lint
