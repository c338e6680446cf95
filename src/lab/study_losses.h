// What several studies say of losing quality by fewer bits: by size of the model, by kind of task
// and by language. Rows in, numbers out; the law over sizes is measure/scale_law.h.
#ifndef CRUMB_LAB_STUDY_LOSSES_H_
#define CRUMB_LAB_STUDY_LOSSES_H_

#include <string>
#include <vector>

#include "base/status.h"
#include "evidence/evidence.h"
#include "measure/scale_law.h"

namespace crumb {

// One version of one model on one text or task.
struct StudyLoss {
  std::string model;
  double parameters = 0;
  std::string variant;   // "trellis2+embed8"
  std::string text;      // "en", "piqa:acc_norm"
  std::string kind;      // "text", or the category of the task: "commonsense", "knowledge"
  std::string language;  // "en", "zh", or ""
  // Of a text ln(perplexity ratio), of a task the share of right answers that was lost. At or below
  // zero: nothing was lost.
  double loss = 0;
  Interval interval;  // 95 %
  int64_t row_id = 0;
  std::string verdict;  // of a task: what its comparison said
  ScalePoint point;     // the same for the law, with accuracy and chance of a task's reference
};

// The losses that the rows of one study hold, in the order of its rows. The size of the model is
// its reference's weights in memory over its total bits per weight. kNotFound when a row for that
// is missing; kInvalidArgument when the rows are of more than one model.
Result<std::vector<StudyLoss>> LossesOf(const std::vector<Evidence>& rows);

}  // namespace crumb

#endif  // CRUMB_LAB_STUDY_LOSSES_H_
