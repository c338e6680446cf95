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
  // Ids have no gaps, so none is as large as their number.
  std::vector<Token> by_id(entries_.size());
  std::vector<bool> given(entries_.size());
  size_t largest = 0;
  for (Entry& entry : entries_) {
    const auto id = static_cast<size_t>(entry.id);
    largest = std::max(largest, id);
    if (id >= by_id.size()) continue;
    if (given[id] && by_id[id].text != entry.token.text) {
      return Corrupt(fmt::format("{}: the id {} belongs to two tokens, \"{}\" and \"{}\"", name_,
                                 id, by_id[id].text, entry.token.text));
    }
    by_id[id] = std::move(entry.token);
    given[id] = true;
  }
  const auto missing = static_cast<size_t>(std::ranges::find(given, false) - given.begin());
  if (missing <= largest) {
    return Corrupt(
        fmt::format("{}: {} tokens, but none has the id {}", name_, entries_.size(), missing));
  }
  by_id.resize(largest + 1);
  return by_id;
}

}  // namespace crumb
