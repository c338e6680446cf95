// Claims with some cells changed, for tests of the rules.
#ifndef CRUMB_ADVICE_CLAIMS_FOR_TEST_H_
#define CRUMB_ADVICE_CLAIMS_FOR_TEST_H_

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "advice/claims_check.h"
#include "advice/csv_table.h"

namespace crumb {

struct Edit {
  std::string id;
  std::string column;
  std::string text;
};

// The shipped table with these cells in place of its own.
inline std::string EditedClaims(const std::vector<Edit>& edits) {
  Result<CsvTable> table = ParseCsv(ShippedClaims(), "claims.csv");
  EXPECT_TRUE(table.ok());
  for (const Edit& edit : edits) {
    int found = 0;
    for (CsvRow& row : table->rows) {
      if (row.cells[0] != edit.id) continue;
      row.cells[table->Column({edit.column}).value()] = edit.text;
      ++found;
    }
    EXPECT_EQ(found, 1) << edit.id;
  }
  const auto line = [](const std::vector<std::string>& cells) {
    std::string text;
    for (const std::string& cell : cells) {
      text += (text.empty() ? "\"" : ",\"") + cell + "\"";
    }
    return text + "\n";
  };
  std::string csv = line(table->columns);
  for (const CsvRow& row : table->rows) csv += line(row.cells);
  return csv;
}

inline ClaimsReport Check(std::string_view csv, const std::vector<Evidence>& rows = {}) {
  const Result<Facts> facts = Facts::Shipped();
  EXPECT_TRUE(facts.ok());
  Result<ClaimsReport> report = CheckClaims(csv, "claims.csv", *facts, rows);
  EXPECT_TRUE(report.ok()) << report.status().message();
  return std::move(report).value();
}

inline const JudgedClaim& Judged(const ClaimsReport& report, std::string_view id) {
  for (const JudgedClaim& judged : report.judged) {
    if (judged.claim->id == id) return judged;
  }
  ADD_FAILURE() << "no claim " << id;
  return report.judged.front();
}

// What one rule says of a claim; not testable where it says nothing.
inline ClaimVerdict RuleVerdict(const JudgedClaim& judged, std::string_view rule) {
  ClaimVerdict verdict = ClaimVerdict::kNotTestable;
  for (const Finding& finding : judged.findings) {
    if (finding.rule == rule) verdict = std::max(verdict, finding.verdict);
  }
  return verdict;
}

}  // namespace crumb

#endif  // CRUMB_ADVICE_CLAIMS_FOR_TEST_H_
