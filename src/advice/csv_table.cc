#include "advice/csv_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/utf8.h"

namespace crumb {
namespace {

// NUL bytes are refused too: they are text in UTF-16.
Status CheckUtf8(std::string_view text, std::string_view name) {
  const size_t nul = std::min(text.find('\0'), text.size());
  const int64_t invalid = FirstInvalidUtf8(text.substr(0, nul));
  if (invalid < 0 && nul == text.size()) return OkStatus();
  const size_t bad = invalid < 0 ? nul : static_cast<size_t>(invalid);
  return Corrupt(fmt::format(
      "{}:{}: byte {} is not UTF-8; the file mixes encodings or has another one: save it as UTF-8",
      name, 1 + std::ranges::count(text.substr(0, bad), '\n'), bad + 1));
}

// One row from `text` at `*at`; moves `*at` behind its line break and counts lines.
Result<CsvRow> ParseRow(std::string_view text, size_t* at, int64_t* line, std::string_view name) {
  CsvRow row;
  row.line = *line;
  std::string cell;
  bool quoted = false;
  for (; *at < text.size(); ++*at) {
    const char c = text[*at];
    if (c == '\n') ++*line;
    if (quoted) {
      if (c != '"') {
        cell += c;
      } else if (*at + 1 < text.size() && text[*at + 1] == '"') {
        cell += c;
        ++*at;
      } else {
        quoted = false;
      }
    } else if (c == '"' && cell.empty()) {
      quoted = true;
    } else if (c == ',') {
      row.cells.push_back(std::move(cell));
      cell.clear();
    } else if (c == '\n') {
      ++*at;
      break;
    } else if (c != '\r') {
      cell += c;
    }
  }
  if (quoted) {
    return Corrupt(fmt::format("{}:{}: a quote is never closed", name, row.line));
  }
  row.cells.push_back(std::move(cell));
  return row;
}

bool IsBlank(const CsvRow& row) { return row.cells.size() == 1 && row.cells[0].empty(); }

}  // namespace

std::optional<size_t> CsvTable::Column(std::initializer_list<std::string_view> names) const {
  for (const std::string_view wanted : names) {
    const auto found = std::ranges::find(columns, wanted);
    if (found != columns.end()) return static_cast<size_t>(found - columns.begin());
  }
  return std::nullopt;
}

Result<CsvTable> ParseCsv(std::string_view text, std::string_view name) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  CRUMB_RETURN_IF_ERROR(CheckUtf8(text, name));
  CsvTable table;
  table.name = name;
  int64_t line = 1;
  for (size_t at = 0; at < text.size();) {
    CRUMB_ASSIGN_OR_RETURN(CsvRow row, ParseRow(text, &at, &line, name));
    if (IsBlank(row)) continue;
    if (table.columns.empty()) {
      table.columns = std::move(row.cells);
      continue;
    }
    if (row.cells.size() != table.columns.size()) {
      return Corrupt(fmt::format("{}:{}: {} cells, but the first line names {} columns", name,
                                 row.line, row.cells.size(), table.columns.size()));
    }
    table.rows.push_back(std::move(row));
  }
  if (table.columns.empty()) {
    return Corrupt(fmt::format("{}: the file is empty; the first line names the columns", name));
  }
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (std::find(table.columns.begin(), table.columns.begin() + static_cast<ptrdiff_t>(i),
                  table.columns[i]) != table.columns.begin() + static_cast<ptrdiff_t>(i)) {
      return Corrupt(fmt::format("{}:1: the column '{}' is there twice", name, table.columns[i]));
    }
  }
  return table;
}

std::optional<double> ParseNumber(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

}  // namespace crumb
