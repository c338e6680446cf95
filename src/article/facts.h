// Named facts of one study, each a row of its ledger: ROLE.METRIC[.TEXT], for example
// "main.ratio.zh" (roles: cast.h; metrics: data/metrics.txt); and conditions over them, by which an
// entry of the library says what it needs.
#ifndef CRUMB_ARTICLE_FACTS_H_
#define CRUMB_ARTICLE_FACTS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "article/cast.h"
#include "article/library.h"
#include "article/number.h"
#include "publish/study_rows.h"

namespace crumb::article {

struct Fact {
  const Evidence* row = nullptr;
  Scale scale = Scale::kUnit;  // how it is told where a hole does not say
};

struct Condition {
  bool holds = false;
  std::string run;      // not empty: rows are missing, and this command measures them
  double strength = 0;  // how far the two sides stand apart, in half widths; 0: nothing compared
};

class Facts {
 public:
  // Keeps pointers to both.
  // `outside`: rows of --load ("load.requests"); may be null.
  Facts(const StudyRows& study, const Library& library,
        const std::vector<Evidence>* outside = nullptr);

  // Nothing where the role or the row is not there. METRIC may be any of data/metrics.txt; TEXT
  // "en", "zh", "main" (Chinese where there is some), "task" (the task whose share of right answers
  // changed most at main).
  std::optional<Fact> Find(std::string_view name) const;
  // The command that measures what is missing of `name`; empty where no command can.
  std::string MeasuredBy(std::string_view name) const;

  // One condition:  A  |  !A  |  A > B  |  A >> B  |  A < B  |  A ~ B  |  A >= 1.05  |  A <= 1.05
  //                 @main = @safe  |  @main != @safe  |  has en
  //                 busy  |  unpacked  |  manuals  |  !busy ...
  // A > B: the intervals do not touch; A ~ B: they do; with a number the whole interval is meant.
  Condition Check(std::string_view condition) const;
  Condition CheckAll(const std::vector<std::string>& conditions) const;

  // Whether the study found its own speeds disturbed by other programs.
  bool IsBusy() const;
  // Whether the reference was itself read from a compressed file (its file is much smaller than its
  // weights): results near that width are flattered.
  bool ReferenceIsUnpacked() const;

  // Whether quality was measured on the texts that crumb brings: the Debian Reference.
  bool IsOnManuals() const;

  const StudyRows& study() const { return study_; }
  const Cast& cast() const { return cast_; }
  // Subject of a role; empty: none.
  std::string SubjectOf(std::string_view role) const;
  // The text that "main" and "task" stand for: "zh", "piqa:acc".
  std::string TextOf(std::string_view text) const;

 private:
  Condition CheckWord(std::string_view word) const;
  Condition CheckComparison(const std::string& left, std::string_view op,
                            const std::string& right) const;
  // One side of a comparison: a number, a fact, a quotient of facts; `missing` is the fact that is
  // not there.
  std::optional<Range> Side(const std::string& word, std::string* missing) const;
  std::optional<Range> RangeOfFact(const std::string& name) const;

  const StudyRows& study_;
  const Library& library_;
  Cast cast_;
  std::vector<std::string> texts_;  // on which quality was measured, those of encoders too
  const std::vector<Evidence>* outside_;
  std::string task_;
};

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_FACTS_H_
