#include "advice/facts.h"

#include <fmt/format.h>

#include <algorithm>

#include "advice/csv_table.h"
#include "advice/data.h"

namespace crumb {
namespace {

bool IsWordByte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

size_t FindWord(std::string_view text, std::string_view word) {
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    const bool begins = at == 0 || !IsWordByte(text[at - 1]) || !IsWordByte(word.front());
    const bool ends = end == text.size() || !IsWordByte(text[end]) || !IsWordByte(word.back());
    if (begins && ends) return at;
  }
  return std::string_view::npos;
}

std::string_view Entity::Text(std::string_view property) const {
  const auto found = facts.find(property);
  return found == facts.end() ? std::string_view() : std::string_view(found->second.text);
}

std::optional<double> Entity::Number(std::string_view property) const {
  const auto found = facts.find(property);
  return found == facts.end() ? std::nullopt : found->second.number;
}

std::string_view Entity::Source(std::string_view property) const {
  const auto found = facts.find(property);
  return found == facts.end() ? std::string_view() : std::string_view(found->second.source);
}

Result<Facts> Facts::Parse(std::string_view csv, std::string_view name) {
  CRUMB_ASSIGN_OR_RETURN(const CsvTable table, ParseCsv(csv, name));
  size_t place[5] = {};
  constexpr std::string_view kColumns[] = {"name", "property", "value", "unit", "source"};
  for (size_t i = 0; i < 5; ++i) {
    const std::optional<size_t> column = table.Column({kColumns[i]});
    if (!column.has_value()) {
      return Corrupt(fmt::format("{}:1: the column '{}' is missing", name, kColumns[i]));
    }
    place[i] = *column;
  }
  Facts facts;
  for (const CsvRow& row : table.rows) {
    const auto cell = [&](size_t i) -> const std::string& { return row.cells[place[i]]; };
    auto entity = std::ranges::find_if(facts.entities_,
                                       [&](const Entity& known) { return known.name == cell(0); });
    if (entity == facts.entities_.end()) {
      entity = facts.entities_.insert(entity, Entity{cell(0), {}});
    }
    Fact fact{cell(2), ParseNumber(cell(2)), cell(3), cell(4)};
    // What is a definition needs no source; a number of the world does.
    if (fact.number.has_value() && fact.source.empty() && *fact.number != 1 &&
        cell(1) != "parameters") {
      return Corrupt(
          fmt::format("{}:{}: {} of {} has no source", name, row.line, cell(1), cell(0)));
    }
    if (!entity->facts.emplace(cell(1), std::move(fact)).second) {
      return Corrupt(
          fmt::format("{}:{}: {} of {} is given twice", name, row.line, cell(1), cell(0)));
    }
  }
  return facts;
}

Result<Facts> Facts::Shipped() { return Parse(AdviceFile("facts.csv"), "facts.csv"); }

const Entity* Facts::FindIn(std::string_view kind, std::string_view text) const {
  const Entity* best = nullptr;
  size_t length = 0;
  for (const Entity& entity : entities_) {
    if (entity.Text("kind") != kind) continue;
    std::string_view rest = entity.Text("alias");
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('|'), rest.size());
      const std::string_view alias = rest.substr(0, end);
      if (alias.size() > length && FindWord(text, alias) != std::string_view::npos) {
        best = &entity;
        length = alias.size();
      }
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return best;
}

std::vector<const Entity*> Facts::OfKind(std::string_view kind) const {
  std::vector<const Entity*> found;
  for (const Entity& entity : entities_) {
    if (entity.Text("kind") == kind) found.push_back(&entity);
  }
  return found;
}

}  // namespace crumb
