// Multiple choice by likelihood: the answer that the model finds likeliest.
#ifndef CRUMB_TASKS_MULTIPLE_CHOICE_H_
#define CRUMB_TASKS_MULTIPLE_CHOICE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/session.h"
#include "tasks/items.h"
#include "tasks/likelihood.h"

namespace crumb {

// How the model answered one item. Which fields are set depends on the kind of task.
struct ItemAnswer {
  std::vector<Likelihood> choices;  // multiple choice: of each
  std::string text;                 // generated answers: what was generated
  int64_t label = -1;               // probes: the label found
  double similarity = 0;            // pairs of sentences: the cosine of their embeddings
};

struct TaskAnswers {
  std::vector<ItemAnswer> of;  // in the order of the items
  int64_t tokens = 0;          // of all requests
  int64_t tokens_run = 0;      // the model ran; the rest was shared
  int64_t cut = 0;             // items that lost their beginning for want of room
};

// The choice that a metric takes, the first among equals:
//   acc         the largest log-likelihood
//   acc_norm    the largest log-likelihood per character (Unicode code point) of the choice
//   acc_bytes   per UTF-8 byte
//   acc_tokens  per scored token (what llama-perplexity calls acc_norm)
// REQUIRES: a metric of these names.
int64_t PickChoice(const TaskItem& item, const ItemAnswer& answer, std::string_view metric);

// `between` as in RunLikelihoods. Errors name the item.
Result<TaskAnswers> AnswerMultipleChoice(Session& session, const TaskItems& items,
                                         const std::function<Status(int64_t, int64_t)>& between);

}  // namespace crumb

#endif  // CRUMB_TASKS_MULTIPLE_CHOICE_H_
