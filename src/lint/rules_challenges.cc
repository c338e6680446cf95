// The challenges one by one: how many, 没想到, root cause, impact, mitigation.
#include <fmt/format.h>

#include "lint/families.h"
#include "lint/word_list.h"

namespace crumb::lint {
namespace {

constexpr size_t kFewest = 3;
constexpr size_t kMost = 5;

// Calls check(item, its body text) for each challenge.
template <typename Check>
void ForEachChallenge(const Subject& subject, Check check) {
  const auto& part = subject.article.part(Part::kChallenges);
  if (!part.has_value()) return;
  for (const Section& item : Items(subject.document, *part)) {
    check(item, BodyText(subject.document, item));
  }
}

size_t Count(std::string_view text, std::string_view word) {
  size_t count = 0;
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    ++count;
  }
  return count;
}

void Number(const Subject& subject, Sink& sink) {
  const auto& part = subject.article.part(Part::kChallenges);
  if (!part.has_value()) return;
  const size_t count = Items(subject.document, *part).size();
  if (count >= kFewest && count <= kMost) return;
  sink.AddBlock(part->heading.value_or(part->begin), fmt::format("{} challenges", count));
}

void Titles(const Subject& subject, Sink& sink) {
  ForEachChallenge(subject, [&](const Section& item, const std::string& text) {
    if (text.empty()) sink.AddBlock(*item.heading, "a challenge without text");
    // A challenge that lost its title hides in the one before it.
    if (Count(text, "没想到") > 1) sink.AddBlock(*item.heading, "two challenges under one title");
  });
}

void Surprise(const Subject& subject, Sink& sink) {
  ForEachChallenge(subject, [&](const Section& item, const std::string& text) {
    if (Count(text, "没想到") != 1) sink.AddBlock(*item.heading);
  });
}

void RootCause(const Subject& subject, Sink& sink) {
  ForEachChallenge(subject, [&](const Section& item, const std::string& text) {
    if (Words("cause.txt").FindAll(text).empty()) {
      sink.AddBlock(*item.heading, "a challenge without its root cause");
    }
    if (!subject.HasNumber(item)) sink.AddBlock(*item.heading, "a challenge without a number");
  });
}

void Mitigation(const Subject& subject, Sink& sink) {
  ForEachChallenge(subject, [&](const Section& item, const std::string& text) {
    if (Words("mitigation.txt").FindAll(text).empty()) sink.AddBlock(*item.heading);
  });
}

}  // namespace

std::vector<Rule> ChallengeRules() {
  return {
      {"R45-challenges", Severity::kError, "not three to five challenges",
       "give three to five items in the fourth part", "@内存省了，启动并不更快\n=>", "@", Number},
      {"R46-challenge-title", Severity::kError, "a challenge without a title or a text of its own",
       "give each a plain title and its paragraph", "@内存省了，启动并不更快\n=>", "@", Titles},
      {"R47-surprise", Severity::kError, "没想到 does not stand once in this challenge",
       "say it once: 没想到…", "@没想到同样是=>同样是", "@", Surprise},
      {"R48-root-cause", Severity::kWarning, "a challenge without root cause and measured impact",
       "write 原因是… and a bound number", "@原因是校准文字里中文偏少，于是中文=>中文", "@",
       RootCause},
      {"R49-mitigation", Severity::kError, "a challenge without what helps against it",
       "write 做法是… or 缓解的办法是…", "@做法是把中文提问加进=>把中文提问加进", "@", Mitigation},
  };
}

}  // namespace crumb::lint
