#include "tasks/multiple_choice.h"

#include <fmt/format.h>

#include "base/check.h"
#include "text/utf8.h"

namespace crumb {
namespace {

int64_t CountCharacters(std::string_view text) {
  int64_t count = 0;
  for (size_t at = 0; at < text.size(); ++count) NextCodePoint(text, &at);
  return count;
}

double Divisor(const std::string& choice, const Likelihood& likelihood, std::string_view metric) {
  if (metric == "acc") return 1;
  if (metric == "acc_norm") return static_cast<double>(CountCharacters(choice));
  if (metric == "acc_bytes") return static_cast<double>(choice.size());
  CRUMB_CHECK(metric == "acc_tokens");
  return static_cast<double>(likelihood.tokens);
}

}  // namespace

int64_t PickChoice(const TaskItem& item, const ItemAnswer& answer, std::string_view metric) {
  CRUMB_CHECK(answer.choices.size() == item.choices.size() && !item.choices.empty());
  int64_t best = 0;
  double best_score = 0;
  for (size_t c = 0; c < item.choices.size(); ++c) {
    const double score =
        answer.choices[c].log_probability / Divisor(item.choices[c], answer.choices[c], metric);
    if (c == 0 || score > best_score) {
      best = static_cast<int64_t>(c);
      best_score = score;
    }
  }
  return best;
}

Result<TaskAnswers> AnswerMultipleChoice(Session& session, const TaskItems& items,
                                         const std::function<Status(int64_t, int64_t)>& between) {
  const Tokenizer& tokenizer = session.model().tokenizer();
  std::vector<LikelihoodRequest> requests;
  TaskAnswers answers;
  for (const TaskItem& item : items.items) {
    bool cut = false;
    for (size_t c = 0; c < item.choices.size(); ++c) {
      Result<LikelihoodRequest> request =
          MakeRequest(tokenizer, item.contexts[c], item.continuations[c], session.max_tokens());
      if (!request.ok()) return request.status().WithContext(fmt::format("item {}", item.id));
      cut = cut || request->cut;
      requests.push_back(std::move(*request));
    }
    answers.cut += cut ? 1 : 0;
  }
  CRUMB_ASSIGN_OR_RETURN(const LikelihoodRun run, RunLikelihoods(session, requests, between));
  answers.tokens = run.tokens;
  answers.tokens_run = run.tokens_run;
  size_t next = 0;
  for (const TaskItem& item : items.items) {
    ItemAnswer answer;
    for (size_t c = 0; c < item.choices.size(); ++c) answer.choices.push_back(run.of[next++]);
    answers.of.push_back(std::move(answer));
  }
  return answers;
}

}  // namespace crumb
