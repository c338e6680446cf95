#include <fmt/format.h>

#include <cstdlib>
#include <initializer_list>

#include "jinja/token_reader.h"

namespace crumb::jinja {

Status TokenReader::ExpectOperator(std::string_view op) {
  return SkipOperator(op) ? OkStatus() : Fail(fmt::format("expected '{}'", op));
}

Status TokenReader::ExpectKind(TokenKind kind, std::string_view what) {
  return SkipKind(kind) ? OkStatus() : Fail(fmt::format("expected {}", what));
}

Result<std::string> TokenReader::ExpectName() {
  if (Peek().kind != TokenKind::kName) return Fail("expected a name");
  return Take().text;
}

Status TokenReader::Fail(std::string_view what) const {
  const bool end = Peek().kind == TokenKind::kEnd;
  return Corrupt(fmt::format("chat template, line {}: {} {}", line(), what,
                             end ? "before the end" : fmt::format("at \"{}\"", Peek().text)));
}

namespace {

constexpr int kMaxDepth = 100;

class Parser {
 public:
  explicit Parser(TokenReader* reader) : reader_(*reader) {}

  Result<ExpressionPtr> Conditional() {
    CRUMB_ASSIGN_OR_RETURN(ExpressionPtr value, Or());
    while (reader_.SkipName("if")) {
      CRUMB_ASSIGN_OR_RETURN(ExpressionPtr condition, Or());
      ExpressionPtr otherwise;
      if (reader_.SkipName("else")) {
        CRUMB_ASSIGN_OR_RETURN(otherwise, Nested(&Parser::Conditional));
      }
      CRUMB_ASSIGN_OR_RETURN(value, Node(ExpressionKind::kConditional, "", std::move(value),
                                         std::move(condition), std::move(otherwise)));
    }
    return value;
  }

  Result<ExpressionPtr> Or() { return BinaryNames("or", &Parser::And); }

 private:
  using Level = Result<ExpressionPtr> (Parser::*)();

  // Runs a level one step deeper, so that brackets in brackets end somewhere.
  Result<ExpressionPtr> Nested(Level level) {
    if (depth_ >= kMaxDepth) return reader_.Fail("too deeply nested");
    ++depth_;
    Result<ExpressionPtr> result = (this->*level)();
    --depth_;
    return result;
  }

  template <typename... Parts>
  Result<ExpressionPtr> Node(ExpressionKind kind, std::string text, Parts... parts) {
    auto node = std::make_unique<Expression>();
    node->kind = kind;
    node->line = reader_.line();
    node->text = std::move(text);
    (node->parts.push_back(std::move(parts)), ...);
    CRUMB_RETURN_IF_ERROR(UpdateDepth(node.get()));
    return node;
  }

  Status UpdateDepth(Expression* node) {
    const auto include = [node](const ExpressionPtr& part) {
      if (part != nullptr) node->depth = std::max(node->depth, part->depth + 1);
    };
    for (const ExpressionPtr& part : node->parts) include(part);
    for (const ExpressionPtr& part : node->arguments) include(part);
    for (const auto& part : node->named_arguments) include(part.second);
    return node->depth > 2 * kMaxDepth ? reader_.Fail("too long an expression") : OkStatus();
  }

  Result<ExpressionPtr> BinaryNames(std::string_view word, Level next) {
    CRUMB_ASSIGN_OR_RETURN(ExpressionPtr left, (this->*next)());
    while (reader_.SkipName(word)) {
      CRUMB_ASSIGN_OR_RETURN(ExpressionPtr right, (this->*next)());
      CRUMB_ASSIGN_OR_RETURN(left, Node(ExpressionKind::kBinary, std::string(word), std::move(left),
                                        std::move(right)));
    }
    return left;
  }

  Result<ExpressionPtr> BinaryOperators(std::initializer_list<std::string_view> operators,
                                        Level next) {
    CRUMB_ASSIGN_OR_RETURN(ExpressionPtr left, (this->*next)());
    while (true) {
      std::string found;
      for (const std::string_view op : operators) {
        if (found.empty() && reader_.SkipOperator(op)) found = op;
      }
      if (found.empty()) return left;
      CRUMB_ASSIGN_OR_RETURN(ExpressionPtr right, (this->*next)());
      CRUMB_ASSIGN_OR_RETURN(
          left, Node(ExpressionKind::kBinary, found, std::move(left), std::move(right)));
    }
  }

  Result<ExpressionPtr> And() { return BinaryNames("and", &Parser::Not); }

  Result<ExpressionPtr> Not() {
    if (!reader_.SkipName("not")) return Comparison();
    CRUMB_ASSIGN_OR_RETURN(ExpressionPtr value, Nested(&Parser::Not));
    return Node(ExpressionKind::kUnary, "not", std::move(value));
  }

  // Of "a < b < c" each pair must hold, as in Python; a and b and c are evaluated once or twice,
  // which no value here can tell apart.
  Result<ExpressionPtr> Comparison() {
    CRUMB_ASSIGN_OR_RETURN(ExpressionPtr left, Sum());
    const std::string op = ComparisonOperator();
    if (op.empty()) return left;
    CRUMB_ASSIGN_OR_RETURN(ExpressionPtr right, Sum());
    if (!ComparisonOperator().empty()) {
      return Unsupported(
          fmt::format("chat template, line {}: a chain of comparisons is not known to "
                      "crumb",
                      reader_.line()));
    }
    return Node(ExpressionKind::kBinary, op, std::move(left), std::move(right));
  }

  // Takes the operator; empty for none.
  std::string ComparisonOperator() {
    for (const std::string_view op : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (reader_.SkipOperator(op)) return std::string(op);
    }
    if (reader_.SkipName("in")) return "in";
    if (reader_.PeekName("not") && reader_.Peek(1).Is(TokenKind::kName, "in")) {
      reader_.Take();
      reader_.Take();
      return "not in";
    }
    return "";
  }

  Result<ExpressionPtr> Sum() { return BinaryOperators({"+", "-"}, &Parser::Concatenation); }
  Result<ExpressionPtr> Concatenation() { return BinaryOperators({"~"}, &Parser::Product); }
  Result<ExpressionPtr> Product() { return BinaryOperators({"*", "//", "/", "%"}, &Parser::Unary); }

  Result<ExpressionPtr> Unary() {
    for (const std::string_view op : {"-", "+"}) {
      if (!reader_.SkipOperator(op)) continue;
      CRUMB_ASSIGN_OR_RETURN(ExpressionPtr value, Nested(&Parser::Unary));
      return Node(ExpressionKind::kUnary, std::string(op), std::move(value));
    }
    CRUMB_ASSIGN_OR_RETURN(ExpressionPtr value, Primary());
    return Suffixes(std::move(value));
  }

  Result<ExpressionPtr> Literal(Value value) {
    CRUMB_ASSIGN_OR_RETURN(ExpressionPtr node, Node(ExpressionKind::kLiteral, ""));
    node->literal = std::move(value);
    return node;
  }

  Result<ExpressionPtr> Primary() {
    const LexedToken token = reader_.Peek();
    switch (token.kind) {
      case TokenKind::kString: {
        std::string text;
        while (reader_.Peek().kind == TokenKind::kString) text += reader_.Take().text;
        return Literal(std::move(text));
      }
      case TokenKind::kInteger:
        reader_.Take();
        return Literal(static_cast<int64_t>(std::strtoll(token.text.c_str(), nullptr, 10)));
      case TokenKind::kFloat:
        reader_.Take();
        return Literal(std::strtod(token.text.c_str(), nullptr));
      case TokenKind::kName:
        reader_.Take();
        return NameOrConstant(token.text);
      default:
        break;
    }
    if (reader_.SkipOperator("(")) return Parenthesis();
    if (reader_.SkipOperator("[")) return Items(ExpressionKind::kList, "]", nullptr);
    if (reader_.SkipOperator("{")) return DictItems();
    return reader_.Fail("expected a value");
  }

  Result<ExpressionPtr> NameOrConstant(const std::string& name) {
    if (name == "true" || name == "True") return Literal(true);
    if (name == "false" || name == "False") return Literal(false);
    if (name == "none" || name == "None") return Literal(Value());
    return Node(ExpressionKind::kName, name);
  }

  // A value in brackets, or a tuple, which is a list here.
  Result<ExpressionPtr> Parenthesis() {
    if (reader_.SkipOperator(")")) return Node(ExpressionKind::kList, "");
    CRUMB_ASSIGN_OR_RETURN(ExpressionPtr first, Nested(&Parser::Conditional));
    if (reader_.SkipOperator(")")) return first;
    CRUMB_RETURN_IF_ERROR(reader_.ExpectOperator(","));
    return Items(ExpressionKind::kList, ")", std::move(first));
  }

  Result<ExpressionPtr> Items(ExpressionKind kind, std::string_view close, ExpressionPtr first) {
    CRUMB_ASSIGN_OR_RETURN(ExpressionPtr node, Node(kind, ""));
    if (first != nullptr) node->parts.push_back(std::move(first));
    while (!reader_.SkipOperator(close)) {
      CRUMB_ASSIGN_OR_RETURN(ExpressionPtr item, Nested(&Parser::Conditional));
      node->parts.push_back(std::move(item));
      if (!reader_.PeekOperator(close)) CRUMB_RETURN_IF_ERROR(reader_.ExpectOperator(","));
    }
    CRUMB_RETURN_IF_ERROR(UpdateDepth(node.get()));
    return node;
  }

  Result<ExpressionPtr> DictItems() {
    CRUMB_ASSIGN_OR_RETURN(ExpressionPtr node, Node(ExpressionKind::kDict, ""));
    while (!reader_.SkipOperator("}")) {
      CRUMB_ASSIGN_OR_RETURN(ExpressionPtr key, Nested(&Parser::Conditional));
      CRUMB_RETURN_IF_ERROR(reader_.ExpectOperator(":"));
      CRUMB_ASSIGN_OR_RETURN(ExpressionPtr value, Nested(&Parser::Conditional));
      node->parts.push_back(std::move(key));
      node->parts.push_back(std::move(value));
      if (!reader_.PeekOperator("}")) CRUMB_RETURN_IF_ERROR(reader_.ExpectOperator(","));
    }
    CRUMB_RETURN_IF_ERROR(UpdateDepth(node.get()));
    return node;
  }

  // .name [index] (call) |filter "is test", as many as there are.
  Result<ExpressionPtr> Suffixes(ExpressionPtr value) {
    while (true) {
      if (reader_.SkipOperator(".")) {
        CRUMB_ASSIGN_OR_RETURN(std::string name, reader_.ExpectName());
        CRUMB_ASSIGN_OR_RETURN(value,
                               Node(ExpressionKind::kAttribute, std::move(name), std::move(value)));
      } else if (reader_.SkipOperator("[")) {
        CRUMB_ASSIGN_OR_RETURN(value, Index(std::move(value)));
      } else if (reader_.PeekOperator("(")) {
        CRUMB_ASSIGN_OR_RETURN(value, Node(ExpressionKind::kCall, "", std::move(value)));
        CRUMB_RETURN_IF_ERROR(Arguments(value.get()));
      } else if (reader_.SkipOperator("|")) {
        CRUMB_ASSIGN_OR_RETURN(std::string name, reader_.ExpectName());
        CRUMB_ASSIGN_OR_RETURN(value,
                               Node(ExpressionKind::kFilter, std::move(name), std::move(value)));
        if (reader_.PeekOperator("(")) CRUMB_RETURN_IF_ERROR(Arguments(value.get()));
      } else if (reader_.SkipName("is")) {
        CRUMB_ASSIGN_OR_RETURN(value, Test(std::move(value)));
      } else {
        return value;
      }
    }
  }

  Result<ExpressionPtr> Index(ExpressionPtr value) {
    ExpressionPtr parts[3];
    int colons = 0;
    while (!reader_.SkipOperator("]")) {
      if (reader_.SkipOperator(":")) {
        if (++colons > 2) return reader_.Fail("too many colons in a slice");
        continue;
      }
      if (parts[colons] != nullptr) return reader_.Fail("expected ']'");
      CRUMB_ASSIGN_OR_RETURN(parts[colons], Nested(&Parser::Conditional));
    }
    if (colons > 0) {
      return Node(ExpressionKind::kSlice, "", std::move(value), std::move(parts[0]),
                  std::move(parts[1]), std::move(parts[2]));
    }
    if (parts[0] == nullptr) return reader_.Fail("expected an index");
    return Node(ExpressionKind::kIndex, "", std::move(value), std::move(parts[0]));
  }

  // "(a, b, name=c)"
  Status Arguments(Expression* node) {
    CRUMB_RETURN_IF_ERROR(reader_.ExpectOperator("("));
    while (!reader_.SkipOperator(")")) {
      std::string name;
      if (reader_.Peek().kind == TokenKind::kName &&
          reader_.Peek(1).Is(TokenKind::kOperator, "=")) {
        name = reader_.Take().text;
        reader_.Take();
      }
      CRUMB_ASSIGN_OR_RETURN(ExpressionPtr value, Nested(&Parser::Conditional));
      if (name.empty()) {
        node->arguments.push_back(std::move(value));
      } else {
        node->named_arguments.emplace_back(std::move(name), std::move(value));
      }
      if (!reader_.PeekOperator(")")) CRUMB_RETURN_IF_ERROR(reader_.ExpectOperator(","));
    }
    return UpdateDepth(node);
  }

  // Behind "is": an optional "not", the test, and an argument with or without brackets.
  Result<ExpressionPtr> Test(ExpressionPtr value) {
    const bool negated = reader_.SkipName("not");
    CRUMB_ASSIGN_OR_RETURN(std::string name, reader_.ExpectName());
    CRUMB_ASSIGN_OR_RETURN(ExpressionPtr node,
                           Node(ExpressionKind::kTest, std::move(name), std::move(value)));
    const TokenKind next = reader_.Peek().kind;
    if (reader_.PeekOperator("(")) {
      CRUMB_RETURN_IF_ERROR(Arguments(node.get()));
    } else if (next == TokenKind::kString || next == TokenKind::kInteger ||
               reader_.PeekOperator("[")) {
      CRUMB_ASSIGN_OR_RETURN(ExpressionPtr argument, Primary());
      node->arguments.push_back(std::move(argument));
      CRUMB_RETURN_IF_ERROR(UpdateDepth(node.get()));
    }
    return negated ? Node(ExpressionKind::kUnary, "not", std::move(node)) : std::move(node);
  }

  TokenReader& reader_;
  int depth_ = 0;
};

}  // namespace

Result<ExpressionPtr> ParseExpression(TokenReader* reader) { return Parser(reader).Conditional(); }

Result<ExpressionPtr> ParseUnconditional(TokenReader* reader) { return Parser(reader).Or(); }

}  // namespace crumb::jinja
