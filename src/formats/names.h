// Names that come out of untrusted files, made safe to print and to use.
#ifndef CRUMB_FORMATS_NAMES_H_
#define CRUMB_FORMATS_NAMES_H_

#include <string>
#include <string_view>

namespace crumb {

// "name" in quotes on one line: control characters become '?', and what is longer than 120 bytes is
// cut.
std::string Quoted(std::string_view name);

// Whether `name` names a file inside its folder: not empty, no slash, not "." or "..", no zero
// byte.
bool IsPlainFileName(std::string_view name);

}  // namespace crumb

#endif  // CRUMB_FORMATS_NAMES_H_
