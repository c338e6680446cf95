// What can be wrong with the weights that a method is given: found row by row in parallel, told
// once for the whole matrix.
#ifndef CRUMB_QUANT_WEIGHT_FAULTS_H_
#define CRUMB_QUANT_WEIGHT_FAULTS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "codecs/codec.h"

namespace crumb {

struct RowFault {
  int64_t not_finite = 0;        // weights that are NaN or Inf
  int64_t overflow_column = -1;  // first column of a group whose scale (or value) is beyond float16
};

int64_t CountNotFinite(std::span<const float> row);

// `faults`: one a row. kNumerics with counts and the first place; ok when there is none.
Status FaultStatus(const PackedMatrix& weights, const Codec& codec,
                   std::span<const RowFault> faults);

// rows x cols numbers, for activations that were not transformed; kNumerics with counts when NaN or
// Inf is among them.
Result<std::vector<float>> DecodeFiniteWeights(const PackedMatrix& weights, const Codec& codec,
                                               ThreadPool& pool);

}  // namespace crumb

#endif  // CRUMB_QUANT_WEIGHT_FAULTS_H_
