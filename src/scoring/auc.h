// Area under the receiver's curve: the chance that a positive item has a higher score than a
// negative one, equal scores counting one half (Hanley and McNeil 1982; the Mann-Whitney
// statistic).
#ifndef CRUMB_SCORING_AUC_H_
#define CRUMB_SCORING_AUC_H_

#include <span>

#include "scoring/scorer.h"

namespace crumb {

// labels: 0 or 1. NaN when there is only one class. REQUIRES: equal lengths.
double RocAuc(std::span<const double> labels, std::span<const double> scores);

Scorer AucScorer();  // "auc", of the keys label (0 or 1, true or false) and score

}  // namespace crumb

#endif  // CRUMB_SCORING_AUC_H_
