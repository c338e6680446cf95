// LDLQ: error feedback by the LDL factors of H, then scales refitted and levels moved against the
// whole of H. docs/methods/ldlq.md.
#ifndef CRUMB_QUANT_LDLQ_H_
#define CRUMB_QUANT_LDLQ_H_

#include <span>

#include "quant/group_rows.h"
#include "quant/quantizer.h"

namespace crumb {

const Quantizer* LdlqQuantizer();

// GptqRows (the same recursion: test Ldlq.FeedbackInItsOwnFormGivesTheLevelsOfGptq) and RefineRows.
Result<GroupRows> LdlqRows(const QuantizeInput& input, const Codec& codec,
                           std::span<const float> values, ThreadPool& pool);

// The same as a quantizer: checks of the input, LdlqRows, packed. `method` is for messages.
Result<PackedMatrix> LdlqQuantize(std::string_view method, const QuantizeInput& input,
                                  const Codec& codec, ThreadPool& pool);

}  // namespace crumb

#endif  // CRUMB_QUANT_LDLQ_H_
