// Pearson's and Spearman's correlation of the keys score (the model's) and label (people's number),
// by measure/statistics.h.
#ifndef CRUMB_SCORING_CORRELATION_H_
#define CRUMB_SCORING_CORRELATION_H_

#include "scoring/scorer.h"

namespace crumb {

enum class CorrelationKind { kPearson, kSpearman };

Scorer CorrelationScorer(CorrelationKind kind);  // "pearson", "spearman"

}  // namespace crumb

#endif  // CRUMB_SCORING_CORRELATION_H_
