// Ternary weights by optimization: scales and thresholds, feedback, refit. docs/methods/ternary.md.
#ifndef CRUMB_QUANT_TERNARY_H_
#define CRUMB_QUANT_TERNARY_H_

#include "quant/quantizer.h"

namespace crumb {

// Makes ternary-g64 only.
const Quantizer* TernaryQuantizer();

}  // namespace crumb

#endif  // CRUMB_QUANT_TERNARY_H_
