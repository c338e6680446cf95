#include "jinja/arithmetic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "jinja/filters.h"

namespace crumb::jinja {
namespace {

Status Mismatch(std::string_view op, const Value& left, const Value& right) {
  if (left.is_undefined() || right.is_undefined()) {
    return Corrupt(fmt::format("\"{}\" is not defined", left.is_undefined()
                                                            ? left.undefined_name()
                                                            : right.undefined_name()));
  }
  return Corrupt(fmt::format("{} {} {} has no meaning", left.type_name(), op, right.type_name()));
}

// Python rounds quotients down, and remainders have the sign of the divisor.
int64_t FloorDivide(int64_t a, int64_t b) {
  return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

Result<Value> IntegerArithmetic(std::string_view op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  if (op == "+") {
    overflow = __builtin_add_overflow(a, b, &result);
  } else if (op == "-") {
    overflow = __builtin_sub_overflow(a, b, &result);
  } else if (op == "*") {
    overflow = __builtin_mul_overflow(a, b, &result);
  } else {
    if (b == 0) return Corrupt("a division by zero");
    if (b == -1) return IntegerArithmetic("-", 0, op == "%" ? 0 : a);
    result = op == "%" ? a - FloorDivide(a, b) * b : FloorDivide(a, b);
  }
  if (overflow) return Corrupt("a number beyond 64 bits");
  return Value(result);
}

Result<Value> Arithmetic(std::string_view op, const Value& left, const Value& right) {
  const bool integers = !left.is_float() && !right.is_float();
  if (integers && op != "/") return IntegerArithmetic(op, left.integer(), right.integer());
  const double a = left.number();
  const double b = right.number();
  if (op == "+") return Value(a + b);
  if (op == "-") return Value(a - b);
  if (op == "*") return Value(a * b);
  if (b == 0) return Corrupt("a division by zero");
  if (op == "/") return Value(a / b);
  const double floored = std::floor(a / b);
  return Value(op == "//" ? floored : a - floored * b);
}

Result<Value> Repeat(const std::string& text, int64_t count, Budget* budget) {
  const auto size = static_cast<int64_t>(text.size());
  if (count <= 0 || size == 0) return Value("");
  if (count > budget->left) count = budget->left + 1;  // too much in any case, and no overflow
  CRUMB_RETURN_IF_ERROR(budget->Charge(std::max(count, (count - 1) * size)));
  std::string repeated;
  for (int64_t i = 0; i < count; ++i) repeated += text;
  return Value(std::move(repeated));
}

Result<Value> Add(const Value& left, const Value& right, Budget* budget) {
  if (left.is_string() && right.is_string()) {
    std::string sum = left.string() + right.string();
    CRUMB_RETURN_IF_ERROR(budget->Charge(static_cast<int64_t>(sum.size())));
    return Value(std::move(sum));
  }
  if (left.is_list() && right.is_list()) {
    List sum = left.list();
    sum.insert(sum.end(), right.list().begin(), right.list().end());
    CRUMB_RETURN_IF_ERROR(budget->Charge(static_cast<int64_t>(sum.size() * sizeof(Value))));
    return Value(std::move(sum));
  }
  if (left.is_number() && right.is_number()) return Arithmetic("+", left, right);
  return Mismatch("+", left, right);
}

Result<Value> Ordering(std::string_view op, const Value& left, const Value& right) {
  if (left.is_undefined() || right.is_undefined()) return Mismatch(op, left, right);
  CRUMB_ASSIGN_OR_RETURN(const int order, Compare(left, right));
  if (op == "<") return Value(order < 0);
  if (op == ">") return Value(order > 0);
  return Value(op == "<=" ? order <= 0 : order >= 0);
}

// Where Python's slice puts a bound on `size` items.
int64_t Clamp(int64_t bound, int64_t size, bool backwards) {
  if (bound < 0)
    bound = bound < -size ? -1 : bound + size;
  else if (bound > size)
    bound = size;
  if (backwards) return std::min(bound, size - 1);
  return std::max<int64_t>(bound, 0);
}

}  // namespace

Result<Value> Binary(std::string_view op, const Value& left, const Value& right, Budget* budget) {
  if (op == "==" || op == "!=") {
    CRUMB_ASSIGN_OR_RETURN(const bool equal, Equal(left, right, budget));
    return Value(equal == (op == "=="));
  }
  if (op == "in" || op == "not in") {
    CRUMB_ASSIGN_OR_RETURN(const bool inside, Contains(right, left, budget));
    return Value(inside == (op == "in"));
  }
  if (op == "<" || op == ">" || op == "<=" || op == ">=") return Ordering(op, left, right);
  if (op == "~") {
    CRUMB_ASSIGN_OR_RETURN(const std::string first, ToText(left, budget));
    CRUMB_ASSIGN_OR_RETURN(const std::string second, ToText(right, budget));
    return Value(first + second);
  }
  if (op == "+") return Add(left, right, budget);
  if (op == "*" && left.is_string() && right.is_int()) {
    return Repeat(left.string(), right.integer(), budget);
  }
  if (left.is_number() && right.is_number()) return Arithmetic(op, left, right);
  if (op == "%" && left.is_string()) return Unsupported("formatting with %");
  return Mismatch(op, left, right);
}

Result<Value> Negate(std::string_view op, const Value& value) {
  if (!value.is_number()) return Mismatch(op, Value(int64_t{0}), value);
  return Arithmetic(op, Value(int64_t{0}), value);
}

Result<Value> Slice(const Value& value, const Value& start, const Value& stop, const Value& step,
                    Budget* budget) {
  if (!value.is_list() && !value.is_string()) return Mismatch("[:]", value, start);
  for (const Value* bound : {&start, &stop, &step}) {
    if (!bound->is_none() && !bound->is_int()) return Mismatch("[:]", value, *bound);
  }
  CRUMB_ASSIGN_OR_RETURN(const List items, Iterate(value, budget));
  const auto size = static_cast<int64_t>(items.size());
  const int64_t stride = step.is_none() ? 1 : step.integer();
  if (stride == 0) return Corrupt("a slice with step zero");
  const bool backwards = stride < 0;
  int64_t at = backwards ? size - 1 : 0;
  int64_t end = backwards ? -1 : size;
  if (!start.is_none()) at = Clamp(start.integer(), size, backwards);
  if (!stop.is_none()) end = Clamp(stop.integer(), size, backwards);
  List chosen;
  while (backwards ? at > end : at < end) {
    chosen.push_back(items[static_cast<size_t>(at)]);
    if (stride > size || stride < -size) break;
    at += stride;
  }
  if (value.is_list()) return Value(std::move(chosen));
  std::string text;
  for (const Value& character : chosen) text += character.string();
  return Value(std::move(text));
}

Result<Value> Range(const List& arguments, Budget* budget) {
  int64_t bounds[3] = {0, 0, 1};
  if (arguments.empty() || arguments.size() > 3) return Corrupt("range takes one to three numbers");
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].is_int()) return Corrupt("range takes whole numbers");
    bounds[arguments.size() == 1 ? 1 : i] = arguments[i].integer();
  }
  constexpr int64_t kLimit = int64_t{1} << 40;  // keeps the sum below from overflowing
  const auto too_large = [](int64_t n) { return n > kLimit || n < -kLimit; };
  if (bounds[2] == 0 || std::any_of(std::begin(bounds), std::end(bounds), too_large)) {
    return Corrupt("range with a step of zero or numbers beyond 40 bits");
  }
  List numbers;
  for (int64_t i = bounds[0]; bounds[2] > 0 ? i < bounds[1] : i > bounds[1]; i += bounds[2]) {
    CRUMB_RETURN_IF_ERROR(budget->Charge(sizeof(Value)));
    numbers.push_back(Value(i));
  }
  return Value(std::move(numbers));
}

}  // namespace crumb::jinja
