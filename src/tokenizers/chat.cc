#include "jinja/eval.h"
#include "tokenizers/tokenizer.h"

namespace crumb {
namespace {

// The text of a special token; empty for none.
Result<std::string> TextOf(const Tokenizer& tokenizer, int32_t token) {
  if (token < 0) return std::string();
  return tokenizer.Decode({&token, 1}, /*show_special=*/true);
}

}  // namespace

Result<std::string> RenderChat(const Tokenizer& tokenizer, std::span<const ChatMessage> messages,
                               bool add_generation_prompt) {
  if (tokenizer.chat_template().empty()) {
    return NotFound("this model has no chat template; use \"crumb generate\" with a plain prompt");
  }
  CRUMB_ASSIGN_OR_RETURN(const std::string bos, TextOf(tokenizer, tokenizer.bos()));
  const std::vector<int32_t> ends = tokenizer.end_tokens();
  CRUMB_ASSIGN_OR_RETURN(const std::string eos, TextOf(tokenizer, ends.empty() ? -1 : ends[0]));
  jinja::List list;
  for (const ChatMessage& message : messages) {
    list.push_back(jinja::Dict{{"role", message.role}, {"content", message.content}});
  }
  return jinja::Render(tokenizer.chat_template(), {{"messages", std::move(list)},
                                                   {"add_generation_prompt", add_generation_prompt},
                                                   {"bos_token", bos},
                                                   {"eos_token", eos},
                                                   {"tools", jinja::Value()},
                                                   {"documents", jinja::Value()}});
}

}  // namespace crumb
