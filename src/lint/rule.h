// A rule of an article: what it looks for, why, and one sample that breaks it and one that keeps
// it.
#ifndef CRUMB_LINT_RULE_H_
#define CRUMB_LINT_RULE_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lint/article.h"
#include "lint/document.h"
#include "lint/numeral.h"
#include "lint/rows.h"
#include "lint/trace.h"
#include "text/utf8.h"

namespace crumb::lint {

enum class Severity { kError, kWarning, kPerson };
std::string_view SeverityName(Severity severity);

struct Finding {
  std::string rule;
  Severity severity = Severity::kError;
  Position at;
  std::string text;  // what offends, as it stands in the article
  std::string why;
  std::string suggestion;
};

// All that a rule may look at. Read once, never changed.
struct Subject {
  explicit Subject(Document read);

  Document document;
  Article article;
  std::vector<Utf16Text> utf16;  // of each block's text
  std::vector<Numeral> numerals;
  std::optional<Trace> trace;
  const Rows* rows = nullptr;  // null: no ledger was given

  // Whether a numeral that needs evidence stands in these bytes of a block, or in a section.
  bool HasNumber(size_t block, Span span) const;
  bool HasNumber(const Section& section) const;
};

struct Rule;

// Where a rule puts what it finds. Text, position and severity come from rule and place; `why` and
// `suggestion` replace the rule's own when they are not empty.
class Sink {
 public:
  Sink(const Rule& rule, const Subject& subject, std::vector<Finding>& findings)
      : rule_(rule), subject_(subject), findings_(findings) {}

  void Add(size_t block, Span span, std::string why = "", std::string suggestion = "");
  // The whole block, its first words as the text.
  void AddBlock(size_t block, std::string why = "", std::string suggestion = "");
  void AddAt(Position at, std::string text, std::string why = "", std::string suggestion = "");

 private:
  const Rule& rule_;
  const Subject& subject_;
  std::vector<Finding>& findings_;
};

// `failing` and `passing` are articles in the source form, or in HTML where they begin with "<";
// "@" stands for the sample article of data/sample_article.txt with its trace and ledger, "@A=>B"
// for it with the first A replaced by B,
// "@trace:A=>B" for the same in data/sample_trace.txt, "@stale:A=>B" with the hash of the old text.
// kPerson rules have no check: they are a line of the checklist.
struct Rule {
  std::string_view id;  // "R14-exclamation": the number of the rule in the specification
  Severity severity = Severity::kError;
  std::string_view why;
  std::string_view suggestion;
  std::string_view failing;
  std::string_view passing;
  std::function<void(const Subject&, Sink&)> check;
};

// All rules in the order of their ids. A new rule is a function of a new file that gives one or a
// family of them, and one line in registry.cc.
const std::vector<Rule>& AllRules();
const Rule* FindRule(std::string_view id);  // also by its number alone, "R14"

// Where a rule looks.
enum class Where { kAll, kHeadings, kBody, kSources };
bool Covers(Where where, const Block& block);

}  // namespace crumb::lint

#endif  // CRUMB_LINT_RULE_H_
