#include "jinja/eval.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "jinja/arithmetic.h"
#include "jinja/filters.h"
#include "jinja/parser.h"

namespace crumb::jinja {
namespace {

constexpr int64_t kStepCost = 16;  // a step takes about as long as making this many bytes
constexpr int kMaxCallDepth = 16;
constexpr int kMaxValueDepth = 24;

enum class Flow { kOn, kBreak, kContinue };

class Evaluator {
 public:
  Evaluator(const Dict& variables, Strictness strictness)
      : scopes_{variables}, strict_(strictness == Strictness::kStrict) {}

  Result<Flow> Run(const Body& body, std::string* out) {
    for (const Statement& statement : body) {
      Result<Flow> flow = RunOne(statement, out);
      if (!flow.ok()) return AtLine(flow.status(), statement.line);
      if (*flow != Flow::kOn) return flow;
    }
    return Flow::kOn;
  }

  // Of a body that is one printed expression.
  Result<Value> RunValue(const Statement& print) {
    Result<Value> value = Printed(print);
    if (!value.ok()) return AtLine(value.status(), print.line);
    return value;
  }

 private:
  // Puts the line before an error that does not name one yet, except into the template's own words.
  static Status AtLine(const Status& status, int line) {
    if (status.code() == StatusCode::kInvalidArgument ||
        status.message().starts_with("chat template")) {
      return status;
    }
    return status.WithContext(fmt::format("chat template, line {}", line));
  }

  Result<Flow> RunOne(const Statement& statement, std::string* out) {
    CRUMB_RETURN_IF_ERROR(budget_.Charge(kStepCost));
    switch (statement.kind) {
      case StatementKind::kText:
        CRUMB_RETURN_IF_ERROR(budget_.Charge(static_cast<int64_t>(statement.text.size())));
        *out += statement.text;
        return Flow::kOn;
      case StatementKind::kPrint: {
        CRUMB_ASSIGN_OR_RETURN(const Value value, Printed(statement));
        CRUMB_ASSIGN_OR_RETURN(const std::string text, ToText(value, &budget_));
        *out += text;
        return Flow::kOn;
      }
      case StatementKind::kIf:
        return RunIf(statement, out);
      case StatementKind::kFor:
        return RunFor(statement, out);
      case StatementKind::kSet:
        CRUMB_RETURN_IF_ERROR(RunSet(statement));
        return Flow::kOn;
      case StatementKind::kMacro:
        Set(statement.macro->name, Value(statement.macro.get()));
        return Flow::kOn;
      case StatementKind::kBreak:
        return Flow::kBreak;
      case StatementKind::kContinue:
        return Flow::kContinue;
    }
    return Flow::kOn;
  }

  Result<Value> Printed(const Statement& statement) {
    Result<Value> value = Evaluate(*statement.value);
    if (!strict_ || !value.ok() || !value->is_undefined()) return value;
    return Corrupt(fmt::format("\"{}\" is not defined", value->undefined_name()));
  }

  Result<Flow> RunIf(const Statement& statement, std::string* out) {
    for (const Branch& branch : statement.branches) {
      if (branch.condition != nullptr) {
        CRUMB_ASSIGN_OR_RETURN(const Value condition, Evaluate(*branch.condition));
        if (!condition.truth()) continue;
      }
      return Run(branch.body, out);
    }
    return Flow::kOn;
  }

  Result<Flow> RunFor(const Statement& statement, std::string* out) {
    CRUMB_ASSIGN_OR_RETURN(const Value value, Evaluate(*statement.value));
    CRUMB_ASSIGN_OR_RETURN(List items, Iterate(value, &budget_));
    if (statement.condition != nullptr) {
      CRUMB_RETURN_IF_ERROR(KeepWhere(statement, &items));
    }
    if (items.empty()) return Run(statement.otherwise, out);
    for (size_t i = 0; i < items.size(); ++i) {
      scopes_.emplace_back();
      Set("loop", LoopVariable(items, i));
      Status status = Bind(statement.names, items[i]);
      Result<Flow> flow = status.ok() ? Run(statement.body, out) : Result<Flow>(status);
      scopes_.pop_back();
      if (!flow.ok()) return flow;
      if (*flow == Flow::kBreak) break;
    }
    return Flow::kOn;
  }

  Status KeepWhere(const Statement& statement, List* items) {
    List kept;
    for (Value& item : *items) {
      scopes_.emplace_back();
      const Status status = Bind(statement.names, item);
      Result<Value> condition =
          status.ok() ? Evaluate(*statement.condition) : Result<Value>(status);
      scopes_.pop_back();
      CRUMB_RETURN_IF_ERROR(condition.status());
      if (condition->truth()) kept.push_back(std::move(item));
    }
    *items = std::move(kept);
    return OkStatus();
  }

  static Value LoopVariable(const List& items, size_t i) {
    const auto number = [](size_t n) { return Value(static_cast<int64_t>(n)); };
    return Dict{
        {"index", number(i + 1)},
        {"index0", number(i)},
        {"revindex", number(items.size() - i)},
        {"revindex0", number(items.size() - i - 1)},
        {"first", Value(i == 0)},
        {"last", Value(i + 1 == items.size())},
        {"length", number(items.size())},
        {"previtem", i == 0 ? Value(Undefined{"loop.previtem"}) : items[i - 1]},
        {"nextitem", i + 1 == items.size() ? Value(Undefined{"loop.nextitem"}) : items[i + 1]}};
  }

  // One name takes the value, several take its items.
  Status Bind(const std::vector<std::string>& names, const Value& value) {
    if (names.size() == 1) {
      Set(names[0], value);
      return OkStatus();
    }
    if (!value.is_list() || value.list().size() != names.size()) {
      return Corrupt(fmt::format("{} names for a {}", names.size(), value.type_name()));
    }
    for (size_t i = 0; i < names.size(); ++i) Set(names[i], value.list()[i]);
    return OkStatus();
  }

  Status RunSet(const Statement& statement) {
    Value value;
    if (statement.value != nullptr) {
      CRUMB_ASSIGN_OR_RETURN(value, Evaluate(*statement.value));
    } else {
      std::string text;
      CRUMB_RETURN_IF_ERROR(Run(statement.body, &text).status());
      value = Value(std::move(text));
    }
    // Whatever a loop carries on passes here, so that no value nests without end.
    if (value.depth() > kMaxValueDepth) return Unsupported("values nested too deep");
    if (statement.text.empty()) return Bind(statement.names, value);
    const Value target = Lookup(statement.names[0]);
    if (!target.is_namespace()) {
      return Corrupt(fmt::format("{} is no namespace, so {}.{} can not be set", statement.names[0],
                                 statement.names[0], statement.text));
    }
    if (value.is_namespace()) return Unsupported("a namespace inside another value");
    SetIn(&target.name_space().members, statement.text, std::move(value));
    return OkStatus();
  }

  static void SetIn(Dict* dict, const std::string& name, Value value) {
    for (auto& member : *dict) {
      if (member.first != name) continue;
      member.second = std::move(value);
      return;
    }
    dict->emplace_back(name, std::move(value));
  }
  void Set(const std::string& name, Value value) { SetIn(&scopes_.back(), name, std::move(value)); }

  Value Lookup(const std::string& name) const {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      if (const Value* value = FindKey(*scope, name)) return *value;
    }
    return Undefined{name};
  }

  Result<Value> Evaluate(const Expression& e) {
    CRUMB_RETURN_IF_ERROR(budget_.Charge(kStepCost));
    switch (e.kind) {
      case ExpressionKind::kLiteral:
        return e.literal;
      case ExpressionKind::kName:
        return Lookup(e.text);
      case ExpressionKind::kList:
        return EvaluateList(e);
      case ExpressionKind::kDict:
        return EvaluateDict(e);
      case ExpressionKind::kAttribute: {
        CRUMB_ASSIGN_OR_RETURN(const Value object, Evaluate(*e.parts[0]));
        return GetItem(object, Value(e.text));
      }
      case ExpressionKind::kIndex: {
        CRUMB_ASSIGN_OR_RETURN(const Value object, Evaluate(*e.parts[0]));
        CRUMB_ASSIGN_OR_RETURN(const Value key, Evaluate(*e.parts[1]));
        return GetItem(object, key);
      }
      case ExpressionKind::kSlice:
        return EvaluateSlice(e);
      case ExpressionKind::kCall:
        return EvaluateCall(e);
      case ExpressionKind::kFilter:
      case ExpressionKind::kTest:
        return EvaluateFilterOrTest(e);
      case ExpressionKind::kUnary: {
        CRUMB_ASSIGN_OR_RETURN(const Value value, Evaluate(*e.parts[0]));
        if (e.text == "not") return Value(!value.truth());
        return Negate(e.text, value);
      }
      case ExpressionKind::kBinary:
        return EvaluateBinary(e);
      case ExpressionKind::kConditional: {
        CRUMB_ASSIGN_OR_RETURN(const Value condition, Evaluate(*e.parts[1]));
        if (condition.truth()) return Evaluate(*e.parts[0]);
        return e.parts[2] == nullptr ? Value(Undefined{"else"}) : Evaluate(*e.parts[2]);
      }
    }
    return InternalError("an expression of no kind");
  }

  // A value that may stand in a list or dictionary: no namespace (which could come to hold itself)
  // and not nested without end.
  Result<Value> EvaluateItem(const Expression& e) {
    CRUMB_ASSIGN_OR_RETURN(Value value, Evaluate(e));
    if (value.is_namespace()) return Unsupported("a namespace inside another value");
    return value;
  }

  Result<Value> EvaluateList(const Expression& e) {
    List list;
    for (const ExpressionPtr& part : e.parts) {
      CRUMB_ASSIGN_OR_RETURN(Value item, EvaluateItem(*part));
      list.push_back(std::move(item));
    }
    return Value(std::move(list));
  }

  Result<Value> EvaluateDict(const Expression& e) {
    Dict dict;
    for (size_t i = 0; i + 1 < e.parts.size(); i += 2) {
      CRUMB_ASSIGN_OR_RETURN(const Value key, Evaluate(*e.parts[i]));
      if (!key.is_string()) return Unsupported("a dictionary key that is no text");
      CRUMB_ASSIGN_OR_RETURN(Value value, EvaluateItem(*e.parts[i + 1]));
      SetIn(&dict, key.string(), std::move(value));
    }
    return Value(std::move(dict));
  }

  Result<Value> EvaluateSlice(const Expression& e) {
    CRUMB_ASSIGN_OR_RETURN(const Value object, Evaluate(*e.parts[0]));
    Value bounds[3];
    for (size_t i = 0; i < 3; ++i) {
      if (e.parts[i + 1] == nullptr) continue;
      CRUMB_ASSIGN_OR_RETURN(bounds[i], Evaluate(*e.parts[i + 1]));
    }
    return Slice(object, bounds[0], bounds[1], bounds[2], &budget_);
  }

  Result<Arguments> EvaluateArguments(const Expression& e) {
    Arguments arguments;
    for (const ExpressionPtr& part : e.arguments) {
      CRUMB_ASSIGN_OR_RETURN(Value value, Evaluate(*part));
      arguments.values.push_back(std::move(value));
    }
    for (const auto& part : e.named_arguments) {
      CRUMB_ASSIGN_OR_RETURN(Value value, Evaluate(*part.second));
      arguments.named.emplace_back(part.first, std::move(value));
    }
    return arguments;
  }

  Result<Value> EvaluateFilterOrTest(const Expression& e) {
    CRUMB_ASSIGN_OR_RETURN(const Value value, Evaluate(*e.parts[0]));
    CRUMB_ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(e));
    if (e.kind == ExpressionKind::kFilter) return ApplyFilter(e.text, value, arguments, &budget_);
    CRUMB_ASSIGN_OR_RETURN(const bool holds, ApplyTest(e.text, value, arguments, &budget_));
    return Value(holds);
  }

  Result<Value> EvaluateBinary(const Expression& e) {
    CRUMB_ASSIGN_OR_RETURN(const Value left, Evaluate(*e.parts[0]));
    if (e.text == "and") return left.truth() ? Evaluate(*e.parts[1]) : Result<Value>(left);
    if (e.text == "or") return left.truth() ? Result<Value>(left) : Evaluate(*e.parts[1]);
    CRUMB_ASSIGN_OR_RETURN(const Value right, Evaluate(*e.parts[1]));
    return Binary(e.text, left, right, &budget_);
  }

  Result<Value> EvaluateCall(const Expression& e) {
    const Expression& callee = *e.parts[0];
    CRUMB_ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(e));
    if (callee.kind == ExpressionKind::kAttribute) {
      CRUMB_ASSIGN_OR_RETURN(const Value object, Evaluate(*callee.parts[0]));
      return CallMethod(object, callee.text, arguments, &budget_);
    }
    if (callee.kind != ExpressionKind::kName) return Unsupported("a call of a computed value");
    const Value value = Lookup(callee.text);
    if (const Macro* macro = value.macro()) return CallMacro(*macro, arguments);
    return CallFunction(callee.text, arguments);
  }

  Result<Value> CallMacro(const Macro& macro, const Arguments& arguments) {
    if (call_depth_ >= kMaxCallDepth) return Unsupported("macros that call each other too deep");
    Dict scope;
    for (size_t i = 0; i < macro.parameters.size(); ++i) {
      const Value* given = arguments.Find(i, macro.parameters[i]);
      Value value = Undefined{macro.parameters[i]};
      if (given != nullptr) {
        value = *given;
      } else if (macro.defaults[i] != nullptr) {
        CRUMB_ASSIGN_OR_RETURN(value, Evaluate(*macro.defaults[i]));
      }
      SetIn(&scope, macro.parameters[i], std::move(value));
    }
    // A macro sees the outermost variables and its own, not those of its caller.
    std::vector<Dict> caller(std::make_move_iterator(scopes_.begin() + 1),
                             std::make_move_iterator(scopes_.end()));
    scopes_.resize(1);
    scopes_.push_back(std::move(scope));
    ++call_depth_;
    std::string text;
    const Result<Flow> flow = Run(macro.body, &text);
    --call_depth_;
    scopes_.resize(1);
    scopes_.insert(scopes_.end(), std::make_move_iterator(caller.begin()),
                   std::make_move_iterator(caller.end()));
    CRUMB_RETURN_IF_ERROR(flow.status());
    return Value(std::move(text));
  }

  Result<Value> CallFunction(const std::string& name, const Arguments& arguments) {
    if (name == "raise_exception") {
      const Value* message = arguments.Find(0, "message");
      CRUMB_ASSIGN_OR_RETURN(const std::string text,
                             ToText(message == nullptr ? Value("") : *message, &budget_));
      return InvalidArgument(fmt::format("the chat template refuses these messages: {}", text));
    }
    if (name == "namespace" || name == "dict") {
      Dict members;
      for (const auto& [member, value] : arguments.named) {
        if (value.is_namespace()) return Unsupported("a namespace inside another value");
        SetIn(&members, member, value);
      }
      if (name == "dict") return Value(std::move(members));
      return Value(std::make_shared<Namespace>(Namespace{std::move(members)}));
    }
    if (name == "range") return Range(arguments.values, &budget_);
    return Unsupported(fmt::format("the function \"{}\" is not known to crumb", name));
  }

  std::vector<Dict> scopes_;
  const bool strict_;
  Budget budget_;
  int call_depth_ = 0;
};

// Parse drops one line break at the end.
Result<Body> ParseSource(std::string_view source, Strictness strictness) {
  if (strictness == Strictness::kLenient || !source.ends_with('\n')) return Parse(source);
  return Parse(std::string(source) + '\n');
}

}  // namespace

Result<std::string> Render(std::string_view source, const Dict& variables, Strictness strictness) {
  CRUMB_ASSIGN_OR_RETURN(const Body body, ParseSource(source, strictness));
  std::string out;
  CRUMB_RETURN_IF_ERROR(Evaluator(variables, strictness).Run(body, &out).status());
  return out;
}

Result<Value> RenderValue(std::string_view source, const Dict& variables, Strictness strictness) {
  CRUMB_ASSIGN_OR_RETURN(const Body body, ParseSource(source, strictness));
  Evaluator evaluator(variables, strictness);
  if (body.size() == 1 && body[0].kind == StatementKind::kPrint) return evaluator.RunValue(body[0]);
  std::string out;
  CRUMB_RETURN_IF_ERROR(evaluator.Run(body, &out).status());
  return Value(std::move(out));
}

}  // namespace crumb::jinja
