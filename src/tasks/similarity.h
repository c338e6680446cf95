// Pairs of sentences: how alike an encoder finds them, and how well that follows what people say
// (STS benchmark, Cer et al. 2017).
#ifndef CRUMB_TASKS_SIMILARITY_H_
#define CRUMB_TASKS_SIMILARITY_H_

#include <functional>

#include "base/status.h"
#include "tasks/score.h"

namespace crumb {

// The cosine of the embeddings of contexts[0] and contexts[1] of each item. `between` as in
// RunLikelihoods.
Result<TaskAnswers> AnswerBySimilarity(Session& session, const TaskItems& items,
                                       const std::function<Status(int64_t, int64_t)>& between);

// Spearman's correlation with people's scores; interval: percentile bootstrap over the items with a
// fixed seed. REQUIRES: at least two items.
TaskScore ScoreSimilarity(const TaskItems& items, const TaskAnswers& answers);

// The difference of two correlations on the same items, resampled together. p: twice the smaller
// share of resamples on either side of 0, at least 2 / rounds. The counts stay 0.
TaskComparison CompareSimilarity(const TaskItems& items, const TaskAnswers& reference,
                                 const TaskAnswers& model);

}  // namespace crumb

#endif  // CRUMB_TASKS_SIMILARITY_H_
