// The filters, tests and methods of values that chat templates use.
#ifndef CRUMB_JINJA_FILTERS_H_
#define CRUMB_JINJA_FILTERS_H_

#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "jinja/value.h"

namespace crumb::jinja {

struct Arguments {
  std::vector<Value> values;
  std::vector<std::pair<std::string, Value>> named;

  // The argument at `index`, or the one of this name, or nullptr.
  const Value* Find(size_t index, std::string_view name) const;
};

// `value | name(arguments)`, `value is name(arguments)`, `value.name(arguments)`. An unknown name
// is kUnsupported, arguments of a wrong type are kCorrupt.
Result<Value> ApplyFilter(const std::string& name, const Value& value, const Arguments& arguments,
                          Budget* budget);
Result<bool> ApplyTest(const std::string& name, const Value& value, const Arguments& arguments,
                       Budget* budget);
Result<Value> CallMethod(const Value& value, const std::string& name, const Arguments& arguments,
                         Budget* budget);

// Whether `item` is in a list, a key of a dictionary, or a part of a text.
Result<bool> Contains(const Value& container, const Value& item, Budget* budget);
// What a loop over the value goes through: items, keys, characters; nothing for an undefined value.
Result<List> Iterate(const Value& value, Budget* budget);
// value[key] and value.key: an undefined value where there is none.
Result<Value> GetItem(const Value& value, const Value& key);

}  // namespace crumb::jinja

#endif  // CRUMB_JINJA_FILTERS_H_
