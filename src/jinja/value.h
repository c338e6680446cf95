// The values of a chat template: Jinja's, which are Python's.
#ifndef CRUMB_JINJA_VALUE_H_
#define CRUMB_JINJA_VALUE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"

namespace crumb::jinja {

class Value;
using List = std::vector<Value>;
using Dict = std::vector<std::pair<std::string, Value>>;  // keys in the order of insertion

struct Undefined {
  std::string name;  // what is not defined, for messages
};
struct None {};
// The only value that a template may change: {% set ns.found = true %}.
struct Namespace {
  Dict members;
};
struct Macro;  // ast.h

class Value {
 public:
  Value() : data_(None{}) {}
  Value(Undefined undefined) : data_(std::move(undefined)) {}  // NOLINT: these are all implicit
  Value(bool value) : data_(value) {}                          // NOLINT
  Value(int64_t value) : data_(value) {}                       // NOLINT
  Value(double value) : data_(value) {}                        // NOLINT
  Value(std::string value)                                     // NOLINT
      : data_(std::make_shared<const std::string>(std::move(value))) {}
  Value(const char* value) : Value(std::string(value)) {}               // NOLINT
  Value(List list);                                                     // NOLINT
  Value(Dict dict);                                                     // NOLINT
  Value(std::shared_ptr<Namespace> value) : data_(std::move(value)) {}  // NOLINT
  Value(const Macro* macro) : data_(macro) {}                           // NOLINT

  bool is_undefined() const { return Is<Undefined>(); }
  bool is_none() const { return Is<None>(); }
  bool is_bool() const { return Is<bool>(); }
  bool is_int() const { return Is<int64_t>(); }
  bool is_float() const { return Is<double>(); }
  bool is_number() const { return is_bool() || is_int() || is_float(); }
  bool is_string() const { return Is<std::shared_ptr<const std::string>>(); }
  bool is_list() const { return Is<std::shared_ptr<const List>>(); }
  bool is_dict() const { return Is<std::shared_ptr<const Dict>>(); }
  bool is_namespace() const { return Is<std::shared_ptr<Namespace>>(); }

  // Each only for a value of that type.
  const std::string& string() const { return *std::get<std::shared_ptr<const std::string>>(data_); }
  const List& list() const { return *std::get<std::shared_ptr<const List>>(data_); }
  const Dict& dict() const { return *std::get<std::shared_ptr<const Dict>>(data_); }
  Namespace& name_space() const { return *std::get<std::shared_ptr<Namespace>>(data_); }
  int64_t integer() const;  // bool or int
  double number() const;    // any number
  const std::string& undefined_name() const { return std::get<Undefined>(data_).name; }
  const Macro* macro() const;  // nullptr for other types

  bool truth() const;
  // "string", "list", ... for messages.
  std::string_view type_name() const;
  // How deep lists and dictionaries are nested in it; 0 for plain values.
  int depth() const { return depth_; }

 private:
  template <typename T>
  bool Is() const {
    return std::holds_alternative<T>(data_);
  }
  // Text and containers are shared, so that copies are cheap.
  std::variant<Undefined, None, bool, int64_t, double, std::shared_ptr<const std::string>,
               std::shared_ptr<const List>, std::shared_ptr<const Dict>, std::shared_ptr<Namespace>,
               const Macro*>
      data_;
  int depth_ = 0;
};

// What a template may still spend. Templates come with models and are not trusted: each step and
// each byte made is charged, so that none runs or grows without end.
struct Budget {
  int64_t left = int64_t{1} << 26;
  // kInvalidArgument when it is used up.
  Status Charge(int64_t units);
};

// The key's value or nullptr.
const Value* FindKey(const Dict& dict, std::string_view key);

// str(value), as {{ value }} prints it; repr(value) with quotes around text.
Result<std::string> ToText(const Value& value, Budget* budget);
// json.dumps(value, ensure_ascii=False), indent < 0: one line.
Result<std::string> ToJsonText(const Value& value, int indent, Budget* budget);
Result<bool> Equal(const Value& a, const Value& b, Budget* budget);
// Below, equal or above 0; only numbers with numbers and texts with texts.
Result<int> Compare(const Value& a, const Value& b);

}  // namespace crumb::jinja

#endif  // CRUMB_JINJA_VALUE_H_
