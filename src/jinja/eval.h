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
//
// kStrict is for texts that people write here, as lm-evaluation-harness reads them: printing a name
// that is not defined is kCorrupt (else it prints nothing), and a line break at the very end stays
// (else it is left out, as Jinja does).
enum class Strictness { kLenient, kStrict };
Result<std::string> Render(std::string_view source, const Dict& variables,
                           Strictness strictness = Strictness::kLenient);

// The same, but a source that is one expression, "{{ [a, b] }}", gives its value and not its text.
Result<Value> RenderValue(std::string_view source, const Dict& variables,
                          Strictness strictness = Strictness::kLenient);

}  // namespace crumb::jinja

#endif  // CRUMB_JINJA_EVAL_H_
