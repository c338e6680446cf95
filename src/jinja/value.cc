#include "jinja/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"

namespace crumb::jinja {
namespace {

std::string FloatText(double value) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (std::isnan(value)) return "nan";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// Text in quotes as Python's repr writes it.
std::string Quoted(const std::string& text) {
  const bool has_single = text.find('\'') != std::string::npos;
  const char quote = has_single && text.find('"') == std::string::npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += c;
    }
  }
  return out + quote;
}

// Writes values as Python's repr or as JSON; the two differ in words, quotes and spaces only.
class Writer {
 public:
  Writer(bool json, int indent, Budget* budget) : json_(json), indent_(indent), budget_(*budget) {}

  Status Write(const Value& value) {
    const size_t before = out_.size();
    CRUMB_RETURN_IF_ERROR(WriteAny(value));
    return budget_.Charge(static_cast<int64_t>(out_.size() - before) + 1);
  }
  std::string Take() { return std::move(out_); }

 private:
  Status WriteAny(const Value& value) {
    if (value.is_list()) return WriteList(value.list());
    if (value.is_dict()) return WriteDict(value.dict());
    if (value.is_none()) {
      out_ += json_ ? "null" : "None";
    } else if (value.is_bool()) {
      out_ += value.truth() ? (json_ ? "true" : "True") : (json_ ? "false" : "False");
    } else if (value.is_int()) {
      out_ += fmt::format("{}", value.integer());
    } else if (value.is_float()) {
      out_ += FloatText(value.number());
    } else if (value.is_string()) {
      out_ += json_ ? DumpJson(Json(value.string())) : Quoted(value.string());
    } else if (json_) {
      return Corrupt(fmt::format("a value of type {} has no JSON", value.type_name()));
    } else if (value.is_undefined()) {
      out_ += "Undefined";
    } else {
      out_ += fmt::format("<{}>", value.type_name());
    }
    return OkStatus();
  }

  void Separate(bool first) {
    if (!first) out_ += indent_ < 0 ? ", " : ",";
    NewLine();
  }
  void NewLine() {
    if (indent_ >= 0) out_ += "\n" + std::string(static_cast<size_t>(level_ * indent_), ' ');
  }
  void Open(char bracket) {
    out_ += bracket;
    ++level_;
  }
  void Close(char bracket, bool empty) {
    --level_;
    if (!empty) NewLine();
    out_ += bracket;
  }

  Status WriteList(const List& list) {
    Open('[');
    for (size_t i = 0; i < list.size(); ++i) {
      Separate(i == 0);
      CRUMB_RETURN_IF_ERROR(Write(list[i]));
    }
    Close(']', list.empty());
    return OkStatus();
  }

  Status WriteDict(const Dict& dict) {
    Open('{');
    for (size_t i = 0; i < dict.size(); ++i) {
      Separate(i == 0);
      CRUMB_RETURN_IF_ERROR(Write(Value(dict[i].first)));
      out_ += ": ";
      CRUMB_RETURN_IF_ERROR(Write(dict[i].second));
    }
    Close('}', dict.empty());
    return OkStatus();
  }

  bool json_;
  int indent_;
  Budget& budget_;
  std::string out_;
  int level_ = 0;
};

int DeepestIn(const List& list) {
  int depth = 0;
  for (const Value& value : list) depth = std::max(depth, value.depth());
  return depth;
}

int DeepestIn(const Dict& dict) {
  int depth = 0;
  for (const auto& [key, value] : dict) depth = std::max(depth, value.depth());
  return depth;
}

}  // namespace

Value::Value(List list) : depth_(DeepestIn(list) + 1) {
  data_ = std::make_shared<const List>(std::move(list));
}

Value::Value(Dict dict) : depth_(DeepestIn(dict) + 1) {
  data_ = std::make_shared<const Dict>(std::move(dict));
}

int64_t Value::integer() const {
  return is_bool() ? static_cast<int64_t>(std::get<bool>(data_)) : std::get<int64_t>(data_);
}

double Value::number() const {
  return is_float() ? std::get<double>(data_) : static_cast<double>(integer());
}

const Macro* Value::macro() const {
  const auto* macro = std::get_if<const Macro*>(&data_);
  return macro == nullptr ? nullptr : *macro;
}

bool Value::truth() const {
  if (is_undefined() || is_none()) return false;
  if (is_number()) return number() != 0;
  if (is_string()) return !string().empty();
  if (is_list()) return !list().empty();
  if (is_dict()) return !dict().empty();
  return true;
}

std::string_view Value::type_name() const {
  static constexpr std::string_view kNames[] = {"undefined", "none",   "boolean", "integer",
                                                "float",     "string", "list",    "mapping",
                                                "namespace", "macro"};
  return kNames[data_.index()];
}

Status Budget::Charge(int64_t units) {
  left -= units;
  if (left >= 0) return OkStatus();
  return InvalidArgument("the chat template does not come to an end within its limit of work");
}

const Value* FindKey(const Dict& dict, std::string_view key) {
  for (const auto& [name, value] : dict) {
    if (name == key) return &value;
  }
  return nullptr;
}

Result<std::string> ToText(const Value& value, Budget* budget) {
  if (value.is_undefined()) return std::string();
  if (value.is_string()) {
    CRUMB_RETURN_IF_ERROR(budget->Charge(static_cast<int64_t>(value.string().size())));
    return value.string();
  }
  Writer writer(/*json=*/false, -1, budget);
  CRUMB_RETURN_IF_ERROR(writer.Write(value));
  return writer.Take();
}

Result<std::string> ToJsonText(const Value& value, int indent, Budget* budget) {
  Writer writer(/*json=*/true, indent, budget);
  CRUMB_RETURN_IF_ERROR(writer.Write(value));
  return writer.Take();
}

Result<bool> Equal(const Value& a, const Value& b, Budget* budget) {
  CRUMB_RETURN_IF_ERROR(budget->Charge(1));
  if (a.is_number() && b.is_number()) return a.number() == b.number();
  if (a.type_name() != b.type_name()) return false;
  if (a.is_string()) {
    CRUMB_RETURN_IF_ERROR(budget->Charge(static_cast<int64_t>(a.string().size() / 16)));
    return a.string() == b.string();
  }
  if (a.is_list()) {
    if (a.list().size() != b.list().size()) return false;
    for (size_t i = 0; i < a.list().size(); ++i) {
      CRUMB_ASSIGN_OR_RETURN(const bool same, Equal(a.list()[i], b.list()[i], budget));
      if (!same) return false;
    }
    return true;
  }
  if (a.is_dict()) {
    if (a.dict().size() != b.dict().size()) return false;
    for (const auto& member : a.dict()) {
      const Value* other = FindKey(b.dict(), member.first);
      if (other == nullptr) return false;
      CRUMB_ASSIGN_OR_RETURN(const bool same, Equal(member.second, *other, budget));
      if (!same) return false;
    }
    return true;
  }
  return a.is_none() || a.is_undefined();
}

Result<int> Compare(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    return a.number() < b.number() ? -1 : static_cast<int>(a.number() > b.number());
  }
  if (a.is_string() && b.is_string()) {
    const int order = a.string().compare(b.string());
    return order < 0 ? -1 : static_cast<int>(order > 0);
  }
  return Corrupt(fmt::format("{} and {} have no order", a.type_name(), b.type_name()));
}

}  // namespace crumb::jinja
