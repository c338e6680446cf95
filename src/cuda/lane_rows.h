// Activations as the kernels of a GPU read them: columns of int8 or float16 numbers, in host
// memory.
//
//   int8     the codes, scales and sums of Activations, as they are
//   float16  one column a row: x = s * h, s a power of two that brings the row's largest magnitude
//            below 2, h rounded to nearest even: |error| <= 2^-11 |x|, or 2^-25 s if that is more
//   split    two columns a row: h as above, and (x / s - h) * 2^11 rounded: |error| <= 2^-22 |x|,
//   or
//            2^-36 s. float32 activations for the price of twice the columns.
// A float row with NaN or Inf has the scale NaN, so that all its results are NaN.
#ifndef CRUMB_CUDA_LANE_ROWS_H_
#define CRUMB_CUDA_LANE_ROWS_H_

#include <cstdint>
#include <vector>

#include "cuda/warp_tile.h"
#include "kernels/matmul.h"

namespace crumb {

// What becomes of float activations.
enum class LaneFloats { kFloat16, kSplit };

struct LaneRows {
  bool int8 = false;
  int64_t batch = 0;
  int64_t cols = 0;
  int64_t groups = 0;
  int64_t columns = 0;
  int columns_of_row = 1;
  std::vector<uint32_t> numbers;  // as LaneRowsView says
  std::vector<float> scales;
  std::vector<float> sums;
  std::vector<float> column_scales;

  // Of these vectors; valid while they are.
  LaneRowsView view() const {
    return {static_cast<int>(columns),
            static_cast<int>(groups),
            numbers.data(),
            scales.data(),
            sums.data(),
            column_scales.data(),
            columns_of_row};
  }
};

// The codes of `x` where it has them and `use_codes`, else its floats.
LaneRows MakeLaneRows(const Activations& x, bool use_codes, LaneFloats floats);

}  // namespace crumb

#endif  // CRUMB_CUDA_LANE_ROWS_H_
