// A chat template as tokens. Blocks are trimmed as Hugging Face does: a line break right behind a
// block and spaces before a block that starts its line are left out (trim_blocks, lstrip_blocks).
#ifndef CRUMB_JINJA_LEXER_H_
#define CRUMB_JINJA_LEXER_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace crumb::jinja {

enum class TokenKind {
  kText,        // between the marks
  kPrintStart,  // {{
  kPrintEnd,    // }}
  kBlockStart,  // {%
  kBlockEnd,    // %}
  kName,        // also the words of the language
  kString,      // without quotes, escapes resolved
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct LexedToken {
  TokenKind kind;
  std::string text;
  int line;  // from 1

  bool Is(TokenKind k, std::string_view t) const { return kind == k && text == t; }
};

// The last token is kEnd. kCorrupt with the line for text that no token starts with, for strings
// and blocks without an end.
Result<std::vector<LexedToken>> Lex(std::string_view source);

}  // namespace crumb::jinja

#endif  // CRUMB_JINJA_LEXER_H_
