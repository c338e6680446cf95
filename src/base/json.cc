#include "base/json.h"

#include <fmt/format.h>

#include <limits>
#include <unordered_set>
#include <vector>

#include "base/files.h"

namespace crumb {
namespace {

constexpr size_t kMaxDepth = 200;

// Builds the value and, unlike the library's own builder, refuses repeated keys and great depth. It
// appends members instead of looking each key up, which in an ordered object is a linear search.
class StrictBuilder : public nlohmann::json_sax<Json> {
 public:
  explicit StrictBuilder(Json& root) : root_(root) {}

  bool null() override { return Place(nullptr) != nullptr; }
  bool boolean(bool value) override { return Place(value) != nullptr; }
  bool number_integer(number_integer_t value) override { return Place(value) != nullptr; }
  bool number_unsigned(number_unsigned_t value) override { return Place(value) != nullptr; }
  bool number_float(number_float_t value, const string_t&) override {
    return Place(value) != nullptr;
  }
  bool string(string_t& value) override { return Place(std::move(value)) != nullptr; }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return Open(Json::object()); }
  bool end_object() override { return KeysDiffer(*open_.back()) && Close(); }
  bool start_array(std::size_t) override { return Open(Json::array()); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    key_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // The library's text is "[json.exception...] parse error at line L, column C: what".
    std::string_view text = error.what();
    const size_t at = text.find("at line");
    problem_ = at == std::string_view::npos ? fmt::format("at byte {}", position)
                                            : std::string(text.substr(at));
    return false;
  }
  const std::string& problem() const { return problem_; }

 private:
  // Puts the value where the parser stands: at the root, in the open array, or under the last key.
  Json* Place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.get_ref<Json::array_t&>().push_back(std::move(value));
      return &parent.back();
    }
    Json::object_t& members = parent.get_ref<Json::object_t&>();
    members.emplace_back(std::move(key_), std::move(value));
    return &members.back().second;
  }
  bool Open(Json container) {
    if (open_.size() >= kMaxDepth) {
      problem_ = fmt::format("is nested deeper than {} levels", kMaxDepth);
      return false;
    }
    open_.push_back(Place(std::move(container)));
    return true;
  }
  // Asked when the object is whole, since keys move while it grows.
  bool KeysDiffer(const Json& object) {
    const Json::object_t& members = object.get_ref<const Json::object_t&>();
    std::unordered_set<std::string_view> keys(members.size());
    for (const auto& [key, value] : members) {
      if (keys.insert(key).second) continue;
      problem_ = fmt::format("the key \"{}\" stands twice in one object", key);
      return false;
    }
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }
  Json& root_;
  // The containers around the parser's place. A parent grows only while its child is closed, so the
  // pointers stay valid.
  std::vector<Json*> open_;
  std::string key_;
  std::string problem_;
};

Status WrongType(std::string_view name, std::string_view key, std::string_view wanted) {
  return Corrupt(fmt::format("{}: the key \"{}\" is not {}", name, key, wanted));
}

// The value, null when it is missing; an error when `object` is no object.
Result<const Json*> Find(const Json& object, std::string_view key, std::string_view name) {
  if (!object.is_object()) return Corrupt(fmt::format("{}: is not a JSON object", name));
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return static_cast<const Json*>(nullptr);
  return &*it;
}

Status Missing(std::string_view name, std::string_view key) {
  return Corrupt(fmt::format("{}: the key \"{}\" is missing", name, key));
}

}  // namespace

Result<Json> ParseJson(std::string_view text, std::string_view name) {
  Json root;
  StrictBuilder builder(root);
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return Corrupt(fmt::format("{}: is not valid JSON: {}", name,
                               builder.problem().empty() ? "cut short" : builder.problem()));
  }
  return root;
}

Result<Json> ReadJsonFile(const std::string& path, int64_t max_bytes) {
  CRUMB_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, max_bytes));
  return ParseJson(text, path);
}

Result<int64_t> JsonInt(const Json& object, std::string_view key, std::string_view name) {
  CRUMB_ASSIGN_OR_RETURN(const Json* value, Find(object, key, name));
  if (value == nullptr) return Missing(name, key);
  if (!value->is_number_integer()) return WrongType(name, key, "an integer");
  if (value->is_number_unsigned() &&
      value->get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return WrongType(name, key, "an integer that fits in 63 bits");
  }
  return value->get<int64_t>();
}

Result<double> JsonNumber(const Json& object, std::string_view key, std::string_view name) {
  CRUMB_ASSIGN_OR_RETURN(const Json* value, Find(object, key, name));
  if (value == nullptr) return Missing(name, key);
  if (!value->is_number()) return WrongType(name, key, "a number");
  return value->get<double>();
}

Result<std::string> JsonString(const Json& object, std::string_view key, std::string_view name) {
  CRUMB_ASSIGN_OR_RETURN(const Json* value, Find(object, key, name));
  if (value == nullptr) return Missing(name, key);
  if (!value->is_string()) return WrongType(name, key, "a string");
  return value->get<std::string>();
}

Result<int64_t> JsonIntOr(const Json& object, std::string_view key, int64_t fallback,
                          std::string_view name) {
  CRUMB_ASSIGN_OR_RETURN(const Json* value, Find(object, key, name));
  return value == nullptr ? Result<int64_t>(fallback) : JsonInt(object, key, name);
}

Result<double> JsonNumberOr(const Json& object, std::string_view key, double fallback,
                            std::string_view name) {
  CRUMB_ASSIGN_OR_RETURN(const Json* value, Find(object, key, name));
  return value == nullptr ? Result<double>(fallback) : JsonNumber(object, key, name);
}

Result<bool> JsonBoolOr(const Json& object, std::string_view key, bool fallback,
                        std::string_view name) {
  CRUMB_ASSIGN_OR_RETURN(const Json* value, Find(object, key, name));
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) return WrongType(name, key, "true or false");
  return value->get<bool>();
}

Result<std::string> JsonStringOr(const Json& object, std::string_view key,
                                 std::string_view fallback, std::string_view name) {
  CRUMB_ASSIGN_OR_RETURN(const Json* value, Find(object, key, name));
  return value == nullptr ? Result<std::string>(std::string(fallback))
                          : JsonString(object, key, name);
}

std::string DumpJson(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace crumb
