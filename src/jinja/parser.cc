#include "jinja/parser.h"

#include <fmt/format.h>

#include <initializer_list>

#include "jinja/token_reader.h"

namespace crumb::jinja {
namespace {

constexpr int kMaxDepth = 100;

class Parser {
 public:
  explicit Parser(std::vector<LexedToken> tokens) : reader_(std::move(tokens)) {}

  Result<Body> Run() {
    CRUMB_ASSIGN_OR_RETURN(Body body, ParseBody({}));
    if (reader_.Peek().kind != TokenKind::kEnd)
      return reader_.Fail("a block ends that never began");
    return body;
  }

 private:
  // Statements up to a block that starts with one of `ends` (not taken), or up to the end.
  Result<Body> ParseBody(std::initializer_list<std::string_view> ends) {
    if (++depth_ > kMaxDepth) return reader_.Fail("blocks nested too deep");
    Body body;
    while (reader_.Peek().kind != TokenKind::kEnd) {
      if (reader_.Peek().kind == TokenKind::kBlockStart && AtEnd(ends)) break;
      CRUMB_RETURN_IF_ERROR(ParseOne(&body));
    }
    --depth_;
    return body;
  }

  bool AtEnd(std::initializer_list<std::string_view> ends) const {
    const LexedToken& word = reader_.Peek(1);
    if (word.kind != TokenKind::kName) return false;
    if (ends.size() == 0) return word.text.starts_with("end") || word.text.starts_with("el");
    for (const std::string_view end : ends) {
      if (word.text == end) return true;
    }
    return false;
  }

  Status ParseOne(Body* body) {
    Statement statement{StatementKind::kText, reader_.line(), "", {}, {}, {}, {}, {}, {}, {}};
    const LexedToken token = reader_.Take();
    if (token.kind == TokenKind::kText) {
      statement.text = token.text;
    } else if (token.kind == TokenKind::kPrintStart) {
      statement.kind = StatementKind::kPrint;
      CRUMB_ASSIGN_OR_RETURN(statement.value, ParseExpression(&reader_));
      CRUMB_RETURN_IF_ERROR(reader_.ExpectKind(TokenKind::kPrintEnd, "'}}'"));
    } else if (token.kind == TokenKind::kBlockStart) {
      return ParseBlock(body);
    } else {
      return reader_.Fail("unexpected token");
    }
    body->push_back(std::move(statement));
    return OkStatus();
  }

  Status ParseBlock(Body* body) {
    Statement statement{StatementKind::kIf, reader_.line(), "", {}, {}, {}, {}, {}, {}, {}};
    CRUMB_ASSIGN_OR_RETURN(const std::string word, reader_.ExpectName());
    if (word == "if") {
      CRUMB_RETURN_IF_ERROR(ParseIf(&statement));
    } else if (word == "for") {
      CRUMB_RETURN_IF_ERROR(ParseFor(&statement));
    } else if (word == "set") {
      CRUMB_RETURN_IF_ERROR(ParseSet(&statement));
    } else if (word == "macro") {
      CRUMB_RETURN_IF_ERROR(ParseMacro(&statement));
    } else if (word == "break" || word == "continue") {
      statement.kind = word == "break" ? StatementKind::kBreak : StatementKind::kContinue;
      CRUMB_RETURN_IF_ERROR(BlockEnd());
    } else if (word == "generation" || word == "endgeneration") {
      return BlockEnd();  // marks the assistant's part for training; prints nothing
    } else {
      return Unsupported(
          fmt::format("chat template, line {}: the statement \"{}\" is not known to crumb",
                      statement.line, word));
    }
    body->push_back(std::move(statement));
    return OkStatus();
  }

  Status BlockEnd() { return reader_.ExpectKind(TokenKind::kBlockEnd, "'%}'"); }

  // "{% word %}"
  Status EndOf(std::string_view word) {
    CRUMB_RETURN_IF_ERROR(
        reader_.ExpectKind(TokenKind::kBlockStart, fmt::format("{{% {} %}}", word)));
    if (!reader_.SkipName(word)) return reader_.Fail(fmt::format("expected {}", word));
    return BlockEnd();
  }

  Status ParseIf(Statement* statement) {
    statement->kind = StatementKind::kIf;
    CRUMB_ASSIGN_OR_RETURN(ExpressionPtr condition, ParseExpression(&reader_));
    while (true) {
      CRUMB_RETURN_IF_ERROR(BlockEnd());
      CRUMB_ASSIGN_OR_RETURN(Body body, ParseBody({"elif", "else", "endif"}));
      const bool was_else = condition == nullptr;
      statement->branches.push_back({std::move(condition), std::move(body)});
      CRUMB_RETURN_IF_ERROR(reader_.ExpectKind(TokenKind::kBlockStart, "{% endif %}"));
      condition = nullptr;
      if (reader_.SkipName("endif")) return BlockEnd();
      if (was_else) return reader_.Fail("expected endif");
      if (reader_.SkipName("elif")) {
        CRUMB_ASSIGN_OR_RETURN(condition, ParseExpression(&reader_));
      } else if (!reader_.SkipName("else")) {
        return reader_.Fail("expected endif");
      }
    }
  }

  Status ParseFor(Statement* statement) {
    statement->kind = StatementKind::kFor;
    CRUMB_RETURN_IF_ERROR(ParseNames(&statement->names));
    if (!reader_.SkipName("in")) return reader_.Fail("expected 'in'");
    CRUMB_ASSIGN_OR_RETURN(statement->value, ParseUnconditional(&reader_));
    if (reader_.SkipName("if")) {
      CRUMB_ASSIGN_OR_RETURN(statement->condition, ParseExpression(&reader_));
    }
    CRUMB_RETURN_IF_ERROR(BlockEnd());
    CRUMB_ASSIGN_OR_RETURN(statement->body, ParseBody({"else", "endfor"}));
    if (reader_.Peek(1).Is(TokenKind::kName, "else")) {
      CRUMB_RETURN_IF_ERROR(EndOf("else"));
      CRUMB_ASSIGN_OR_RETURN(statement->otherwise, ParseBody({"endfor"}));
    }
    return EndOf("endfor");
  }

  // "a" or "a, b", with or without brackets.
  Status ParseNames(std::vector<std::string>* names) {
    const bool bracket = reader_.SkipOperator("(");
    do {
      CRUMB_ASSIGN_OR_RETURN(std::string name, reader_.ExpectName());
      names->push_back(std::move(name));
    } while (reader_.SkipOperator(","));
    return bracket ? reader_.ExpectOperator(")") : OkStatus();
  }

  Status ParseSet(Statement* statement) {
    statement->kind = StatementKind::kSet;
    CRUMB_RETURN_IF_ERROR(ParseNames(&statement->names));
    if (reader_.SkipOperator(".")) {
      CRUMB_ASSIGN_OR_RETURN(statement->text, reader_.ExpectName());
    }
    if (reader_.SkipOperator("=")) {
      CRUMB_ASSIGN_OR_RETURN(statement->value, ParseExpression(&reader_));
      return BlockEnd();
    }
    CRUMB_RETURN_IF_ERROR(BlockEnd());
    CRUMB_ASSIGN_OR_RETURN(statement->body, ParseBody({"endset"}));
    return EndOf("endset");
  }

  Status ParseMacro(Statement* statement) {
    statement->kind = StatementKind::kMacro;
    auto macro = std::make_unique<Macro>();
    CRUMB_ASSIGN_OR_RETURN(macro->name, reader_.ExpectName());
    CRUMB_RETURN_IF_ERROR(reader_.ExpectOperator("("));
    while (!reader_.SkipOperator(")")) {
      CRUMB_ASSIGN_OR_RETURN(std::string parameter, reader_.ExpectName());
      ExpressionPtr fallback;
      if (reader_.SkipOperator("=")) {
        CRUMB_ASSIGN_OR_RETURN(fallback, ParseExpression(&reader_));
      }
      macro->parameters.push_back(std::move(parameter));
      macro->defaults.push_back(std::move(fallback));
      if (!reader_.PeekOperator(")")) CRUMB_RETURN_IF_ERROR(reader_.ExpectOperator(","));
    }
    CRUMB_RETURN_IF_ERROR(BlockEnd());
    CRUMB_ASSIGN_OR_RETURN(macro->body, ParseBody({"endmacro"}));
    statement->macro = std::move(macro);
    return EndOf("endmacro");
  }

  TokenReader reader_;
  int depth_ = 0;
};

}  // namespace

Result<Body> Parse(std::string_view source) {
  CRUMB_ASSIGN_OR_RETURN(std::vector<LexedToken> tokens, Lex(source));
  return Parser(std::move(tokens)).Run();
}

}  // namespace crumb::jinja
