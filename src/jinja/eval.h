// Runs the syntax tree of a chat template.
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

}  // namespace crumb::jinja

#endif  // CRUMB_JINJA_EVAL_H_
