// chrF and chrF++ (Popovic 2015, https://aclanthology.org/W15-3049; 2017,
// https://aclanthology.org/W17-4770) of a corpus as sacrebleu computes them: character n-grams of
// orders 1 to 6 without white space (chrF++ adds words and pairs of words), mean precision and
// recall over the orders that both sides have, F with beta = 2. Of several references the one with
// the best F counts.
#ifndef CRUMB_SCORING_CHRF_H_
#define CRUMB_SCORING_CHRF_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scoring/scorer.h"

namespace crumb {

// For each order: n-grams of the prediction, of the reference, and in common.
std::vector<double> CountChrf(std::string_view prediction, std::span<const std::string> references,
                              int word_order);
// 0 .. 100, from counts that were added up over the items.
double ChrfOf(std::span<const double> counts);

// word_order 0: "chrf"; 2: "chrf++".
Scorer ChrfScorer(int word_order);

}  // namespace crumb

#endif  // CRUMB_SCORING_CHRF_H_
