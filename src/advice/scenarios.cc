#include "advice/scenarios.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include "advice/csv_table.h"
#include "advice/data.h"
#include "advice/text_lines.h"
#include "base/json.h"

namespace crumb {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

}  // namespace

Result<std::vector<Scenario>> ShippedScenarios() {
  CRUMB_ASSIGN_OR_RETURN(const CsvTable table,
                         ParseCsv(AdviceFile("scenarios.csv"), "scenarios.csv"));
  std::vector<Scenario> scenarios;
  for (const CsvRow& row : table.rows) {
    const auto cell = [&](std::string_view name) {
      const std::optional<size_t> place = table.Column({name});
      return place.has_value() ? row.cells[*place] : std::string();
    };
    scenarios.push_back({cell("id"),
                         cell("suitable") == "yes",
                         cell("section"),
                         cell("line"),
                         {cell("name"), cell("name_zh")},
                         {cell("traits"), cell("traits_zh")},
                         cell("widths")});
  }
  return scenarios;
}

std::vector<Scenario> FindScenarios(const std::vector<Scenario>& scenarios,
                                    std::string_view query) {
  std::vector<Scenario> found;
  for (const Scenario& scenario : scenarios) {
    const std::string text = Lower(
        fmt::format("{} {} {} {} {} {} {}", scenario.id, scenario.section, scenario.name.en,
                    scenario.name.zh, scenario.traits.en, scenario.traits.zh, scenario.widths));
    std::istringstream words{std::string(query)};
    bool all = true;
    for (std::string word; words >> word;) {
      word = Lower(word);
      if (word == "suitable" || word == "适用") {
        all = all && scenario.suitable;
      } else if (word == "unsuitable" || word == "不适用") {
        all = all && !scenario.suitable;
      } else {
        all = all && text.find(word) != std::string::npos;
      }
    }
    if (all) found.push_back(scenario);
  }
  return found;
}

std::string ScenariosText(const std::vector<Scenario>& scenarios, std::string_view language) {
  const bool zh = language == "zh";
  std::string text;
  for (const Scenario& scenario : scenarios) {
    const std::string_view fit =
        scenario.suitable ? (zh ? "适用" : "suitable") : (zh ? "不适用" : "unsuitable");
    text += Fit(fit, 12) + Fit(scenario.id, 22) +
            fmt::format("{} ({} {})\n", scenario.widths, zh ? "第" : "line",
                        scenario.line + (zh ? "行" : ""));
    text += Wrapped(fmt::format("{}: {}", scenario.name.In(language), scenario.traits.In(language)),
                    12);
  }
  if (scenarios.empty()) text = zh ? "没有符合的场景\n" : "no scenario has these words\n";
  return text;
}

Json ScenariosJson(const std::vector<Scenario>& scenarios) {
  Json json = Json::array();
  for (const Scenario& scenario : scenarios) {
    json.push_back({{"id", scenario.id},
                    {"suitable", scenario.suitable},
                    {"section", scenario.section},
                    {"line", scenario.line},
                    {"name", scenario.name.en},
                    {"name_zh", scenario.name.zh},
                    {"traits", scenario.traits.en},
                    {"traits_zh", scenario.traits.zh},
                    {"widths", scenario.widths}});
  }
  return json;
}

}  // namespace crumb
