#include "scoring/item.h"

#include <fmt/format.h>

#include <unordered_map>

#include "base/files.h"
#include "base/json.h"
#include "text/utf8.h"

namespace crumb {
namespace {

Status WrongType(const Json& value, std::string_view key, std::string_view wanted,
                 std::string_view place) {
  return Corrupt(
      fmt::format("{}: \"{}\" is {} and must be {}", place, key, value.type_name(), wanted));
}

// A class or an answer as text: 1, "1" and true stay apart from each other only as JSON does.
Status ReadPlain(const Json& value, std::string_view key, std::string_view place,
                 std::optional<std::string>* out) {
  if (value.is_string()) {
    *out = value.get<std::string>();
  } else if (value.is_number() || value.is_boolean()) {
    *out = DumpJson(value);
  } else {
    return WrongType(value, key, "a string, a number or a truth value", place);
  }
  return OkStatus();
}

Status ReadReferences(const Json& value, std::string_view key, std::string_view place,
                      std::vector<std::string>* out) {
  if (!value.is_array()) {
    std::optional<std::string> one;
    CRUMB_RETURN_IF_ERROR(ReadPlain(value, key, place, &one));
    out->push_back(*std::move(one));
    return OkStatus();
  }
  if (value.empty()) return Corrupt(fmt::format("{}: \"{}\" is an empty list", place, key));
  for (const Json& entry : value) {
    if (!entry.is_string()) return WrongType(entry, key, "a list of strings", place);
    out->push_back(entry.get<std::string>());
  }
  return OkStatus();
}

Status ReadVerdicts(const Json& value, std::string_view place, ScoringItem* item) {
  constexpr std::string_view kWanted = "a list of truth values, or of 0 and 1";
  if (!value.is_array()) return WrongType(value, "verdicts", kWanted, place);
  std::vector<bool> verdicts;
  for (const Json& entry : value) {
    if (entry.is_boolean()) {
      verdicts.push_back(entry.get<bool>());
    } else if (entry.is_number_integer() && (entry == 0 || entry == 1)) {
      verdicts.push_back(entry == 1);
    } else {
      return Corrupt(
          fmt::format("{}: \"verdicts\" holds {} and must be {}", place, DumpJson(entry), kWanted));
    }
  }
  item->verdicts = std::move(verdicts);
  return OkStatus();
}

Status ReadKey(const std::string& key, const Json& value, std::string_view place,
               ScoringItem* item) {
  if (key == "id") {
    if (!value.is_string() && !value.is_number_integer()) {
      return WrongType(value, key, "a string or a whole number", place);
    }
    item->id = value.is_string() ? value.get<std::string>() : DumpJson(value);
  } else if (key == "prediction") {
    return ReadPlain(value, key, place, &item->prediction);
  } else if (key == "reference" || key == "references") {
    if (!item->references.empty()) {
      return Corrupt(fmt::format("{}: has both \"reference\" and \"references\"", place));
    }
    return ReadReferences(value, key, place, &item->references);
  } else if (key == "label") {
    CRUMB_RETURN_IF_ERROR(ReadPlain(value, key, place, &item->label));
    if (value.is_number()) item->label_number = value.get<double>();
    if (value.is_boolean()) item->label_number = value.get<bool>() ? 1.0 : 0.0;
  } else if (key == "score") {
    if (!value.is_number()) return WrongType(value, key, "a number", place);
    item->score = value.get<double>();
  } else if (key == "verdicts") {
    return ReadVerdicts(value, place, item);
  }
  return OkStatus();
}

Result<ScoringItem> ParseItem(std::string_view line, std::string_view place) {
  if (!IsValidUtf8(line)) {
    return Corrupt(fmt::format(
        "{}: has bytes that are not UTF-8; write the whole file in UTF-8, without mixing", place));
  }
  CRUMB_ASSIGN_OR_RETURN(const Json json, ParseJson(line, place));
  if (!json.is_object()) {
    return Corrupt(fmt::format("{}: is no JSON object; one object a line is needed", place));
  }
  if (!json.contains("id")) return Corrupt(fmt::format("{}: has no \"id\"", place));
  ScoringItem item;
  for (const auto& [key, value] : json.items()) {
    CRUMB_RETURN_IF_ERROR(ReadKey(key, value, place, &item));
  }
  return item;
}

}  // namespace

Result<std::vector<ScoringItem>> ParseItems(std::string_view text, std::string_view name) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<ScoringItem> items;
  std::unordered_map<std::string, int64_t> line_of;
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    CRUMB_ASSIGN_OR_RETURN(ScoringItem item,
                           ParseItem(line, fmt::format("{}: line {}", name, number)));
    item.line = number;
    const auto [first, is_new] = line_of.emplace(item.id, number);
    if (!is_new) {
      return Corrupt(fmt::format("{}: line {}: the id \"{}\" was used in line {}; ids must differ",
                                 name, number, item.id, first->second));
    }
    items.push_back(std::move(item));
  }
  if (items.empty()) {
    return Corrupt(fmt::format("{}: holds no items; one JSON object a line is needed", name));
  }
  return items;
}

Result<std::vector<ScoringItem>> ReadItems(const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return ParseItems(text, path);
}

Result<std::vector<ScoringItem>> MatchItems(const std::vector<ScoringItem>& items,
                                            std::vector<ScoringItem> other,
                                            std::string_view items_name,
                                            std::string_view other_name) {
  std::unordered_map<std::string, size_t> index_of;
  for (size_t i = 0; i < other.size(); ++i) index_of.emplace(other[i].id, i);
  std::vector<ScoringItem> matched;
  for (const ScoringItem& item : items) {
    const auto found = index_of.find(item.id);
    if (found == index_of.end()) {
      return Corrupt(
          fmt::format("{}: has no item \"{}\" ({} line {}); both files must hold the "
                      "same ids",
                      other_name, item.id, items_name, item.line));
    }
    matched.push_back(std::move(other[found->second]));
    index_of.erase(found);
  }
  for (const ScoringItem& item : other) {  // what was moved away has left the index
    if (!index_of.contains(item.id)) continue;
    return Corrupt(
        fmt::format("{}: has no item \"{}\" ({} line {}); both files must hold the "
                    "same ids",
                    items_name, item.id, other_name, item.line));
  }
  return matched;
}

}  // namespace crumb
