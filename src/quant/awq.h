// AWQ: channels with large activations are scaled up before rounding. docs/methods/awq.md.
#ifndef CRUMB_QUANT_AWQ_H_
#define CRUMB_QUANT_AWQ_H_

#include <functional>
#include <span>
#include <vector>

#include "quant/folding.h"
#include "quant/quantizer.h"

namespace crumb {

// One matrix alone: its scales become its input transform (1 / s).
const Quantizer* AwqQuantizer();

// The scales s = mean_abs^alpha, divided by sqrt(max s min s), whose alpha in [0, 1] makes the
// output error of rounding W diag(s) by clip least, summed over the matrices of one input (up to
// 256 rows of each, evenly). `mean_abs`: of the columns; other than the moments' own where columns
// have to share scales.
struct AwqScales {
  std::vector<float> s;  // one for each column
  double alpha = 0;
};
Result<AwqScales> SearchAwqScales(std::span<const PackedMatrix* const> matrices,
                                  const SecondMoments& moments, std::span<const float> mean_abs,
                                  const Codec& codec, ThreadPool& pool);

// Scales of all slots of block `layer` by SearchAwqScales, folded away where that is possible.
using MomentsOfSlot = std::function<Result<SecondMoments>(InputSlot)>;
Result<Folding> FoldLayerByAwq(const Model& model, int layer, const MomentsOfSlot& moments,
                               const Codec& codec, ThreadPool& pool);

// A folded matrix rounded by clip, with the input transform that the folding left to it. `moments`:
// of the input before folding.
Result<PackedMatrix> QuantizeFolded(const Folding& folding, const NamedMatrix& matrix,
                                    const SecondMoments& moments, const Codec& codec,
                                    ThreadPool& pool);

}  // namespace crumb

#endif  // CRUMB_QUANT_AWQ_H_
