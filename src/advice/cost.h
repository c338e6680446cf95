// How many machines a load needs, and what they cost.
//
//   machines             = ceil(load / (goodput x utilization)) + reserve
//   month                = machines x price of an hour x hours of a month
//   a million tokens     = price of an hour / (tokens/s x utilization x 3600) x 1e6
//   saving               = 1 - month / month of the reference
//
// goodput is requests per second that one machine ends within the latency bound; a saving compares
// services only where that bound was the same. docs/cost.md has examples.
#ifndef CRUMB_ADVICE_COST_H_
#define CRUMB_ADVICE_COST_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "advice/words.h"
#include "base/json_fwd.h"
#include "base/status.h"

namespace crumb {

inline constexpr double kHoursPerMonth = 730;  // 8760 / 12

// What one machine does, for one version of a model.
struct Serving {
  std::string name;
  double goodput = 0;            // requests/s; 0: not known
  double tokens_per_second = 0;  // 0: not known
  double p99_seconds = 0;        // 0: not stated
  double batch = 0;              // 0: not stated
  int64_t ledger_id = 0;         // where the rate comes from; 0: typed in
};

struct CostPlan {
  double price_per_hour = 0;   // of one machine
  double target_qps = 0;       // 0: only the price of tokens is asked for
  double utilization = 0.7;    // the share of goodput that is planned with; the rest is head-room
  int64_t reserve = 1;         // machines beside those that the load needs
  double latency_seconds = 0;  // the bound; 0: none was given
};

struct CostResult {
  Serving serving;
  int64_t machines = 0;
  double month = 0;           // dollars
  double million_tokens = 0;  // dollars; 0: tokens/s not known
  double saving = 0;          // share of the reference's month
  bool meets_latency = true;  // false when p99 is stated and above the bound
};

struct CostReport {
  CostPlan plan;
  std::vector<CostResult> results;  // the first is the reference
  std::vector<Words> unfair;        // why the comparison is not one of like with like
};

// kInvalidArgument, one line, for a price that is not above 0, a load below 0 or 0 where requests
// are priced, a utilization outside (0, 1], a negative reserve, a rate that is not above 0.
Result<CostReport> PlanCost(const CostPlan& plan, const std::vector<Serving>& servings);

// Rows of a table with the columns name, goodput and perhaps p99_ms and batch.
Result<std::vector<Serving>> ReadServings(std::string_view csv, std::string_view name);

std::string CostText(const CostReport& report, std::string_view language);
Json CostJson(const CostReport& report);

}  // namespace crumb

#endif  // CRUMB_ADVICE_COST_H_
