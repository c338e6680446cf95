#include <algorithm>
#include <iterator>
#include <utility>

#include "lint/families.h"

namespace crumb::lint {
namespace {

std::vector<Rule> MakeRules() {
  std::vector<Rule> rules;
  for (std::vector<Rule> (*family)() :
       {WordRules, MarkRules, IdentityRules, TermRules, LayoutRules, StructureRules, ChallengeRules,
        ClaimRules, NumberRules, PersonRules}) {
    std::vector<Rule> some = family();
    std::ranges::move(some, std::back_inserter(rules));
  }
  std::ranges::sort(rules, {}, &Rule::id);
  return rules;
}

}  // namespace

const std::vector<Rule>& AllRules() {
  static const std::vector<Rule> rules = MakeRules();
  return rules;
}

const Rule* FindRule(std::string_view id) {
  for (const Rule& rule : AllRules()) {
    if (rule.id == id || (rule.id.starts_with(id) && rule.id.substr(id.size()).starts_with('-'))) {
      return &rule;
    }
  }
  return nullptr;
}

}  // namespace crumb::lint
