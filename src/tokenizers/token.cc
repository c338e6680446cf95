#include "tokenizers/token.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace crumb {

Status TokenListBuilder::Add(int64_t id, Token token) {
  if (id < 0) {
    return Corrupt(fmt::format("{}: the token \"{}\" has the id {}", name_, token.text, id));
  }
  entries_.push_back({id, std::move(token)});
  return OkStatus();
}

Result<std::vector<Token>> TokenListBuilder::Finish() && {
  if (entries_.empty()) return Corrupt(fmt::format("{}: the vocabulary is empty", name_));
  // Most files have them in this order already.
  if (!std::ranges::is_sorted(entries_, {}, &Entry::id)) {
    std::ranges::stable_sort(entries_, {}, &Entry::id);
  }
  std::vector<Token> by_id;
  by_id.reserve(entries_.size());
  for (Entry& entry : entries_) {
    const int64_t next = std::ssize(by_id);
    if (entry.id == next) {
      by_id.push_back(std::move(entry.token));
    } else if (entry.id > next) {
      return Corrupt(
          fmt::format("{}: {} tokens, but none has the id {}", name_, entries_.size(), next));
    } else if (by_id.back().text == entry.token.text) {
      by_id.back() = std::move(entry.token);
    } else {
      return Corrupt(fmt::format("{}: the id {} belongs to two tokens, \"{}\" and \"{}\"", name_,
                                 entry.id, by_id.back().text, entry.token.text));
    }
  }
  return by_id;
}

}  // namespace crumb
