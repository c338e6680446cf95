// Accuracy of a classifier (spam, sentiment): 1 where the prediction is the label. Both are
// compared as text after numbers and truth values were written as JSON writes them, so that 1 and
// "1" are the same class.
#ifndef CRUMB_SCORING_ACCURACY_H_
#define CRUMB_SCORING_ACCURACY_H_

#include "scoring/scorer.h"

namespace crumb {

Scorer AccuracyScorer();

}  // namespace crumb

#endif  // CRUMB_SCORING_ACCURACY_H_
