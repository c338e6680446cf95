// What may be said about a number: only what its interval supports.
#ifndef CRUMB_PUBLISH_VERDICT_H_
#define CRUMB_PUBLISH_VERDICT_H_

#include "evidence/evidence.h"

namespace crumb {

enum class Verdict {
  kBetter,     // the whole interval is on the better side of "as the reference"
  kKept,       // the whole interval is within what counts as kept
  kUndecided,  // the interval holds "kept" and "not kept", or there is none
  kWorse,      // the whole interval is outside of "kept"
  kBroken,     // the whole interval is beyond what is of any use
  kUnknown,    // not measured
};

// The conventions, printed in every report. Perplexity ratio: at most 5 % more counts as kept, more
// than double as broken. Cosine with the reference's embeddings: at least 0.99, less than 0.7.
inline constexpr double kKeptRatio = 1.05;
inline constexpr double kBrokenRatio = 2.0;
inline constexpr double kKeptCosine = 0.99;
inline constexpr double kBrokenCosine = 0.7;

Verdict JudgeRatio(const Evidence* ratio);    // nullptr: kUnknown
Verdict JudgeCosine(const Evidence* cosine);  // nullptr: kUnknown

enum class Comparison { kHigher, kLower, kNoDifference, kUnknown };

// a against b. Higher or lower only if their 95 % intervals do not touch: stricter than a paired
// test, and all that two rows of a ledger allow. Unknown if one has no interval, or says that it
// was measured on a busy machine.
Comparison Compare(const Evidence* a, const Evidence* b);

}  // namespace crumb

#endif  // CRUMB_PUBLISH_VERDICT_H_
