// One entry of a vocabulary, as the makers of tokenizers below hand it on.
#ifndef CRUMB_TOKENIZERS_TOKEN_H_
#define CRUMB_TOKENIZERS_TOKEN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace crumb {

// The numbers are those of tokenizer.ggml.token_type and of SentencePiece.
enum class TokenType : uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,      // start, end, turn markers: in a text only when the caller says so
  kUserDefined = 4,  // found in any text as a whole
  kUnused = 5,
  kByte = 6,  // "<0x0A>": one byte of a character that the vocabulary lacks
};

struct Token {
  std::string text;
  TokenType type = TokenType::kNormal;
  bool lstrip = false;  // an added token that takes the white space before it, or behind it, along
  bool rstrip = false;
};

// Tokens given in any order, each with its id; `name` is the file for messages.
class TokenListBuilder {
 public:
  explicit TokenListBuilder(std::string name) : name_(std::move(name)) {}
  // kCorrupt on negative ids. The same id and text again replaces type and strip flags.
  Status Add(int64_t id, Token token);
  // Tokens by id. kCorrupt on ids given twice with another text, and on ids that were left out.
  Result<std::vector<Token>> Finish() &&;

 private:
  struct Entry {
    int64_t id;
    Token token;
  };
  std::string name_;
  std::vector<Entry> entries_;  // as they were added
};

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_TOKEN_H_
