// Trellis coded quantization with error feedback: the columns of the rotated matrix one after
// another, each by a Viterbi search down its rows, its error fed on to the columns after it
// (Marcellin and Fischer 1990; LDLQ and incoherence processing: Chee et al. 2023, Tseng et al.
// 2024). docs/methods/trellis.md has formulas and limits.
#ifndef CRUMB_QUANT_TRELLIS_H_
#define CRUMB_QUANT_TRELLIS_H_

#include "quant/quantizer.h"

namespace crumb {

// Makes trellis1 .. trellis4. Without second moments all columns count the same and nothing is fed
// on.
const Quantizer* TrellisQuantizer();

}  // namespace crumb

#endif  // CRUMB_QUANT_TRELLIS_H_
