#include "advice/claim.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>

#include "advice/claim_units.h"
#include "advice/csv_table.h"

namespace crumb {
namespace {

constexpr std::array<std::string_view, 11> kColumns = {
    "id", "line", "section", "table", "row", "column", "raw", "value", "unit", "gloss", "about"};
enum Place { kId, kLine, kSection, kTable, kRow, kColumn, kRaw, kValue, kUnit, kGloss, kAbout };
using Places = std::array<std::optional<size_t>, kColumns.size()>;

Result<Places> FindColumns(const CsvTable& table) {
  Places places;
  for (size_t i = 0; i < kColumns.size(); ++i) places[i] = table.Column({kColumns[i]});
  if (!places[kLine].has_value()) places[kLine] = table.Column({"seed_line"});
  if (!places[kGloss].has_value()) places[kGloss] = table.Column({"gloss_en"});
  for (size_t i = 0; i < kColumns.size(); ++i) {
    if (places[i].has_value() || i == kGloss || i == kAbout) continue;
    return Corrupt(
        fmt::format("{}:1: the column '{}' is missing; needed are id, line, section, "
                    "table, row, column, raw, value, unit",
                    table.name, kColumns[i]));
  }
  return places;
}

std::vector<std::string> Split(std::string_view text, std::initializer_list<std::string_view> by) {
  std::vector<std::string> parts;
  while (true) {
    size_t at = text.size();
    size_t length = 0;
    for (const std::string_view separator : by) {
      const size_t found = text.find(separator);
      if (found < at) {
        at = found;
        length = separator.size();
      }
    }
    parts.emplace_back(text.substr(0, at));
    if (at == text.size()) return parts;
    text.remove_prefix(at + length);
  }
}

struct Range {
  double low = 0;
  double high = 0;
  double slack = 0;
};

// Half a unit of the last printed digit: 0.05 of "2.5", 0.5 of "40".
double HalfDigit(std::string_view text) {
  const size_t power = text.find_first_of("eE");
  const size_t point = text.substr(0, power).find('.');
  double exponent = 0;
  if (point != std::string_view::npos) {
    exponent = -static_cast<double>(std::min(power, text.size()) - point - 1);
  }
  if (power != std::string_view::npos) {
    exponent += ParseNumber(text.substr(power + 1)).value_or(0);
  }
  return 0.5 * std::pow(10, exponent);
}

// "72.0", "<50", ">=10", "10..20+", "~5".
std::optional<Range> ParseRange(std::string_view text) {
  while (!text.empty() && std::string_view("<>=~ ").find(text.front()) != std::string_view::npos) {
    text.remove_prefix(1);
  }
  while (text.ends_with('+') || text.ends_with(' ')) text.remove_suffix(1);
  const size_t dots = text.find("..");
  const std::string_view first = text.substr(0, dots);
  const std::optional<double> low = ParseNumber(first);
  const std::optional<double> high =
      dots == std::string_view::npos ? low : ParseNumber(text.substr(dots + 2));
  if (!low.has_value() || !high.has_value() || *high < *low) return std::nullopt;
  return Range{*low, *high, HalfDigit(first)};
}

// "key" of "key=value; key=value".
std::string_view About(std::string_view text, std::string_view key) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(';', at), text.size());
    std::string_view pair = text.substr(at, end - at);
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.starts_with(key) && pair.substr(key.size()).starts_with('=')) {
      return pair.substr(key.size() + 1);
    }
    at = end + 1;
  }
  return {};
}

// The load in "1000 QPS".
double QpsIn(std::string_view text) {
  const size_t at = text.find(" QPS");
  if (at == std::string_view::npos) return 0;
  const size_t space = text.substr(0, at).rfind(' ');
  return ParseNumber(text.substr(space == std::string_view::npos ? 0 : space + 1,
                                 at - (space == std::string_view::npos ? 0 : space + 1)))
      .value_or(0);
}

// A row's name without the width in it, so that the rows "FP16" and "INT8" of a table have one
// setting.
std::string WithoutWidth(const std::string& row) {
  const Widths widths = WidthsIn(row);
  return widths.high > 0 && row == WidthName(widths.high) ? std::string() : row;
}

// Puts what the words of the row say into the claim.
void Understand(Claim& claim, const std::string& about, const Facts& facts) {
  Widths widths = WidthsIn(claim.column);
  if (widths.high == 0) widths = WidthsIn(claim.row);
  if (widths.high == 0) {
    // "50M → INT4 → 12.5MB": what stands behind the arrow has the width before it.
    const size_t arrow = claim.raw.find("→ INT");
    if (arrow != std::string::npos && claim.quantity == Quantity::kWeightBytes) {
      widths = WidthsIn(std::string_view(claim.raw).substr(arrow));
    }
  }
  if (const std::optional<double> bits = ParseNumber(About(about, "bits"))) {
    widths = {*bits, *bits};
  }
  claim.bits = widths.high;
  claim.low_bits = widths.low;
  claim.trained = !About(about, "training").empty() && About(about, "training") != "none";
  claim.total_qps =
      ParseNumber(About(about, "qps")).value_or(QpsIn(claim.table + " " + claim.column));
  for (const std::string* text : {&claim.row, &claim.table}) {
    if (claim.model == nullptr) claim.model = facts.FindIn("model", *text);
    if (claim.device == nullptr) claim.device = facts.FindIn("device", *text);
    if (claim.task == nullptr) claim.task = facts.FindIn("task", *text);
  }
  claim.setting =
      claim.table == "prose" ? claim.section : claim.table + "|" + WithoutWidth(claim.row);
}

// A data set may be named in a cell of its own beside the numbers.
void ShareTasks(std::vector<Claim>& claims, const Facts& facts) {
  for (const Claim& named : claims) {
    if (named.quantity != Quantity::kOther) continue;
    const Entity* task = facts.FindIn("task", named.raw);
    if (task == nullptr) continue;
    for (Claim& claim : claims) {
      if (claim.task == nullptr && claim.setting == named.setting) claim.task = task;
    }
  }
}

}  // namespace

Widths WidthsIn(std::string_view text) {
  Widths widths;
  for (const double bits : {32., 16., 8., 4., 3., 2., 1.}) {
    for (const std::string_view kind : {"FP", "INT", "BF"}) {
      const std::string name = fmt::format("{}{:g}", kind, bits);
      // "FP16推理" and "INT4 cost" name a width, "INT16" does not name INT1.
      if (FindWord(text, name) == std::string_view::npos) continue;
      if (widths.high == 0) widths.high = bits;
      widths.low = bits;
    }
  }
  return widths;
}

std::string WidthName(double bits) {
  return fmt::format("{}{:g}", bits >= 16 ? "FP" : "INT", bits);
}

Result<std::vector<Claim>> ReadClaims(std::string_view csv, std::string_view name,
                                      const Facts& facts) {
  CRUMB_ASSIGN_OR_RETURN(const CsvTable table, ParseCsv(csv, name));
  CRUMB_ASSIGN_OR_RETURN(const Places places, FindColumns(table));
  std::vector<Claim> claims;
  std::set<std::string> ids;
  for (const CsvRow& row : table.rows) {
    const auto cell = [&](Place place) {
      return places[place].has_value() ? row.cells[*places[place]] : std::string();
    };
    if (cell(kId).empty() || !ids.insert(cell(kId)).second) {
      return Corrupt(fmt::format("{}:{}: the id '{}' is {}", name, row.line, cell(kId),
                                 cell(kId).empty() ? "empty" : "there twice"));
    }
    Claim claim;
    claim.line = cell(kLine);
    claim.row_line = row.line;
    claim.section = cell(kSection);
    claim.table = cell(kTable);
    claim.row = cell(kRow);
    claim.column = cell(kColumn);
    claim.raw = cell(kRaw);
    claim.gloss = cell(kGloss);
    const std::vector<std::string> values = Split(cell(kValue), {" / ", " -> ", " ; ", " vs "});
    const std::vector<std::string> units = Split(cell(kUnit), {" / ", " -> "});
    for (size_t i = 0; i < values.size(); ++i) {
      Claim part = claim;
      part.id = values.size() == 1 ? cell(kId) : fmt::format("{}.{}", cell(kId), i + 1);
      part.unit = units[std::min(i, units.size() - 1)];
      if (!values[i].empty() && values[i] != "-") {
        const std::optional<Range> range = ParseRange(values[i]);
        if (!range.has_value()) {
          return Corrupt(fmt::format("{}:{}: the value '{}' of {} is not a number", name, row.line,
                                     values[i], cell(kId)));
        }
        part.value = range->low;
        part.high = range->high;
        part.slack = range->slack;
        ApplyUnit(part);
      } else if (claim.raw == "OOM") {
        part.quantity = Quantity::kOutOfMemory;
      }
      Understand(part, cell(kAbout), facts);
      claims.push_back(std::move(part));
    }
  }
  if (claims.empty()) return Corrupt(fmt::format("{}: no claims below the first line", name));
  ShareTasks(claims, facts);
  return claims;
}

}  // namespace crumb
