// Evidence that crumb did not measure: a published figure, a record of a deployment, a finding of
// an audit, a number that a person gives. The only way for it to become a row of a ledger, so that
// every such row has a source and nothing in it points to a person, a machine or an account.
#ifndef CRUMB_EVIDENCE_EXTERNAL_ROW_H_
#define CRUMB_EVIDENCE_EXTERNAL_ROW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "evidence/evidence.h"

namespace crumb {

struct ExternalRow {
  std::string kind;      // "public", "deployment", "audit", "manual"
  std::string source;    // who published or recorded it; only a manual row may be without
  std::string by_role;   // manual: who gives the number, a role in lower case
  std::string reason;    // manual: why
  std::string metric;    // of evidence/metrics.h
  std::string subject;   // what the value is of: "int4", "hotline assistant, INT4"
  std::string baseline;  // what it is compared with, or ""
  double value = 0;
  std::optional<double> low;  // 95 % interval; both ends or none
  std::optional<double> high;
  std::string unit;     // "": the metric's
  int64_t n = 1;        // size of the sample,
  std::string n_of;     // and what it counts; must be there where n is over 1
  std::string quarter;  // of the evidence: "2026-Q4"
  std::string supersedes;
  // The person says that this is evidence of their own although it equals an example of the
  // specification of articles (evidence/example_evidence.h); kept in the row.
  bool confirm_own_source = false;
};

// The row, ready for Ledger::Append but for what the ledger fills in. Source, baseline and quarter
// stand in its options (they say what was measured), the rest in its detail; its method is
// "external". kInvalidArgument names the field, what is wrong, and what to write instead.
Result<Evidence> MakeExternalRow(const ExternalRow& external);

// Whether a row may follow the rows there are. kInvalidArgument: one with the same key is there and
// not superseded by this one; `supersedes` names a row that is not there, was measured here, or is
// of another metric.
Status CheckExternalRow(const Evidence& row, const std::vector<Evidence>& rows);

// Whether a row came from outside: its kind is public, deployment, audit or manual.
bool IsExternal(const Evidence& row);
// The source of such a row; "" of any other and of a manual row without.
std::string SourceOf(const Evidence& row);

// Longest texts that are taken, in bytes of UTF-8.
inline constexpr size_t kLongestSource = 300;
inline constexpr size_t kLongestSubject = 100;

}  // namespace crumb

#endif  // CRUMB_EVIDENCE_EXTERNAL_ROW_H_
