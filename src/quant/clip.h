// Round to nearest with clipping search: each group gets the scale and zero point that lose least,
// which may leave its largest weights outside. docs/methods/clip.md.
#ifndef CRUMB_QUANT_CLIP_H_
#define CRUMB_QUANT_CLIP_H_

#include <span>
#include <vector>

#include "quant/group_rows.h"
#include "quant/quantizer.h"

namespace crumb {

const Quantizer* ClipQuantizer();

// kInvalidArgument when moments are missing or of another width, kNumerics when they hold NaN or
// Inf.
Status CheckMoments(std::string_view method, const QuantizeInput& input);

// What an error in each column costs: the diagonal of H, or 1 without moments; a group whose
// columns are all dead counts them all the same.
std::vector<float> ColumnCosts(const SecondMoments* moments, int64_t cols);

// The scale and zero point that make sum_i cost_i (w_i - w'_i)^2 small: without zero point the
// least there is (up to the scale's float16), with one the best of a search that begins at rtn's
// choice. The scale is infinite where rtn's is.
GroupScale SearchGroupScale(const LevelGrid& grid, std::span<const float> weights,
                            std::span<const float> costs);

// Scales of all groups by search, and the nearest levels. REQUIRES: HasLevels(codec). kNumerics
// where a scale is beyond float16.
Result<GroupRows> SearchAndRound(const PackedMatrix& weights, const Codec& codec,
                                 std::span<const float> values, std::span<const float> costs,
                                 ThreadPool& pool);

}  // namespace crumb

#endif  // CRUMB_QUANT_CLIP_H_
