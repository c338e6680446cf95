#include "scoring/accuracy.h"

namespace crumb {

Scorer AccuracyScorer() {
  return MeanScorer("accuracy", "prediction=label", [](const ScoringItem& item) -> Result<double> {
    CRUMB_ASSIGN_OR_RETURN(const auto prediction, NeedPrediction(item));
    if (!item.label.has_value()) return Corrupt("has no \"label\"");
    return prediction == *item.label ? 1.0 : 0.0;
  });
}

}  // namespace crumb
