#include "tokenizers/token.h"

#include <fmt/format.h>

namespace crumb {

Status TokenListBuilder::Add(int64_t id, Token token) {
  if (id < 0) {
    return Corrupt(fmt::format("{}: the token \"{}\" has the id {}", name_, token.text, id));
  }
  const auto [it, is_new] = tokens_.try_emplace(id, token);
  if (!is_new && it->second.text != token.text) {
    return Corrupt(fmt::format("{}: the id {} belongs to two tokens, \"{}\" and \"{}\"", name_, id,
                               it->second.text, token.text));
  }
  it->second = std::move(token);
  return OkStatus();
}

Result<std::vector<Token>> TokenListBuilder::Finish() && {
  if (tokens_.empty()) return Corrupt(fmt::format("{}: the vocabulary is empty", name_));
  std::vector<Token> by_id(tokens_.size());
  for (size_t i = 0; i < by_id.size(); ++i) {
    const auto it = tokens_.find(static_cast<int64_t>(i));
    if (it == tokens_.end()) {
      return Corrupt(fmt::format("{}: {} tokens, but none has the id {}", name_, by_id.size(), i));
    }
    by_id[i] = std::move(it->second);
  }
  return by_id;
}

}  // namespace crumb
