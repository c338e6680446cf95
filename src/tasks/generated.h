// Generated answers: greedy continuation of a question, and what of it is the answer.
#ifndef CRUMB_TASKS_GENERATED_H_
#define CRUMB_TASKS_GENERATED_H_

#include <cstdint>
#include <functional>
#include <string>

#include "base/status.h"
#include "model/session.h"
#include "tasks/multiple_choice.h"
#include "tasks/task.h"

namespace crumb {

// Continues each item until a stop text, an end token, or task.max_new_tokens. All sequences of the
// session work side by side on one reading of the weights; an answer does not depend on the others.
// What all questions begin with is run once. `between` is called with (done, total) at every token;
// an error stops. Questions without room for an answer lose their beginning (`cut`).
Result<TaskAnswers> AnswerByGeneration(Session& session, const Task& task, const TaskItems& items,
                                       const std::function<Status(int64_t, int64_t)>& between);

// What a filter takes from a text: the match that it selects, its first group that took part,
// without white space around; "[invalid]" without a match. An empty pattern takes the whole text.
// kUnsupported: a pattern that ICU's regular expressions refuse.
Result<std::string> FilterAnswer(const AnswerFilter& filter, const std::string& text);

// Whether answer and target are the same once the texts that the task ignores are taken out of
// both.
Result<bool> ExactMatch(const Task& task, const std::string& answer, const std::string& target);

}  // namespace crumb

#endif  // CRUMB_TASKS_GENERATED_H_
