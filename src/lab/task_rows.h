// What a model does on a task, as rows: by a study (tasks_step.cc, encoder_step.cc) and by
// crumb eval --task.
#ifndef CRUMB_LAB_TASK_ROWS_H_
#define CRUMB_LAB_TASK_ROWS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/evidence.h"
#include "kernels/matmul.h"
#include "lab/model_row.h"
#include "lab/study.h"
#include "tasks/score.h"

namespace crumb {

// Without a value. `metric`: task_accuracy or task_accuracy_change.
Evidence TaskRow(const RowMaker& make, const StudyTask& task, const MetricName& name,
                 ActivationType activations, std::string_view metric);

// Share of right answers, with which items were right, one digit each. `cut`: items that lost their
// beginning.
void FillTaskScore(const StudyTask& task, const TaskScore& score, const std::vector<bool>& right,
                   int64_t cut, Evidence& row);

// The change against the reference; `together`: comparisons that the p was adjusted over.
void FillTaskChange(const TaskComparison& comparison, int64_t together, Evidence& row);

// Spearman's correlation on pairs of sentences, without a value. `file` and `sha256`: the data.
Evidence PairsRow(const RowMaker& make, const std::string& file, const std::string& sha256,
                  int64_t pairs, ActivationType activations);

}  // namespace crumb

#endif  // CRUMB_LAB_TASK_ROWS_H_
