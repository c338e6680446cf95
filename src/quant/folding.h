// Folding: scales of input channels moved into neighbouring layers, so that a model computes the
// same and its matrices are easier to round. With positive s, a slot's matrices become W diag(s)
// and whatever makes their input is divided by s:
//   query, key, value   the norm before attention           (weight and bias)
//   output              the rows of value and its bias      (grouped queries share scales)
//   gate, up            the norm before the MLP
//   down                the rows of up and its bias         (gated MLPs)
// Where nothing can take the division (norms after the sums, as in BERT; an MLP without gate) the
// matrix's own input transform does: its scales are 1 / s.
#ifndef CRUMB_QUANT_FOLDING_H_
#define CRUMB_QUANT_FOLDING_H_

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "calibration/second_moments.h"
#include "model/forward.h"
#include "model/model.h"

namespace crumb {

// W' = diag(rows) W diag(columns); empty: 1. input_scales: what the activations are multiplied with
// before W' sees them, float16 numbers; empty: nothing.
struct FoldedFactors {
  std::vector<float> rows;
  std::vector<float> columns;
  std::vector<float> input_scales;
};

struct Folding {
  std::map<std::string, FoldedFactors, std::less<>> matrices;      // by canonical name
  std::map<std::string, std::vector<float>, std::less<>> tensors;  // new values: norms and biases
};

// Whether scales of a slot have a place in the layers before it.
bool FoldsAway(const ModelConfig& config, InputSlot slot);

// Independent scales that a slot of a model can take: the width of its input, but kv_size for the
// output slot, whose query heads share those of their value head.
int64_t FoldableScales(const ModelConfig& config, InputSlot slot);

// Adds the scales `s` (FoldableScales of them, finite and > 0) of a slot of block `layer`. Slots
// may be added in any order, each once. REQUIRES: not kHead.
Status AddScales(const Model& model, int layer, InputSlot slot, std::span<const float> s,
                 Folding& folding);

// The folded matrix in float32, which owns its parts (its input transform too); a matrix without
// factors is only decoded.
PackedMatrix FoldMatrix(const Folding& folding, const NamedMatrix& matrix, ThreadPool& pool);

// Moments of what a folded matrix of `columns` sees: H_ij / (columns_i columns_j).
SecondMoments FoldMoments(const SecondMoments& moments, std::span<const float> columns);

}  // namespace crumb

#endif  // CRUMB_QUANT_FOLDING_H_
