#include "jinja/methods.h"

#include <fmt/format.h>
#include <unicode/uchar.h>

#include <algorithm>

#include "jinja/filters.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace crumb::jinja {
namespace {

bool IsPythonSpace(std::string_view character) {
  size_t i = 0;
  const char32_t c = NextCodePoint(character, &i);
  return IsWhiteSpace(c) || (c >= 0x1C && c <= 0x1F);
}

// strip(), or strip("chars"), of one or both ends.
std::string Strip(const std::string& text, const Value* set, bool left, bool right) {
  const std::vector<std::string_view> characters = Characters(text);
  const std::vector<std::string_view> chosen =
      set == nullptr ? std::vector<std::string_view>() : Characters(set->string());
  const auto goes = [&](std::string_view c) {
    return set == nullptr ? IsPythonSpace(c)
                          : std::find(chosen.begin(), chosen.end(), c) != chosen.end();
  };
  size_t begin = 0;
  size_t end = characters.size();
  while (left && begin < end && goes(characters[begin])) ++begin;
  while (right && end > begin && goes(characters[end - 1])) --end;
  std::string stripped;
  for (size_t i = begin; i < end; ++i) stripped += characters[i];
  return stripped;
}

// Text with a mapping per code point; with_words: the first letter of a word apart from the others.
std::string Upper(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    AppendUtf8(static_cast<char32_t>(u_toupper(static_cast<UChar32>(NextCodePoint(text, &i)))),
               &out);
  }
  return out;
}

std::string Capitalize(const std::string& text) {
  if (text.empty()) return text;
  size_t i = 0;
  NextCodePoint(text, &i);
  return Upper(text.substr(0, i)) + ToLower(text.substr(i));
}

std::string Title(const std::string& text) {
  std::string out;
  bool inside_word = false;
  for (const std::string_view character : Characters(text)) {
    size_t i = 0;
    const bool letter = u_isalpha(static_cast<UChar32>(NextCodePoint(character, &i))) != 0;
    out += inside_word ? ToLower(character) : Upper(std::string(character));
    inside_word = letter;
  }
  return out;
}

// split(), split(separator), split(separator, at most).
Result<Value> Split(const std::string& text, const Arguments& arguments, Budget* budget) {
  const Value* separator = arguments.Find(0, "sep");
  const Value* limit = arguments.Find(1, "maxsplit");
  int64_t left =
      limit != nullptr && limit->is_int() && limit->integer() >= 0 ? limit->integer() : INT64_MAX;
  const bool at_spaces = separator == nullptr || separator->is_none();
  if (at_spaces && limit != nullptr) return Unsupported("split at spaces with a limit");
  if (!at_spaces && (!separator->is_string() || separator->string().empty())) {
    return Corrupt("split needs a separator that is not empty");
  }
  List parts;
  if (at_spaces) {
    std::string word;
    const std::string ended = text + " ";
    for (const std::string_view character : Characters(ended)) {
      if (!IsPythonSpace(character)) {
        word += character;
      } else if (!word.empty()) {
        parts.push_back(Value(std::move(word)));
        word.clear();
      }
    }
  } else {
    size_t at = 0;
    for (size_t hit; left > 0 && (hit = text.find(separator->string(), at)) != std::string::npos;
         --left) {
      parts.push_back(Value(text.substr(at, hit - at)));
      at = hit + separator->string().size();
    }
    parts.push_back(Value(text.substr(at)));
  }
  CRUMB_RETURN_IF_ERROR(budget->Charge(static_cast<int64_t>(parts.size() * sizeof(Value))));
  return Value(std::move(parts));
}

Result<Value> Replace(const std::string& text, const Arguments& arguments, Budget* budget) {
  const Value* from = arguments.Find(0, "old");
  const Value* to = arguments.Find(1, "new");
  if (from == nullptr || to == nullptr || !from->is_string() || !to->is_string() ||
      from->string().empty() || arguments.values.size() > 2) {
    return Unsupported("replace without two texts");
  }
  const int64_t growth = static_cast<int64_t>(to->string().size() / from->string().size()) + 1;
  CRUMB_RETURN_IF_ERROR(budget->Charge(static_cast<int64_t>(text.size()) * growth));
  return Value(ReplaceAll(text, from->string(), to->string()));
}

// startswith and endswith take one text or a tuple of them.
Result<Value> HasAffix(const std::string& text, const Arguments& arguments, bool at_start) {
  const Value* affix = arguments.Find(0, "prefix");
  if (affix == nullptr) return Corrupt("startswith and endswith need a text");
  const List candidates = affix->is_list() ? affix->list() : List{*affix};
  for (const Value& candidate : candidates) {
    if (!candidate.is_string()) return Corrupt("startswith and endswith need a text");
    const std::string& part = candidate.string();
    if (at_start ? text.starts_with(part) : text.ends_with(part)) return Value(true);
  }
  return Value(false);
}

Status UnknownMethod(const Value& value, const std::string& name) {
  return Unsupported(
      fmt::format("the method \"{}\" of a {} is not known to crumb", name, value.type_name()));
}

Result<Value> TextMethod(const Value& value, const std::string& name, const Arguments& arguments,
                         Budget* budget) {
  const std::string& text = value.string();
  CRUMB_RETURN_IF_ERROR(budget->Charge(static_cast<int64_t>(text.size())));
  if (name == "strip" || name == "lstrip" || name == "rstrip") {
    const Value* set = arguments.Find(0, "chars");
    if (set != nullptr && set->is_none()) set = nullptr;
    if (set != nullptr && !set->is_string()) return Corrupt("strip takes a text");
    return Value(Strip(text, set, name != "rstrip", name != "lstrip"));
  }
  if (name == "upper") return Value(Upper(text));
  if (name == "lower") return Value(ToLower(text));
  if (name == "capitalize") return Value(Capitalize(text));
  if (name == "title") return Value(Title(text));
  if (name == "split") return Split(text, arguments, budget);
  if (name == "replace") return Replace(text, arguments, budget);
  if (name == "startswith") return HasAffix(text, arguments, true);
  if (name == "endswith") return HasAffix(text, arguments, false);
  if (name == "join") {
    if (arguments.values.size() != 1) return Corrupt("join takes one list");
    return ApplyFilter("join", arguments.values[0], Arguments{{value}, {}}, budget);
  }
  return UnknownMethod(value, name);
}

Result<Value> ListMethod(const Value& value, const std::string& name, const Arguments& arguments,
                         Budget* budget) {
  if (name != "index") return UnknownMethod(value, name);
  if (arguments.values.size() != 1) return Corrupt("index takes one value");
  for (size_t i = 0; i < value.list().size(); ++i) {
    CRUMB_ASSIGN_OR_RETURN(const bool same, Equal(value.list()[i], arguments.values[0], budget));
    if (same) return Value(static_cast<int64_t>(i));
  }
  CRUMB_ASSIGN_OR_RETURN(const std::string text, ToText(arguments.values[0], budget));
  return Corrupt(fmt::format("\"{}\" is not in the list", text));
}

Result<Value> DictMethod(const Value& value, const std::string& name, const Arguments& arguments) {
  if (name == "get") {
    const Value* key = arguments.Find(0, "key");
    if (key == nullptr || !key->is_string()) return Corrupt("get takes a key");
    if (const Value* member = FindKey(value.dict(), key->string())) return *member;
    const Value* fallback = arguments.Find(1, "default");
    return fallback == nullptr ? Value() : *fallback;
  }
  if (name != "items" && name != "keys" && name != "values") return UnknownMethod(value, name);
  List list;
  for (const auto& [key, member] : value.dict()) {
    if (name == "items") {
      list.push_back(Value(List{Value(key), member}));
    } else {
      list.push_back(name == "keys" ? Value(key) : member);
    }
  }
  return Value(std::move(list));
}

}  // namespace

std::vector<std::string_view> Characters(std::string_view text) {
  std::vector<std::string_view> characters;
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    NextCodePoint(text, &i);
    characters.push_back(text.substr(start, i - start));
  }
  return characters;
}

Result<Value> CallMethod(const Value& value, const std::string& name, const Arguments& arguments,
                         Budget* budget) {
  if (value.is_string()) return TextMethod(value, name, arguments, budget);
  if (value.is_dict()) return DictMethod(value, name, arguments);
  if (value.is_list()) return ListMethod(value, name, arguments, budget);
  if (value.is_undefined()) {
    return Corrupt(fmt::format("\"{}\" is not defined", value.undefined_name()));
  }
  return UnknownMethod(value, name);
}

}  // namespace crumb::jinja
