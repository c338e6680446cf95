// One bit a weight: signs, with scales of groups (int1-g64) or of rows and columns (binary-row).
// docs/methods/binary.md.
#ifndef CRUMB_QUANT_BINARY_H_
#define CRUMB_QUANT_BINARY_H_

#include <span>
#include <vector>

#include "quant/quantizer.h"

namespace crumb {

// Makes int1-g64 and binary-row.
const Quantizer* BinaryQuantizer();

// Scales s of rows and t of columns, t of mean square 1, that make
// sum_rc cost_c (|w_rc| - s_r t_c)^2 small by least squares in turn. A column of zeros gets t = 0.
struct RowColumnScales {
  std::vector<float> rows;
  std::vector<float> columns;
};
RowColumnScales FitRowColumnScales(std::span<const float> weights, int64_t rows, int64_t cols,
                                   std::span<const float> costs);

}  // namespace crumb

#endif  // CRUMB_QUANT_BINARY_H_
