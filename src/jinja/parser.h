// Chat templates: the statements if, for, set, macro, break, continue and Jinja's expressions.
#ifndef CRUMB_JINJA_PARSER_H_
#define CRUMB_JINJA_PARSER_H_

#include <string_view>

#include "base/status.h"
#include "jinja/ast.h"

namespace crumb::jinja {

// kCorrupt with the line for a template that breaks the syntax or nests deeper than 100 levels,
// kUnsupported for a statement that crumb does not know.
Result<Body> Parse(std::string_view source);

}  // namespace crumb::jinja

#endif  // CRUMB_JINJA_PARSER_H_
