#include "lint/rows.h"

#include <memory>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "evidence/ledger.h"
#include "evidence/metrics.h"
#include "evidence/superseded.h"
#include "lint/word_list.h"

namespace crumb::lint {

Rows::Rows(std::vector<Evidence> rows) : superseded(SupersededIds(rows)) {
  for (Evidence& row : rows) {
    const int64_t id = row.id;
    by_id.emplace(id, std::move(row));
  }
}

const Evidence* Rows::Find(int64_t id) const {
  const auto found = by_id.find(id);
  return found == by_id.end() ? nullptr : &found->second;
}

Result<Rows> ReadRows(const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(
      const std::unique_ptr<Ledger> ledger,
      Ledger::OpenForReading(IsFolder(path) ? JoinPath(path, "ledger.db") : path));
  CRUMB_RETURN_IF_ERROR(ledger->Verify({}).status());
  CRUMB_ASSIGN_OR_RETURN(std::vector<Evidence> rows, ledger->Select({}));
  std::erase_if(rows, [](const Evidence& row) { return row.metric == metric::kWindowScores; });
  return Rows(std::move(rows));
}

std::vector<Evidence> SampleRows() {
  std::vector<Evidence> rows;
  for (const Fields& line : DataLines("sample_rows.txt")) {
    Evidence row;
    row.id = static_cast<int64_t>(rows.size()) + 1;
    row.metric = line[0];
    row.subject = line[1];
    row.value = std::stod(std::string(line[2]));
    if (!line[3].empty()) row.low = std::stod(std::string(line[3]));
    if (!line[4].empty()) row.high = std::stod(std::string(line[4]));
    row.text = line[5];
    row.kind = line[6];
    row.supersedes = line[7];
    row.unit = FindMetric(row.metric)->unit;
    row.method = "sample";
    row.model = "sample.gguf";
    row.quarter = "2026-Q4";
    row.time_utc = "2026-11-22T03:24:05Z";
    row.options = "{}";
    row.detail = "{}";
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace crumb::lint
