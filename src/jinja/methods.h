// Helpers for the methods of texts and dictionaries (CallMethod in filters.h).
#ifndef CRUMB_JINJA_METHODS_H_
#define CRUMB_JINJA_METHODS_H_

#include <string_view>
#include <vector>

namespace crumb::jinja {

// The characters (code points) of a text.
std::vector<std::string_view> Characters(std::string_view text);

}  // namespace crumb::jinja

#endif  // CRUMB_JINJA_METHODS_H_
