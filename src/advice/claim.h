// A claim: one number that somebody states, read from a row of a table of claims, with what it is a
// number of. Which quantity, width, model and device a row is about is read from its words and its
// unit; nothing is known about particular rows.
#ifndef CRUMB_ADVICE_CLAIM_H_
#define CRUMB_ADVICE_CLAIM_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "advice/facts.h"
#include "base/status.h"

namespace crumb {

enum class Quantity {
  kOther,            // a text, or a unit that no rule looks at
  kOutOfMemory,      // "OOM"
  kParameters,       // a count
  kWeightBytes,      // bytes of weights
  kMemoryInUse,      // bytes of everything while it runs
  kSeconds,          // for one run
  kSecondsPerToken,  // while generating
  kLatencyP99,       // seconds
  kSpeedup,          // times faster than at base_bits
  kThroughput,       // requests per second
  kBatch,            // requests at once
  kMachines,         // a count
  kCards,            // a count that one model needs
  kMonthlyCost,      // dollars
  kYearlySaving,     // dollars
  kEnergyPerToken,   // joules
  kScore,            // quality in points; higher or lower may be better
  kPerplexity,       // a pure number
  kPoints,           // change of a score in points
  kPerplexityRise,   // change of a perplexity in percent
  kReduction,        // percent less than at base_bits, of what the row's table is about
  kMemoryReduction,  // percent less memory, beside a width that is not said
  kScaleLaw,         // percent less loss for ten times the parameters
};

struct Claim {
  std::string id;
  std::string line;      // of the source, as the table says
  int64_t row_line = 0;  // of the table
  std::string section, table, row, column, raw, unit, gloss;

  Quantity quantity = Quantity::kOther;
  double value = 0;      // in the unit that Quantity says; of a range its lower end
  double high = 0;       // upper end of a range; otherwise value
  double slack = 0;      // half a unit of the last digit that was printed, in the same unit
  double bits = 0;       // nominal width, the highest of a mixture; 0: none is named
  double low_bits = 0;   // the lowest of a mixture; otherwise bits
  double base_bits = 0;  // what a ratio or a change is relative to; 0: not said
  double total_qps = 0;  // load that a number of machines is for; 0: not said
  bool trained = false;  // training beyond rounding is named

  const Entity* model = nullptr;  // of the facts
  const Entity* device = nullptr;
  const Entity* task = nullptr;
  // Claims with equal settings differ in width and quantity only.
  std::string setting;
};

// Reads a table with the columns id, line (or seed_line), section, table, row, column, raw, value,
// unit, and perhaps gloss (or gloss_en) and about: "bits=4; qps=1000; training=qat". A cell with
// several values ("80000 / 80") becomes several claims. kCorrupt, one line with the place: a
// missing column, an id that is there twice or empty, a value that is no number, no rows. The
// claims point into `facts`.
Result<std::vector<Claim>> ReadClaims(std::string_view csv, std::string_view name,
                                      const Facts& facts);

// The width that a text names: 4 of "INT4" and "FP4"; nothing: 0. The highest and lowest of
// several.
struct Widths {
  double high = 0;
  double low = 0;
};
Widths WidthsIn(std::string_view text);

// "INT4", "FP16": how people name a width.
std::string WidthName(double bits);

}  // namespace crumb

#endif  // CRUMB_ADVICE_CLAIM_H_
