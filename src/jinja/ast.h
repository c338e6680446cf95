// The syntax tree of a chat template.
#ifndef CRUMB_JINJA_AST_H_
#define CRUMB_JINJA_AST_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "jinja/value.h"

namespace crumb::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

enum class ExpressionKind {
  kLiteral,      // literal
  kName,         // text
  kList,         // parts
  kDict,         // parts: key, value, key, value
  kAttribute,    // parts[0] . text
  kIndex,        // parts[0] [ parts[1] ]
  kSlice,        // parts[0] [ parts[1] : parts[2] : parts[3] ], each may be null
  kCall,         // parts[0] ( arguments )
  kFilter,       // parts[0] | text ( arguments )
  kTest,         // parts[0] is text ( arguments )
  kUnary,        // text parts[0]: "not", "-", "+"
  kBinary,       // parts[0] text parts[1]
  kConditional,  // parts[0] if parts[1] else parts[2], which may be null
};

struct Expression {
  ExpressionKind kind;
  int line = 0;
  int depth = 1;  // of the tree below, itself included
  std::string text;
  Value literal;
  std::vector<ExpressionPtr> parts;
  std::vector<ExpressionPtr> arguments;
  std::vector<std::pair<std::string, ExpressionPtr>> named_arguments;
};

struct Statement;
using Body = std::vector<Statement>;

enum class StatementKind {
  kText,   // text
  kPrint,  // value
  kIf,     // branches: each with its condition (null for else)
  kFor,    // names in value, only where condition, body; otherwise when there was nothing
  kSet,    // names = value, or names[0].text = value, or names[0] = the text of body
  kMacro,  // macro
  kBreak,
  kContinue,
};

struct Branch {
  ExpressionPtr condition;
  Body body;
};

struct Macro {
  std::string name;
  std::vector<std::string> parameters;
  std::vector<ExpressionPtr> defaults;  // one for each parameter, may be null
  Body body;
};

struct Statement {
  StatementKind kind;
  int line = 0;
  std::string text;
  std::vector<std::string> names;
  ExpressionPtr value;
  ExpressionPtr condition;
  std::vector<Branch> branches;
  Body body;
  Body otherwise;
  std::unique_ptr<Macro> macro;
};

}  // namespace crumb::jinja

#endif  // CRUMB_JINJA_AST_H_
