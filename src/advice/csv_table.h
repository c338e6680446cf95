// Comma separated text (RFC 4180, UTF-8) as rows of cells.
#ifndef CRUMB_ADVICE_CSV_TABLE_H_
#define CRUMB_ADVICE_CSV_TABLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace crumb {

struct CsvRow {
  int64_t line = 0;  // 1-based line of the file where the row begins
  std::vector<std::string> cells;
};

struct CsvTable {
  std::string name;  // the file, for messages
  std::vector<std::string> columns;
  std::vector<CsvRow> rows;

  // The place of a column, by the first of `names` that is there.
  std::optional<size_t> Column(std::initializer_list<std::string_view> names) const;
};

// Empty text, bytes that are not UTF-8 (with the line), a quote that is never closed, a row with
// another number of cells than the first line and a column named twice are kCorrupt. A byte order
// mark is skipped, lines without any cell too.
Result<CsvTable> ParseCsv(std::string_view text, std::string_view name);

// The whole text as a number ("+6.1", "1e9"); nullopt otherwise, also for infinities.
std::optional<double> ParseNumber(std::string_view text);

}  // namespace crumb

#endif  // CRUMB_ADVICE_CSV_TABLE_H_
