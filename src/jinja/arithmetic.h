// Operators on the values of a chat template.
#ifndef CRUMB_JINJA_ARITHMETIC_H_
#define CRUMB_JINJA_ARITHMETIC_H_

#include <string_view>

#include "base/status.h"
#include "jinja/value.h"

namespace crumb::jinja {

// == != < > <= >= in "not in" + - * / // % ~. Types that do not go together, a division by zero and
// a number beyond 64 bits are kCorrupt.
Result<Value> Binary(std::string_view op, const Value& left, const Value& right, Budget* budget);
// "-" or "+" before a number.
Result<Value> Negate(std::string_view op, const Value& value);
// value[start:stop:step] of a list or text; none stands for what is left out.
Result<Value> Slice(const Value& value, const Value& start, const Value& stop, const Value& step,
                    Budget* budget);
// range(stop), range(start, stop), range(start, stop, step).
Result<Value> Range(const List& arguments, Budget* budget);

}  // namespace crumb::jinja

#endif  // CRUMB_JINJA_ARITHMETIC_H_
