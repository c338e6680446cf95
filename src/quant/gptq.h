// GPTQ: columns are rounded one after another, and the error of each is made up for by those that
// are still to come. docs/methods/gptq.md.
#ifndef CRUMB_QUANT_GPTQ_H_
#define CRUMB_QUANT_GPTQ_H_

#include <span>

#include "quant/feedback.h"
#include "quant/group_rows.h"
#include "quant/quantizer.h"

namespace crumb {

const Quantizer* GptqQuantizer();

// Replaces the levels of `rows` by those of the recursion in quant/feedback.h; scales stay as they
// are. `weights`: rows x cols.
void RoundWithFeedback(std::span<const float> weights, const Feedback& feedback, GroupRows& rows,
                       ThreadPool& pool);

// Group scales by clipping search, then RoundWithFeedback; a row for which feedback turns out worse
// than rounding keeps the rounding. What GPTQ does, and what other methods begin with.
Result<GroupRows> GptqRows(const QuantizeInput& input, const Codec& codec,
                           std::span<const float> values, ThreadPool& pool);

}  // namespace crumb

#endif  // CRUMB_QUANT_GPTQ_H_
