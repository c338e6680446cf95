// pass@k of generated programs: the chance that of k samples of a problem one passes its tests, by
// the unbiased estimator of Chen et al. 2021 (https://arxiv.org/abs/2107.03374, equation 1):
//   1 - C(n - c, k) / C(n, k)   for c of n samples that passed
// The verdicts are given: crumb runs no programs.
#ifndef CRUMB_SCORING_PASS_AT_K_H_
#define CRUMB_SCORING_PASS_AT_K_H_

#include <cstdint>

#include "scoring/scorer.h"

namespace crumb {

// REQUIRES: 0 <= passed <= samples, 1 <= k <= samples.
double PassAtK(int64_t samples, int64_t passed, int64_t k);

// "pass@K", of the key verdicts; an item with fewer than k samples is kCorrupt. k at least 1.
Scorer PassAtKScorer(int64_t k);

}  // namespace crumb

#endif  // CRUMB_SCORING_PASS_AT_K_H_
