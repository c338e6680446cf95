// What an encoder's embeddings tell of a label: each item goes to the class whose mean embedding is
// nearest, by cosine. No training that could hide what quantization did.
#ifndef CRUMB_TASKS_PROBE_H_
#define CRUMB_TASKS_PROBE_H_

#include <functional>

#include "base/status.h"
#include "eval/embedding.h"
#include "tasks/multiple_choice.h"

namespace crumb {

inline constexpr int64_t kProbeFolds = 10;

// Item i is of fold i mod kProbeFolds and meets class means of the other folds. The first of
// equally near classes counts; a class without items elsewhere is never chosen. REQUIRES: an
// embedding of length 1 for each item.
std::vector<int64_t> NearestClass(const Embeddings& embeddings, std::span<const int64_t> labels,
                                  int64_t classes);

// Embeds contexts[0] of each item and finds its label. `between` as in RunLikelihoods.
Result<TaskAnswers> AnswerByProbe(Session& session, const TaskItems& items,
                                  const std::function<Status(int64_t, int64_t)>& between);

}  // namespace crumb

#endif  // CRUMB_TASKS_PROBE_H_
