// What only a person can judge: the checklist at the end of a report.
#include "lint/families.h"

namespace crumb::lint {

std::vector<Rule> PersonRules() {
  const auto item = [](std::string_view id, std::string_view what) {
    Rule rule;
    rule.id = id;
    rule.severity = Severity::kPerson;
    rule.why = what;
    return rule;
  };
  return {
      item("R03-topic", "Is it one article, and about quantization?"),
      item("R04-audience", "Would the people it is written for follow it without asking?"),
      item("R11-tone", "Does it sound like a senior colleague: no lecture, no condescension?"),
      item("R16-analogy-fit", "Is the analogy from the readers' work, and does it hold?"),
      item("R26-paste", "Pasted into the editor and into Word, and saved: does it look the same?"),
      item("R40-real-scenario", "Is the opening a real situation and no invented story?"),
  };
}

}  // namespace crumb::lint
