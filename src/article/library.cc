#include "article/library.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"

namespace crumb::article {
namespace {

constexpr std::string_view kParts[] = {
    "title",     "opening", "analogy", "anchor",    "mapping",  "calibration", "optimization",
    "challenge", "use",     "misuse",  "heuristic", "fragment", "sector",      "audience",
    "term",      "metric",  "model",   "task",      "role",     "topic",       "tag"};

constexpr std::string_view kKeys[] = {"for",   "audience", "sector", "needs",  "weight", "once",
                                      "title", "text",     "names",  "row",    "scale",  "run",
                                      "gloss", "place",    "staff",  "public", "work",   "stakes",
                                      "wrong", "match",    "words",  "query"};

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return text;
}

template <typename List>
bool Holds(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != std::end(list);
}

Result<Entry> ParseHead(std::string_view line, std::string_view place) {
  const size_t blank = line.find(' ');
  if (!line.ends_with(']') || blank == std::string_view::npos) {
    return Corrupt(fmt::format("{}: an entry begins with [part id]", place));
  }
  Entry entry;
  entry.part = line.substr(1, blank - 1);
  entry.id = Trim(line.substr(blank, line.size() - blank - 1));
  if (!Holds(kParts, entry.part)) {
    return Corrupt(fmt::format("{}: \"{}\" is no part of an article", place, entry.part));
  }
  return entry;
}

Result<std::vector<Entry>> ParseFile(const EmbeddedFile& file) {
  std::vector<Entry> entries;
  std::string_view rest = file.content;
  for (int number = 1; !rest.empty(); ++number) {
    const size_t end = std::min(rest.size(), rest.find('\n'));
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), end + 1));
    const std::string place = fmt::format("{}:{}", file.name, number);
    if (Trim(line).empty() || line.starts_with('#')) continue;
    if (line.starts_with('[')) {
      CRUMB_ASSIGN_OR_RETURN(Entry entry, ParseHead(Trim(line), place));
      entries.push_back(std::move(entry));
      continue;
    }
    if (entries.empty()) return Corrupt(fmt::format("{}: stands before any entry", place));
    auto& fields = entries.back().fields;
    if (line.starts_with("  ")) {  // goes on with the field above
      if (fields.empty()) return Corrupt(fmt::format("{}: goes on with no field", place));
      fields.back().second += Trim(line);
      continue;
    }
    const size_t colon = line.find(':');
    const std::string_view key = Trim(line.substr(0, std::min(line.size(), colon)));
    if (colon == std::string_view::npos || !Holds(kKeys, key)) {
      return Corrupt(fmt::format("{}: \"{}\" is no field of an entry", place, key));
    }
    fields.emplace_back(key, Trim(line.substr(colon + 1)));
  }
  return entries;
}

}  // namespace

std::vector<std::string> SplitList(std::string_view text, char separator) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    const size_t end = std::min(text.size(), text.find(separator));
    const std::string_view piece = Trim(text.substr(0, end));
    if (!piece.empty()) pieces.emplace_back(piece);
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return pieces;
}

const std::string& Entry::Get(std::string_view key) const {
  static const std::string none;
  for (const auto& field : fields) {
    if (field.first == key) return field.second;
  }
  return none;
}

std::vector<std::string> Entry::All(std::string_view key) const {
  std::vector<std::string> values;
  for (const auto& field : fields) {
    if (field.first == key) values.push_back(field.second);
  }
  return values;
}

bool Entry::Allows(std::string_view key, std::string_view value) const {
  return Get(key).empty() || Names(key, value);
}

bool Entry::Names(std::string_view key, std::string_view value) const {
  return std::ranges::count(SplitList(Get(key), ','), value) > 0;
}

Result<Library> Library::Parse(std::span<const EmbeddedFile> files) {
  Library library;
  for (const EmbeddedFile& file : files) {
    CRUMB_ASSIGN_OR_RETURN(std::vector<Entry> entries, ParseFile(file));
    library.entries_.push_back(std::move(entries));
  }
  for (const std::string_view part : kParts) {
    std::vector<const Entry*> of_part;
    for (const std::vector<Entry>& entries : library.entries_) {
      for (const Entry& entry : entries) {
        if (entry.part != part) continue;
        const bool twice =
            std::ranges::any_of(of_part, [&](const Entry* other) { return other->id == entry.id; });
        if (twice) {
          return Corrupt(fmt::format("the entry [{} {}] stands twice", entry.part, entry.id));
        }
        of_part.push_back(&entry);
      }
    }
    library.parts_.emplace_back(part, std::move(of_part));
  }
  return library;
}

const Library& Library::Own() {
  static const Library library = [] {
    Result<Library> parsed = Parse(ArticleData());
    CRUMB_CHECK(parsed.ok());
    return std::move(parsed).value();
  }();
  return library;
}

const std::vector<const Entry*>& Library::Part(std::string_view part) const {
  const auto found =
      std::ranges::find_if(parts_, [&](const auto& one) { return one.first == part; });
  CRUMB_CHECK(found != parts_.end());
  return found->second;
}

const Entry* Library::Find(std::string_view part, std::string_view id) const {
  for (const Entry* entry : Part(part)) {
    if (entry->id == id) return entry;
  }
  return nullptr;
}

const Entry* Library::FindNamed(std::string_view part, std::string_view name) const {
  for (const Entry* entry : Part(part)) {
    if (entry->id == name || (!entry->Get("names").empty() && entry->Names("names", name))) {
      return entry;
    }
  }
  return nullptr;
}

}  // namespace crumb::article
