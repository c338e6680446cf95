#include "tasks/data_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "base/files.h"
#include "base/json.h"
#include "text/utf8.h"

namespace crumb {
namespace {

namespace fs = std::filesystem;

// A field of JSON as a value of templates.
jinja::Value ToValue(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    jinja::List list;
    for (const Json& item : json) list.push_back(ToValue(item));
    return list;
  }
  if (json.is_object()) {
    jinja::Dict dict;
    for (const auto& [key, value] : json.items()) dict.emplace_back(key, ToValue(value));
    return dict;
  }
  return {};
}

// Without a byte order mark, and UTF-8.
Result<std::string> CheckedText(std::string text, const std::string& path) {
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  int64_t line = 1;
  for (size_t begin = 0; begin < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (!IsValidUtf8(std::string_view(text).substr(begin, end - begin))) {
      return Corrupt(
          fmt::format("{}: line {}: is not UTF-8; convert the file (iconv -t UTF-8)", path, line));
    }
    begin = end + 1;
  }
  return text;
}

Result<std::string> ReadText(const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  return CheckedText(std::move(text), path);
}

// The lines without their ends; a last line without end counts.
std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

Result<std::vector<Record>> ReadJsonLines(const std::string& text, const std::string& path) {
  std::vector<Record> records;
  int64_t number = 0;
  for (const std::string_view line : Lines(text)) {
    ++number;
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    CRUMB_ASSIGN_OR_RETURN(const Json json,
                           ParseJson(line, fmt::format("{}: line {}", path, number)));
    if (!json.is_object()) {
      return Corrupt(fmt::format("{}: line {}: is no JSON object", path, number));
    }
    records.push_back(ToValue(json).dict());
  }
  return records;
}

// One row of fields with the line it began in.
struct Row {
  std::vector<std::string> fields;
  int64_t line = 0;
};

Result<std::vector<Row>> ReadCsvRows(std::string_view text, const std::string& path) {
  std::vector<Row> rows;
  int64_t line = 1;
  size_t at = 0;
  while (at < text.size()) {
    Row row;
    row.line = line;
    for (bool more = true; more;) {
      std::string field;
      if (at < text.size() && text[at] == '"') {
        for (++at;; ++at) {
          if (at >= text.size()) {
            return Corrupt(fmt::format("{}: line {}: a quoted field does not end", path, row.line));
          }
          if (text[at] == '"') {
            if (at + 1 >= text.size() || text[at + 1] != '"') break;
            ++at;
          }
          if (text[at] == '\n') ++line;
          field += text[at];
        }
        ++at;
      }
      // What follows a closing quote belongs to the field, as most readers take it.
      while (at < text.size() && text[at] != ',' && text[at] != '\n') field += text[at++];
      more = at < text.size() && text[at] == ',';
      if (!more && field.ends_with('\r')) field.pop_back();
      row.fields.push_back(std::move(field));
      ++at;
    }
    ++line;
    if (row.fields.size() > 1 || !row.fields[0].empty()) rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Row> ReadTsvRows(std::string_view text) {
  std::vector<Row> rows;
  int64_t number = 0;
  for (std::string_view line : Lines(text)) {
    ++number;
    if (line.empty()) continue;
    Row row;
    row.line = number;
    for (;;) {
      const size_t tab = line.find('\t');
      row.fields.emplace_back(line.substr(0, tab));
      if (tab == std::string_view::npos) break;
      line.remove_prefix(tab + 1);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<std::vector<Row>> ReadLineRows(std::string_view text, size_t columns,
                                      const std::string& path) {
  const std::vector<std::string_view> lines = Lines(text);
  if (lines.size() % columns != 0) {
    return Corrupt(fmt::format("{}: has {} lines, which is no multiple of the {} of a record", path,
                               lines.size(), columns));
  }
  std::vector<Row> rows;
  for (size_t i = 0; i < lines.size(); i += columns) {
    Row row;
    row.line = static_cast<int64_t>(i) + 1;
    for (size_t column = 0; column < columns; ++column) row.fields.emplace_back(lines[i + column]);
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<std::vector<Record>> FromRows(std::vector<Row> rows, std::vector<std::string> columns,
                                     bool may_have_more, const std::string& path) {
  size_t first = 0;
  if (columns.empty() && !rows.empty()) {
    columns = rows[0].fields;
    first = 1;
  }
  std::vector<Record> records;
  for (size_t i = first; i < rows.size(); ++i) {
    if (rows[i].fields.size() < columns.size() ||
        (rows[i].fields.size() > columns.size() && !may_have_more)) {
      return Corrupt(fmt::format("{}: line {}: has {} fields, not {}", path, rows[i].line,
                                 rows[i].fields.size(), columns.size()));
    }
    Record record;
    for (size_t column = 0; column < columns.size(); ++column) {
      record.emplace_back(columns[column], std::move(rows[i].fields[column]));
    }
    records.push_back(std::move(record));
  }
  return records;
}

Status CheckIds(const std::vector<Record>& records, const std::string& path) {
  std::set<std::string> seen;
  for (const Record& record : records) {
    const jinja::Value* id = jinja::FindKey(record, "id");
    if (id == nullptr) continue;
    jinja::Budget budget;
    CRUMB_ASSIGN_OR_RETURN(const std::string text, jinja::ToText(*id, &budget));
    if (!seen.insert(text).second) {
      return Corrupt(fmt::format("{}: two records have the id \"{}\"", path, text));
    }
  }
  return OkStatus();
}

}  // namespace

Result<std::vector<Record>> ParseRecords(std::string content, const std::string& path,
                                         const DataFormat& format) {
  CRUMB_ASSIGN_OR_RETURN(const std::string text, CheckedText(std::move(content), path));
  std::vector<Record> records;
  if (format.kind == "jsonl") {
    CRUMB_ASSIGN_OR_RETURN(records, ReadJsonLines(text, path));
  } else {
    std::vector<Row> rows;
    if (format.kind == "csv") {
      CRUMB_ASSIGN_OR_RETURN(rows, ReadCsvRows(text, path));
    } else if (format.kind == "tsv") {
      rows = ReadTsvRows(text);
    } else {
      CRUMB_ASSIGN_OR_RETURN(rows, ReadLineRows(text, format.columns.size(), path));
    }
    CRUMB_ASSIGN_OR_RETURN(records,
                           FromRows(std::move(rows), format.columns,
                                    format.kind == "tsv" && !format.columns.empty(), path));
  }
  if (records.empty()) return Corrupt(fmt::format("{}: has no records", path));
  CRUMB_RETURN_IF_ERROR(CheckIds(records, path));
  return records;
}

Result<std::vector<Record>> ReadRecords(const std::string& path, const DataFormat& format) {
  CRUMB_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  return ParseRecords(std::move(text), path, format);
}

Status AddLabels(const std::string& path, std::vector<Record>* records) {
  CRUMB_ASSIGN_OR_RETURN(const std::string text, ReadText(path));
  const std::vector<std::string_view> lines = Lines(text);
  if (lines.size() != records->size()) {
    return Corrupt(
        fmt::format("{}: has {} lines for {} records", path, lines.size(), records->size()));
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    (*records)[i].emplace_back("label", std::string(lines[i]));
  }
  return OkStatus();
}

Result<std::vector<MatchedFile>> MatchFiles(const std::string& folder, const std::string& pattern) {
  const fs::path whole = fs::path(folder) / pattern;
  const std::string name = whole.filename().string();
  const size_t star = name.find('*');
  if (star == std::string::npos) {
    if (!PathExists(whole.string())) {
      return NotFound(
          fmt::format("{}: is not there; --data or CRUMB_DATA names the folder of the "
                      "data sets",
                      whole.string()));
    }
    return std::vector<MatchedFile>{{whole.string(), ""}};
  }
  const std::string before = name.substr(0, star);
  const std::string behind = name.substr(star + 1);
  std::vector<MatchedFile> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(whole.parent_path(), error)) {
    const std::string file = entry.path().filename().string();
    if (file.size() < before.size() + behind.size() || !file.starts_with(before) ||
        !file.ends_with(behind)) {
      continue;
    }
    found.push_back({entry.path().string(),
                     file.substr(before.size(), file.size() - before.size() - behind.size())});
  }
  if (error || found.empty()) {
    return NotFound(
        fmt::format("{}: no such file; --data or CRUMB_DATA names the folder of the "
                    "data sets",
                    whole.string()));
  }
  std::ranges::sort(found, {}, &MatchedFile::path);
  return found;
}

}  // namespace crumb
