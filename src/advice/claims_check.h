// A table of claims put to the test: every rule, and what was measured here.
#ifndef CRUMB_ADVICE_CLAIMS_CHECK_H_
#define CRUMB_ADVICE_CLAIMS_CHECK_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "advice/claim.h"
#include "advice/rule.h"
#include "base/json_fwd.h"
#include "base/status.h"
#include "evidence/evidence.h"

namespace crumb {

// What the ledger holds that is of the kind of a claim.
struct MeasuredHere {
  int64_t id = 0;         // of the row
  int64_t reference = 0;  // of the row that it was divided by; 0: none
  double value = 0;       // in the unit of the claim's quantity
  std::optional<double> low, high;
  std::string model;
  std::string subject;
  bool same_model = false;  // only then it decides anything
};

struct JudgedClaim {
  const Claim* claim = nullptr;
  ClaimVerdict verdict = ClaimVerdict::kNotTestable;
  std::vector<Finding> findings;  // the strongest first
  std::optional<MeasuredHere> measured;
};

struct ClaimsReport {
  std::string name;  // of the table
  std::shared_ptr<const Facts> facts;
  std::shared_ptr<const std::vector<Claim>> claims;
  std::vector<JudgedClaim> judged;  // in the order of the table
  size_t Count(ClaimVerdict verdict) const;
};

// `name` is the table for messages, `rows` the ledger's, perhaps none.
Result<ClaimsReport> CheckClaims(std::string_view csv, std::string_view name, const Facts& facts,
                                 const std::vector<Evidence>& rows);
// The transcription of the source note's figures that is part of the program.
std::string_view ShippedClaims();

std::string_view VerdictName(ClaimVerdict verdict);  // "impossible"; as JSON has it
Words VerdictWords(ClaimVerdict verdict);
// As the table prints it, with the unit where that names none: "4.8s", "12 req/s".
std::string ClaimedText(const Claim& claim);
// "12.3 ms a token [11, 13] (#40, model int4+embed8)".
std::string MeasuredText(const Claim& claim, const MeasuredHere& measured);

// The report for a terminal: a line for each claim of `only` (empty: all), and below it the
// derivations of what is contradicted or impossible. At most 80 columns.
std::string ClaimsText(const ClaimsReport& report, const std::vector<ClaimVerdict>& only,
                       std::string_view language);
Json ClaimsJson(const ClaimsReport& report);

}  // namespace crumb

#endif  // CRUMB_ADVICE_CLAIMS_CHECK_H_
