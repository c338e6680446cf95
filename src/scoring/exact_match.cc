#include "scoring/exact_match.h"

namespace crumb {

Scorer ExactMatchScorer() {
  return BestReferenceScorer("exact_match", "case:mixed|punctuation:kept",
                             [](std::string_view prediction, std::string_view reference) {
                               return prediction == reference ? 1.0 : 0.0;
                             });
}

}  // namespace crumb
