// Runs the syntax tree of a template: a model's chat template, or a line of a task.
#ifndef CRUMB_JINJA_EVAL_H_
#define CRUMB_JINJA_EVAL_H_

#include <string>
#include <string_view>

#include "base/status.h"
#include "jinja/value.h"

namespace crumb::jinja {

// The text that `source` makes of the variables. kInvalidArgument carries the text of the
// template's own raise_exception, or says that it does not end; kUnsupported names a construct that
// crumb does not know; kCorrupt is a template that breaks the rules of the language. Messages name
// the line.
Result<std::string> Render(std::string_view source, const Dict& variables);

// The same, but a source that is one expression, "{{ [a, b] }}", gives its value and not its text.
Result<Value> RenderValue(std::string_view source, const Dict& variables);

}  // namespace crumb::jinja

#endif  // CRUMB_JINJA_EVAL_H_
