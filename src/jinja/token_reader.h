// A place in a list of tokens, shared by the parsers of statements and of expressions.
#ifndef CRUMB_JINJA_TOKEN_READER_H_
#define CRUMB_JINJA_TOKEN_READER_H_

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "jinja/ast.h"
#include "jinja/lexer.h"

namespace crumb::jinja {

class TokenReader {
 public:
  explicit TokenReader(std::vector<LexedToken> tokens) : tokens_(std::move(tokens)) {}

  const LexedToken& Peek(size_t ahead = 0) const {
    return tokens_[std::min(position_ + ahead, tokens_.size() - 1)];
  }
  LexedToken Take() { return tokens_[std::min(position_++, tokens_.size() - 1)]; }
  int line() const { return Peek().line; }

  bool PeekName(std::string_view name) const { return Peek().Is(TokenKind::kName, name); }
  bool PeekOperator(std::string_view op) const { return Peek().Is(TokenKind::kOperator, op); }
  // Moves on if the next token is this one.
  bool SkipName(std::string_view name) { return PeekName(name) && Skip(); }
  bool SkipOperator(std::string_view op) { return PeekOperator(op) && Skip(); }
  bool SkipKind(TokenKind kind) { return Peek().kind == kind && Skip(); }

  Status ExpectOperator(std::string_view op);
  Status ExpectKind(TokenKind kind, std::string_view what);
  Result<std::string> ExpectName();
  Status Fail(std::string_view what) const;

 private:
  bool Skip() {
    ++position_;
    return true;
  }
  std::vector<LexedToken> tokens_;
  size_t position_ = 0;
};

// One expression from the reader's place on (expression_parser.cc).
Result<ExpressionPtr> ParseExpression(TokenReader* reader);
// The same without "a if b else c", for the list of a loop, which an "if" may follow.
Result<ExpressionPtr> ParseUnconditional(TokenReader* reader);

}  // namespace crumb::jinja

#endif  // CRUMB_JINJA_TOKEN_READER_H_
