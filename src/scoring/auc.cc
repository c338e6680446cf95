#include "scoring/auc.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/check.h"

namespace crumb {

double RocAuc(std::span<const double> labels, std::span<const double> scores) {
  CRUMB_CHECK(labels.size() == scores.size());
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, [&](size_t a, size_t b) { return scores[a] < scores[b]; });
  double negatives = 0;  // with a lower score than the group of equal scores at hand
  double positives = 0;
  double won = 0;  // pairs in which the positive is above the negative, equal ones half
  for (size_t begin = 0; begin < order.size();) {
    double group_negatives = 0;
    double group_positives = 0;
    size_t end = begin;
    for (; end < order.size() && scores[order[end]] == scores[order[begin]]; ++end) {
      (labels[order[end]] != 0 ? group_positives : group_negatives) += 1;
    }
    won += group_positives * (negatives + group_negatives / 2);
    negatives += group_negatives;
    positives += group_positives;
    begin = end;
  }
  if (negatives == 0 || positives == 0) return std::numeric_limits<double>::quiet_NaN();
  return won / (negatives * positives);
}

Scorer AucScorer() {
  Scorer scorer;
  scorer.name = "auc";
  scorer.mean_of_items = false;
  scorer.undefined = "all labels are the same class; an AUC needs items of both";
  scorer.signature = [](std::span<const ScoringItem>) { return "ties:half"; };
  scorer.row = [](const ScoringItem& item) -> Result<std::vector<double>> {
    CRUMB_ASSIGN_OR_RETURN(const double label, NeedLabelNumber(item));
    if (label != 0 && label != 1) return Corrupt("\"label\" must be 0 or 1 for an AUC");
    CRUMB_ASSIGN_OR_RETURN(const double score, NeedScore(item));
    return std::vector<double>{label, score};
  };
  scorer.combine = [](const ScoreRows& rows) {
    std::vector<double> labels;
    std::vector<double> scores;
    for (size_t i = 0; i < rows.size(); ++i) {
      labels.push_back(rows[i][0]);
      scores.push_back(rows[i][1]);
    }
    return RocAuc(labels, scores);
  };
  return scorer;
}

}  // namespace crumb
