#include "scoring/correlation.h"

#include <algorithm>
#include <limits>

#include "measure/statistics.h"

namespace crumb {
namespace {

bool IsConstant(std::span<const double> x) {
  return std::ranges::all_of(x, [&](double value) { return value == x.front(); });
}

}  // namespace

Scorer CorrelationScorer(CorrelationKind kind) {
  const bool ranks = kind == CorrelationKind::kSpearman;
  Scorer scorer;
  scorer.name = ranks ? "spearman" : "pearson";
  scorer.mean_of_items = false;
  scorer.undefined =
      "all scores or all labels are the same number; a correlation needs both to "
      "vary";
  scorer.signature = [ranks](std::span<const ScoringItem>) {
    return ranks ? "ties:mean-rank" : "linear";
  };
  scorer.row = [](const ScoringItem& item) -> Result<std::vector<double>> {
    CRUMB_ASSIGN_OR_RETURN(const double score, NeedScore(item));
    CRUMB_ASSIGN_OR_RETURN(const double label, NeedLabelNumber(item));
    return std::vector<double>{score, label};
  };
  scorer.combine = [ranks](const ScoreRows& rows) {
    std::vector<double> x;
    std::vector<double> y;
    for (size_t i = 0; i < rows.size(); ++i) {
      x.push_back(rows[i][0]);
      y.push_back(rows[i][1]);
    }
    if (IsConstant(x) || IsConstant(y)) return std::numeric_limits<double>::quiet_NaN();
    return ranks ? SpearmanCorrelation(x, y) : PearsonCorrelation(x, y);
  };
  return scorer;
}

}  // namespace crumb
