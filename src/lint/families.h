// The families of rules, one file each (rules_X.cc); registry.cc puts them together.
#ifndef CRUMB_LINT_FAMILIES_H_
#define CRUMB_LINT_FAMILIES_H_

#include <vector>

#include "lint/rule.h"

namespace crumb::lint {

std::vector<Rule> WordRules();       // words that must not appear
std::vector<Rule> MarkRules();       // marks, emphasis, tables, code
std::vector<Rule> IdentityRules();   // addresses, identifiers, dates, standards
std::vector<Rule> TermRules();       // spelled-out terms, definitions, characters
std::vector<Rule> LayoutRules();     // indent, elements and styles, lengths
std::vector<Rule> StructureRules();  // numbering, order, the six parts
std::vector<Rule> ChallengeRules();  // the challenges one by one
std::vector<Rule> ClaimRules();      // gain and cost, causes, kinds of evidence
std::vector<Rule> NumberRules();     // numerals against trace and ledger
std::vector<Rule> PersonRules();     // what only a person can judge

}  // namespace crumb::lint

#endif  // CRUMB_LINT_FAMILIES_H_
