// What all kinds of tokenizer share: finding special tokens in the text, adding start and end
// tokens, putting the bytes of tokens together.
#ifndef CRUMB_TOKENIZERS_TOKENIZER_BASE_H_
#define CRUMB_TOKENIZERS_TOKENIZER_BASE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizers/added_tokens.h"
#include "tokenizers/token.h"
#include "tokenizers/tokenizer.h"

namespace crumb {

// What a model's files say beside its vocabulary. Ids are -1 for none.
struct TokenizerSettings {
  int32_t bos = -1;
  std::vector<int32_t> prefix;      // what add_special puts before a text
  std::vector<int32_t> suffix;      // and behind it
  std::vector<int32_t> end_tokens;  // the model's eos first
  std::string chat_template;
  std::map<std::string, std::string> files;  // where it was loaded from; empty: Files() writes them
  bool strip_leading_space = false;          // Decode takes back the space that Encode put first
};

class TokenizerBase : public Tokenizer {
 public:
  TokenizerBase(std::vector<Token> tokens, TokenizerSettings settings);

  int32_t vocabulary_size() const override { return static_cast<int32_t>(tokens_.size()); }
  Result<std::vector<int32_t>> Encode(std::string_view text,
                                      const EncodeOptions& options) const override;
  Result<std::string> Decode(std::span<const int32_t> tokens, bool show_special) const override;
  // Empty for special tokens and for ids outside the vocabulary.
  std::string TokenBytes(int32_t token) const override;
  int32_t bos() const override { return settings_.bos; }
  std::vector<int32_t> end_tokens() const override { return settings_.end_tokens; }
  bool adds_bos() const override;
  const std::string& chat_template() const override { return settings_.chat_template; }
  std::map<std::string, std::string> Files() const override { return settings_.files; }

 protected:
  // Appends the ids of `text` (not empty), in which no added token is left. `at_start`: nothing
  // stands before it, not even a token.
  virtual Status EncodeText(std::string_view text, bool at_start,
                            std::vector<int32_t>* ids) const = 0;
  // The bytes of a token that is not special.
  virtual std::string PlainTokenBytes(const Token& token) const = 0;

  const std::vector<Token>& tokens() const { return tokens_; }
  const TokenizerSettings& settings() const { return settings_; }

 private:
  bool IsSpecial(int32_t token) const;

  std::vector<Token> tokens_;
  AddedTokens added_;
  TokenizerSettings settings_;
};

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_TOKENIZER_BASE_H_
