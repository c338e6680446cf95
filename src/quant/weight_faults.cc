#include "quant/weight_faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/rotation.h"

namespace crumb {

int64_t CountNotFinite(std::span<const float> row) {
  return std::count_if(row.begin(), row.end(), [](float w) { return !std::isfinite(w); });
}

Status FaultStatus(const PackedMatrix& weights, const Codec& codec,
                   std::span<const RowFault> faults) {
  int64_t not_finite = 0;
  int64_t overflows = 0;
  int64_t first_bad = -1;
  int64_t first_overflow = -1;
  for (size_t r = 0; r < faults.size(); ++r) {
    if (faults[r].not_finite > 0 && first_bad < 0) first_bad = static_cast<int64_t>(r);
    if (faults[r].overflow_column >= 0 && first_overflow < 0) {
      first_overflow = static_cast<int64_t>(r);
    }
    not_finite += faults[r].not_finite;
    overflows += faults[r].overflow_column >= 0 ? 1 : 0;
  }
  if (not_finite > 0) {
    return NumericsError(fmt::format(
        "{} of {} weights are NaN or Inf, the first in row {}; the file is damaged or was trained "
        "into overflow, and can not be quantized",
        not_finite, weights.rows * weights.cols, first_bad));
  }
  if (overflows > 0) {
    return NumericsError(fmt::format(
        "{} of {} rows hold weights too large for the float16 numbers of {}, the first at row {}, "
        "column {}; use f32 or bf16 for this matrix",
        overflows, weights.rows, codec.name(), first_overflow,
        faults[static_cast<size_t>(first_overflow)].overflow_column));
  }
  return OkStatus();
}

Result<std::vector<float>> DecodeFiniteWeights(const PackedMatrix& weights, const Codec& codec,
                                               ThreadPool& pool) {
  const auto cols = static_cast<size_t>(weights.cols);
  std::vector<float> values(static_cast<size_t>(weights.rows) * cols);
  std::vector<RowFault> faults(static_cast<size_t>(weights.rows));
  pool.ParallelFor(weights.rows, 1, [&](int64_t begin, int64_t end, int) {
    std::vector<float> scratch(cols);
    for (int64_t r = begin; r < end; ++r) {
      const auto row = std::span(values).subspan(static_cast<size_t>(r) * cols, cols);
      weights.codec->DecodeRow(weights, r, row);
      UndoInputTransformOfRow(weights.input, row, scratch);
      faults[static_cast<size_t>(r)].not_finite = CountNotFinite(row);
    }
  });
  CRUMB_RETURN_IF_ERROR(FaultStatus(weights, codec, faults));
  return values;
}

}  // namespace crumb
