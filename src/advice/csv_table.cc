#include "advice/csv_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace crumb {
namespace {

// Bytes of the UTF-8 sequence that begins at `text`, or 0 where none does (RFC 3629).
size_t SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return first == 0 ? 0 : 1;
  size_t length = 0;
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) length = 2;
  if (first >= 0xE0 && first <= 0xEF) length = 3;
  if (first >= 0xF0 && first <= 0xF4) length = 4;
  if (length == 0 || text.size() < length) return 0;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  return length;
}

Status CheckUtf8(std::string_view text, std::string_view name) {
  int64_t line = 1;
  for (size_t i = 0; i < text.size();) {
    const size_t length = SequenceLength(text.substr(i));
    if (length == 0) {
      return Corrupt(fmt::format(
          "{}:{}: byte {} is not UTF-8; the file mixes encodings or has another one: save it as "
          "UTF-8",
          name, line, i + 1));
    }
    if (text[i] == '\n') ++line;
    i += length;
  }
  return OkStatus();
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
