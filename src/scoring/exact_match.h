// Exact match: 1 where the prediction is one of the references, character for character (what
// lm-evaluation-harness calls exact_match without its options).
#ifndef CRUMB_SCORING_EXACT_MATCH_H_
#define CRUMB_SCORING_EXACT_MATCH_H_

#include "scoring/scorer.h"

namespace crumb {

Scorer ExactMatchScorer();

}  // namespace crumb

#endif  // CRUMB_SCORING_EXACT_MATCH_H_
