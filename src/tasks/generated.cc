#include "tasks/generated.h"

#include <fmt/format.h>

#include <algorithm>

#include "eval/score_logits.h"
#include "model/text_stream.h"

namespace crumb {
namespace {

using Tokens = std::vector<int32_t>;

// One sequence of the session at work on one item.
struct Slot {
  int64_t item = -1;  // -1: nothing to do
  int32_t next = 0;   // token to run
  int64_t made = 0;   // tokens
  std::string text;
  TextStream stream{{}};
};

class Answering {
 public:
  Answering(Session& session, const Task& task, const TaskItems& items,
            const std::function<Status(int64_t, int64_t)>& between)
      : session_(session),
        tokenizer_(session.model().tokenizer()),
        task_(task),
        items_(items),
        between_(between),
        ends_(tokenizer_.end_tokens()),
        slots_(static_cast<size_t>(session.sequences())) {}

  Result<TaskAnswers> Run() {
    CRUMB_RETURN_IF_ERROR(MakePrompts());
    answers_.of.resize(items_.items.size());
    CRUMB_RETURN_IF_ERROR(RunCommonPart());
    for (size_t s = 0; s < slots_.size(); ++s) CRUMB_RETURN_IF_ERROR(Refill(s));
    while (done_ < std::ssize(items_.items)) {
      if (between_) CRUMB_RETURN_IF_ERROR(between_(done_, std::ssize(items_.items)));
      CRUMB_RETURN_IF_ERROR(StepAll());
    }
    return std::move(answers_);
  }

 private:
  Status MakePrompts() {
    const int64_t room = session_.max_tokens() - task_.max_new_tokens;
    if (room < 1) {
      return InvalidArgument(fmt::format("answers of {} tokens have no room in a context of {}",
                                         task_.max_new_tokens, session_.max_tokens()));
    }
    for (const TaskItem& item : items_.items) {
      CRUMB_ASSIGN_OR_RETURN(Tokens prompt, tokenizer_.Encode(item.contexts[0]));
      if (prompt.empty()) return InvalidArgument(fmt::format("item {}: no question", item.id));
      if (const int64_t extra = std::ssize(prompt) - room; extra > 0) {
        prompt.erase(prompt.begin(), prompt.begin() + extra);
        ++answers_.cut;
      }
      answers_.tokens += std::ssize(prompt);
      prompts_.push_back(std::move(prompt));
    }
    return OkStatus();
  }

  // What all prompts begin with, less the last token of each: that one's logits are needed.
  Status RunCommonPart() {
    common_ = std::ssize(prompts_[0]) - 1;
    for (const Tokens& prompt : prompts_) {
      int64_t same = 0;
      const int64_t most = std::min(common_, std::ssize(prompt) - 1);
      while (same < most &&
             prompt[static_cast<size_t>(same)] == prompts_[0][static_cast<size_t>(same)]) {
        ++same;
      }
      common_ = same;
    }
    session_.Reset();
    if (common_ == 0) return OkStatus();
    CRUMB_RETURN_IF_ERROR(
        session_.Forward(std::span(prompts_[0]).first(static_cast<size_t>(common_)), 0, nullptr));
    answers_.tokens_run += common_;
    for (int64_t s = 1; s < session_.sequences(); ++s) session_.CopySequence(0, s);
    return OkStatus();
  }

  // The next item for a sequence that has none; items that end at once are done on the way.
  Status Refill(size_t s) {
    Slot& slot = slots_[s];
    while (slot.item < 0 && next_item_ < std::ssize(items_.items)) {
      slot = Slot();
      slot.stream = TextStream(task_.stops);
      slot.item = next_item_++;
      session_.Truncate(common_, static_cast<int64_t>(s));
      const std::span<const int32_t> rest =
          std::span(prompts_[static_cast<size_t>(slot.item)]).subspan(static_cast<size_t>(common_));
      CRUMB_RETURN_IF_ERROR(session_.Forward(rest, 1, &logits_, static_cast<int64_t>(s)));
      answers_.tokens_run += std::ssize(rest);
      Take(s, ArgMax(logits_));
    }
    return OkStatus();
  }

  // The token that a sequence chose: goes on with it, or ends the item.
  void Take(size_t s, int64_t chosen) {
    Slot& slot = slots_[s];
    const auto token = static_cast<int32_t>(chosen);
    ++slot.made;
    bool ended = std::ranges::find(ends_, token) != ends_.end();
    if (!ended) {
      slot.text += slot.stream.Add(tokenizer_.TokenBytes(token));
      ended = slot.stream.stopped() || slot.made == task_.max_new_tokens;
    }
    slot.next = token;
    if (!ended) return;
    if (!slot.stream.stopped()) slot.text += slot.stream.Flush();
    answers_.of[static_cast<size_t>(slot.item)].text = std::move(slot.text);
    slot.item = -1;
    ++done_;
  }

  Status StepAll() {
    std::vector<NextToken> tokens;
    for (size_t s = 0; s < slots_.size(); ++s) {
      if (slots_[s].item >= 0) tokens.push_back({static_cast<int64_t>(s), slots_[s].next});
    }
    if (tokens.empty()) return OkStatus();
    CRUMB_RETURN_IF_ERROR(session_.Step(tokens, &step_logits_));
    answers_.tokens_run += std::ssize(tokens);
    const size_t vocabulary = step_logits_.size() / tokens.size();
    for (size_t i = 0; i < tokens.size(); ++i) {
      const auto s = static_cast<size_t>(tokens[i].sequence);
      Take(s, ArgMax(std::span(step_logits_).subspan(i * vocabulary, vocabulary)));
    }
    for (size_t s = 0; s < slots_.size(); ++s) CRUMB_RETURN_IF_ERROR(Refill(s));
    return OkStatus();
  }

  Session& session_;
  const Tokenizer& tokenizer_;
  const Task& task_;
  const TaskItems& items_;
  const std::function<Status(int64_t, int64_t)>& between_;
  const Tokens ends_;
  std::vector<Slot> slots_;
  std::vector<Tokens> prompts_;
  int64_t common_ = 0;
  int64_t next_item_ = 0;
  int64_t done_ = 0;
  std::vector<float> logits_;
  std::vector<float> step_logits_;
  TaskAnswers answers_;
};

}  // namespace

Result<TaskAnswers> AnswerByGeneration(Session& session, const Task& task, const TaskItems& items,
                                       const std::function<Status(int64_t, int64_t)>& between) {
  return Answering(session, task, items, between).Run();
}

}  // namespace crumb
