// The row of a ledger that is of the kind of a claim. Internal to src/advice.
#ifndef CRUMB_ADVICE_MEASURED_H_
#define CRUMB_ADVICE_MEASURED_H_

#include <optional>
#include <vector>

#include "advice/claims_check.h"

namespace crumb {

// By quantity and width: a rise of perplexity is perplexity_ratio, a change of points
// task_accuracy_change of the claim's task, a speed-up the ratio of two generation speeds, bytes
// the weights in memory, energy a token's. The version of the width with the least loss stands for
// it. nullopt when nothing of the kind was measured.
std::optional<MeasuredHere> FindMeasured(const Claim& claim, const std::vector<Evidence>& rows);

// The metric of a variant's change of the share of right answers on a task (0.01 is a point; `text`
// is "TASK:SCORE"), which studies with tasks have.
inline constexpr std::string_view kTaskChangeMetric = "task_accuracy_change";

// Whether a row stands for no version: it compares types of activations, or crumb eval measured it
// in a way in which no study does (another reference, integers as keys and values, sliding
// windows).
bool IsSideRow(const Evidence& row);
// The nominal width of a variant's name: 4 of "trellis4+embed8"; 0: it has none.
double WidthOfSubject(std::string_view subject);

}  // namespace crumb

#endif  // CRUMB_ADVICE_MEASURED_H_
