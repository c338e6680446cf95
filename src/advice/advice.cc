#include "advice/advice.h"

namespace crumb {

Result<Advice> Advise(const AdviceInput& input, const StudyView* study) {
  Advice advice;
  if (study != nullptr) advice.model = study->model;
  CRUMB_ASSIGN_OR_RETURN(advice.scores, FillScores(input, study));
  CRUMB_ASSIGN_OR_RETURN(advice.total,
                         MatrixTotal({advice.scores[0].value, advice.scores[1].value,
                                      advice.scores[2].value, advice.scores[3].value}));
  advice.band = &BandOf(advice.total);
  advice.overrides = FindOverrides(input, study, advice.scores);
  advice.contradiction = ExplainContradiction(advice.total, advice.scores, advice.overrides);
  advice.pitfalls = CheckPitfalls(study, advice.scores);
  if (study != nullptr) {
    advice.candidates = Compare(*study, input.price_per_hour);
    advice.recommendations = Recommend(input, *study, advice.candidates, advice.overrides);
  }
  return advice;
}

}  // namespace crumb
