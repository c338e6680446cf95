// What stands beside a vocabulary in a Hugging Face folder: tokenizer_config.json,
// special_tokens_map.json, chat_template.jinja.
#ifndef CRUMB_TOKENIZERS_TOKENIZER_CONFIG_H_
#define CRUMB_TOKENIZERS_TOKENIZER_CONFIG_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "tokenizers/token.h"
#include "tokenizers/tokenizer_base.h"

namespace crumb {

// File name -> content.
using FileMap = std::map<std::string, std::string>;

struct TokenizerConfig {
  // The texts of these tokens; empty when the files name none.
  std::string bos, eos, eot, cls, sep, unk;
  std::optional<bool> add_bos, add_eos;
  bool lowercase = true;  // "do_lower_case"
  std::string chat_template;
};

// Reads what is there of the three files; `name` is the folder for messages.
Result<TokenizerConfig> ReadTokenizerConfig(const FileMap& files, const std::string& name);

// The id of the token with this text, special ones first; -1 for none or an empty text.
int32_t FindToken(const std::vector<Token>& tokens, const std::string& text);

// Settings from the config and what a post-processor adds before and behind a text. An explicit
// add_bos_token or add_eos_token overrules the post-processor.
TokenizerSettings MakeSettings(const std::vector<Token>& tokens, const TokenizerConfig& config,
                               std::vector<int32_t> prefix, std::vector<int32_t> suffix);

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_TOKENIZER_CONFIG_H_
