// The source note's decision matrix, exactly: four scores of 0 to 10, their sum, and what is
// advised in each band. The bands are half open, so that a sum between two printed bands has one.
#ifndef CRUMB_ADVICE_MATRIX_H_
#define CRUMB_ADVICE_MATRIX_H_

#include <string_view>

#include "base/status.h"

namespace crumb {

struct MatrixScores {
  double resources = 0;  // R
  double accuracy = 0;   // A, the tolerance of loss
  double size = 0;       // S
  double hardware = 0;   // H
};

struct MatrixBand {
  double from = 0;           // the least sum
  std::string_view chinese;  // the note's words
  std::string_view english;
  double fewest_bits = 0;  // the fewest bits that it names; 8 where it names none
};

// kInvalidArgument when a score is outside 0 to 10 or not a number.
Result<double> MatrixTotal(const MatrixScores& scores);
const MatrixBand& BandOf(double total);

}  // namespace crumb

#endif  // CRUMB_ADVICE_MATRIX_H_
