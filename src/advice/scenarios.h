// The source note's suitable and unsuitable scenarios, in our words, as a list to search.
#ifndef CRUMB_ADVICE_SCENARIOS_H_
#define CRUMB_ADVICE_SCENARIOS_H_

#include <string>
#include <string_view>
#include <vector>

#include "advice/words.h"
#include "base/json_fwd.h"
#include "base/status.h"

namespace crumb {

struct Scenario {
  std::string id;
  bool suitable = false;
  std::string section;
  std::string line;  // of the source
  Words name;
  Words traits;
  std::string widths;  // what the note names for it: "INT2 INT4"
};

Result<std::vector<Scenario>> ShippedScenarios();

// Those in which every word of `query` stands somewhere, in either language, letters of either
// case; "suitable" and "unsuitable" are words too. An empty query finds all.
std::vector<Scenario> FindScenarios(const std::vector<Scenario>& scenarios, std::string_view query);

std::string ScenariosText(const std::vector<Scenario>& scenarios, std::string_view language);
Json ScenariosJson(const std::vector<Scenario>& scenarios);

}  // namespace crumb

#endif  // CRUMB_ADVICE_SCENARIOS_H_
