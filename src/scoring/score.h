// Scores with their intervals, and two systems on the same items. Pure functions; the statistics
// are those of measure/, described in docs/measuring.md.
//
// What kind of interval a metric gets follows from its numbers: a mean of items that are all 0 or 1
// is a share of trials (Wilson; exact McNemar for pairs), everything else is resampled by items
// (percentile bootstrap, 1000 rounds, fixed seed: the same input gives the same interval).
#ifndef CRUMB_SCORING_SCORE_H_
#define CRUMB_SCORING_SCORE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "measure/comparison.h"
#include "measure/statistics.h"
#include "scoring/item.h"
#include "scoring/scorer.h"

namespace crumb {

// kCorrupt with file, line and what the metric misses there.
Result<ScoreRows> MakeRows(const Scorer& scorer, std::span<const ScoringItem> items,
                           std::string_view file);

// A mean of items that are all 0 or 1: right or wrong.
bool IsRightOrWrong(const Scorer& scorer, const ScoreRows& rows);

struct FileScore {
  double value = 0;
  Interval interval;  // 95 %
  bool wilson = false;
  int64_t n = 0;
};
// kCorrupt when the rows have no score (Scorer::undefined). REQUIRES: at least one row.
Result<FileScore> ScoreFile(const Scorer& scorer, const ScoreRows& rows);

struct PairedScore {
  double difference = 0;  // of the scores: rows minus reference
  Interval interval;      // 95 %
  double standard_error = 0;
  // The smallest true difference that these items would have shown with 80 % power at the 5 %
  // level; none where no item differs and so nothing is known about the spread.
  std::optional<double> detectable;
  int64_t changed = 0;                 // items whose rows differ
  std::optional<PairedCounts> counts;  // right or wrong metrics: a is the reference
  std::optional<double> p;             // the same: exact McNemar
};
// Row i of both is the same item. REQUIRES: equal sizes, both have a score.
PairedScore CompareScores(const Scorer& scorer, const ScoreRows& reference, const ScoreRows& rows);

}  // namespace crumb

#endif  // CRUMB_SCORING_SCORE_H_
