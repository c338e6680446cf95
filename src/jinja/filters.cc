#include "jinja/filters.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <unordered_map>

#include "jinja/methods.h"
#include "text/utf8.h"

namespace crumb::jinja {
namespace {

using Filter = Result<Value> (*)(const Value&, const Arguments&, Budget*);

Result<Value> Length(const Value& value, const Arguments&, Budget* budget) {
  CRUMB_ASSIGN_OR_RETURN(const List items, Iterate(value, budget));
  return Value(static_cast<int64_t>(items.size()));
}

Result<Value> ToJson(const Value& value, const Arguments& arguments, Budget* budget) {
  const Value* indent = arguments.Find(0, "indent");
  const int64_t spaces = indent != nullptr && indent->is_int() ? indent->integer() : -1;
  if (spaces > 16) return Corrupt("tojson with an indent above 16");
  CRUMB_ASSIGN_OR_RETURN(std::string text,
                         ToJsonText(value, spaces < 0 ? -1 : static_cast<int>(spaces), budget));
  return Value(std::move(text));
}

Result<Value> Default(const Value& value, const Arguments& arguments, Budget*) {
  const Value* fallback = arguments.Find(0, "default_value");
  const Value* also_false = arguments.Find(1, "boolean");
  const bool use =
      value.is_undefined() || (also_false != nullptr && also_false->truth() && !value.truth());
  if (!use) return value;
  return fallback == nullptr ? Value("") : *fallback;
}

Result<Value> Join(const Value& value, const Arguments& arguments, Budget* budget) {
  CRUMB_ASSIGN_OR_RETURN(const List items, Iterate(value, budget));
  const Value* given = arguments.Find(0, "d");
  CRUMB_ASSIGN_OR_RETURN(const std::string separator,
                         ToText(given == nullptr ? Value("") : *given, budget));
  std::string text;
  for (size_t i = 0; i < items.size(); ++i) {
    CRUMB_RETURN_IF_ERROR(budget->Charge(static_cast<int64_t>(separator.size())));
    CRUMB_ASSIGN_OR_RETURN(const std::string part, ToText(items[i], budget));
    if (i > 0) text += separator;
    text += part;
  }
  return Value(std::move(text));
}

Result<Value> ToList(const Value& value, const Arguments&, Budget* budget) {
  CRUMB_ASSIGN_OR_RETURN(List items, Iterate(value, budget));
  return Value(std::move(items));
}

Result<Value> Reverse(const Value& value, const Arguments&, Budget* budget) {
  CRUMB_ASSIGN_OR_RETURN(List items, Iterate(value, budget));
  std::reverse(items.begin(), items.end());
  if (!value.is_string()) return Value(std::move(items));
  return Join(Value(std::move(items)), {}, budget);
}

Result<Value> First(const Value& value, const Arguments&, Budget* budget) {
  CRUMB_ASSIGN_OR_RETURN(const List items, Iterate(value, budget));
  return items.empty() ? Value(Undefined{"first"}) : items.front();
}

Result<Value> Last(const Value& value, const Arguments&, Budget* budget) {
  CRUMB_ASSIGN_OR_RETURN(const List items, Iterate(value, budget));
  return items.empty() ? Value(Undefined{"last"}) : items.back();
}

Result<Value> ToString(const Value& value, const Arguments&, Budget* budget) {
  CRUMB_ASSIGN_OR_RETURN(std::string text, ToText(value, budget));
  return Value(std::move(text));
}

Result<Value> ToInteger(const Value& value, const Arguments&, Budget*) {
  if (value.is_bool() || value.is_int()) return Value(value.integer());
  if (value.is_string()) {
    return Value(static_cast<int64_t>(std::strtoll(value.string().c_str(), nullptr, 10)));
  }
  return Unsupported(fmt::format("int of a {}", value.type_name()));
}

Result<Value> Same(const Value& value, const Arguments&, Budget*) { return value; }

Result<Value> Items(const Value& value, const Arguments&, Budget* budget) {
  if (value.is_undefined()) return Value(List{});
  return CallMethod(value, "items", {}, budget);
}

// map(attribute="name") or map("filter").
Result<Value> Map(const Value& value, const Arguments& arguments, Budget* budget) {
  CRUMB_ASSIGN_OR_RETURN(List items, Iterate(value, budget));
  const Value* attribute = arguments.Find(SIZE_MAX, "attribute");
  const Value* filter = arguments.Find(0, "");
  if (attribute == nullptr && (filter == nullptr || !filter->is_string())) {
    return Unsupported("map without attribute or filter");
  }
  for (Value& item : items) {
    if (attribute != nullptr) {
      CRUMB_ASSIGN_OR_RETURN(item, GetItem(item, *attribute));
    } else if (filter->string() == "map") {
      return Unsupported("map of map");
    } else {
      CRUMB_ASSIGN_OR_RETURN(item, ApplyFilter(filter->string(), item, {}, budget));
    }
  }
  return Value(std::move(items));
}

// selectattr("name"), selectattr("name", "test"), selectattr("name", "test", argument).
Result<Value> SelectBy(const Value& value, const Arguments& arguments, bool keep, Budget* budget) {
  const Value* attribute = arguments.Find(0, "");
  const Value* test = arguments.Find(1, "");
  if (attribute == nullptr || (test != nullptr && !test->is_string())) {
    return Corrupt("selectattr without the name of an attribute");
  }
  CRUMB_ASSIGN_OR_RETURN(const List items, Iterate(value, budget));
  Arguments rest;
  if (arguments.values.size() > 2) rest.values = {arguments.values[2]};
  List kept;
  for (const Value& item : items) {
    CRUMB_ASSIGN_OR_RETURN(const Value member, GetItem(item, *attribute));
    bool holds = member.truth();
    if (test != nullptr) {
      CRUMB_ASSIGN_OR_RETURN(holds, ApplyTest(test->string(), member, rest, budget));
    }
    if (holds == keep) kept.push_back(item);
  }
  return Value(std::move(kept));
}

Result<Value> SelectAttribute(const Value& value, const Arguments& arguments, Budget* budget) {
  return SelectBy(value, arguments, true, budget);
}

Result<Value> RejectAttribute(const Value& value, const Arguments& arguments, Budget* budget) {
  return SelectBy(value, arguments, false, budget);
}

const std::unordered_map<std::string_view, Filter>& Filters() {
  static const auto* filters = new std::unordered_map<std::string_view, Filter>{
      {"length", Length},
      {"count", Length},
      {"tojson", ToJson},
      {"default", Default},
      {"d", Default},
      {"join", Join},
      {"list", ToList},
      {"reverse", Reverse},
      {"first", First},
      {"last", Last},
      {"string", ToString},
      {"int", ToInteger},
      {"safe", Same},
      {"items", Items},
      {"map", Map},
      {"selectattr", SelectAttribute},
      {"rejectattr", RejectAttribute},
  };
  return *filters;
}

}  // namespace

const Value* Arguments::Find(size_t index, std::string_view name) const {
  if (index < values.size()) return &values[index];
  for (const auto& argument : named) {
    if (argument.first == name) return &argument.second;
  }
  return nullptr;
}

Result<Value> ApplyFilter(const std::string& name, const Value& value, const Arguments& arguments,
                          Budget* budget) {
  const auto filter = Filters().find(name);
  if (filter != Filters().end()) return filter->second(value, arguments, budget);
  // Filters of text are the methods of the same name, and take any value as text.
  const std::string method = name == "trim" ? "strip" : name;
  if (method == "strip" || method == "upper" || method == "lower" || method == "capitalize" ||
      method == "title" || method == "replace") {
    CRUMB_ASSIGN_OR_RETURN(std::string text, ToText(value, budget));
    return CallMethod(Value(std::move(text)), method, arguments, budget);
  }
  return Unsupported(fmt::format("the filter \"{}\" is not known to crumb", name));
}

Result<bool> ApplyTest(const std::string& name, const Value& value, const Arguments& arguments,
                       Budget* budget) {
  if (name == "defined") return !value.is_undefined();
  if (name == "undefined") return value.is_undefined();
  if (name == "none") return value.is_none();
  if (name == "string") return value.is_string();
  if (name == "mapping") return value.is_dict();
  if (name == "number") return value.is_number();
  if (name == "integer") return value.is_int();
  if (name == "float") return value.is_float();
  if (name == "boolean") return value.is_bool();
  if (name == "true") return value.is_bool() && value.truth();
  if (name == "false") return value.is_bool() && !value.truth();
  if (name == "iterable" || name == "sequence") {
    return value.is_list() || value.is_dict() || value.is_string() || value.is_undefined();
  }
  if (name == "odd" || name == "even") {
    if (!value.is_int()) return Corrupt(fmt::format("\"{}\" of a {}", name, value.type_name()));
    return (value.integer() % 2 != 0) == (name == "odd");
  }
  const Value* other = arguments.Find(0, "other");
  if (other != nullptr && (name == "equalto" || name == "eq")) return Equal(value, *other, budget);
  if (other != nullptr && name == "ne") {
    CRUMB_ASSIGN_OR_RETURN(const bool equal, Equal(value, *other, budget));
    return !equal;
  }
  if (other != nullptr && name == "in") return Contains(*other, value, budget);
  if (other != nullptr && name == "divisibleby" && value.is_int() && other->is_int() &&
      other->integer() > 0) {
    return value.integer() % other->integer() == 0;
  }
  return Unsupported(fmt::format("the test \"is {}\" is not known to crumb", name));
}

Result<bool> Contains(const Value& container, const Value& item, Budget* budget) {
  if (container.is_list()) {
    for (const Value& member : container.list()) {
      CRUMB_ASSIGN_OR_RETURN(const bool same, Equal(member, item, budget));
      if (same) return true;
    }
    return false;
  }
  if (container.is_dict()) {
    return item.is_string() && FindKey(container.dict(), item.string()) != nullptr;
  }
  if (container.is_string() && item.is_string()) {
    CRUMB_RETURN_IF_ERROR(budget->Charge(static_cast<int64_t>(container.string().size())));
    return container.string().find(item.string()) != std::string::npos;
  }
  if (container.is_undefined()) return false;
  return Corrupt(fmt::format("{} in {} has no meaning", item.type_name(), container.type_name()));
}

Result<List> Iterate(const Value& value, Budget* budget) {
  List items;
  if (value.is_list()) {
    items = value.list();
  } else if (value.is_dict()) {
    for (const auto& [key, member] : value.dict()) items.push_back(Value(key));
  } else if (value.is_string()) {
    const std::string& text = value.string();
    CRUMB_RETURN_IF_ERROR(budget->Charge(static_cast<int64_t>(text.size() * sizeof(Value))));
    for (size_t i = 0; i < text.size();) {
      const size_t start = i;
      NextCodePoint(text, &i);
      items.push_back(Value(text.substr(start, i - start)));
    }
  } else if (!value.is_undefined()) {
    return Corrupt(fmt::format("a {} has no items", value.type_name()));
  }
  CRUMB_RETURN_IF_ERROR(budget->Charge(static_cast<int64_t>(items.size() * sizeof(Value))));
  return items;
}

Result<Value> GetItem(const Value& value, const Value& key) {
  if (value.is_undefined()) {
    return Corrupt(fmt::format("\"{}\" is not defined", value.undefined_name()));
  }
  if (key.is_string()) {
    const Value* member = value.is_dict()        ? FindKey(value.dict(), key.string())
                          : value.is_namespace() ? FindKey(value.name_space().members, key.string())
                                                 : nullptr;
    return member == nullptr ? Value(Undefined{key.string()}) : *member;
  }
  if (!key.is_int()) return Value(Undefined{"item"});
  if (value.is_list()) {
    const auto size = static_cast<int64_t>(value.list().size());
    const int64_t at = key.integer() < 0 ? key.integer() + size : key.integer();
    if (at >= 0 && at < size) return value.list()[static_cast<size_t>(at)];
  } else if (value.is_string()) {
    const std::vector<std::string_view> characters = Characters(value.string());
    const auto size = static_cast<int64_t>(characters.size());
    const int64_t at = key.integer() < 0 ? key.integer() + size : key.integer();
    if (at >= 0 && at < size) return Value(std::string(characters[static_cast<size_t>(at)]));
  }
  return Value(Undefined{fmt::format("[{}]", key.integer())});
}

}  // namespace crumb::jinja
