// What should be done: the matrix's total with the reason of each score, named overrides beside it
// and never inside, the four pitfalls as checks, and the best versions of a study for three
// readers. docs/advice.md has the rules and their sources.
#ifndef CRUMB_ADVICE_ADVICE_H_
#define CRUMB_ADVICE_ADVICE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "advice/matrix.h"
#include "advice/study_view.h"
#include "advice/words.h"
#include "base/json_fwd.h"
#include "base/status.h"

namespace crumb {

struct AdviceInput {
  std::optional<double> r, a, s, h;      // typed in: they stand before all evidence
  std::optional<double> memory_limit;    // bytes
  std::optional<double> budget;          // dollars a month
  std::optional<double> reference_cost;  // dollars a month of the reference
  std::optional<double> accepted_loss;   // points of task accuracy
  std::string hardware;                  // asic, fpga, arm, cpu, gpu; empty: by the ledger
  std::string field;                     // medical, driving, finance, legal; empty: none of them
  std::string task;                      // code, proof, cryptography; empty: none of them
  double price_per_hour = 0;             // of one machine; 0: cost is no part of the comparison
};

struct Score {
  char key = 'R';
  double value = 0;
  Words reason;
  std::vector<int64_t> rows;  // of the ledger
};

enum class OverrideState { kApplies, kDoesNotApply, kNotMeasured };

struct Override {
  std::string_view name;
  std::string_view name_zh;
  OverrideState state = OverrideState::kDoesNotApply;
  double fewest_bits = 0;  // what it still allows where it applies; 0: it forbids nothing
  Words why;
  std::vector<int64_t> rows;
};

enum class CheckState { kGood, kWarning, kNotMeasured };

struct Pitfall {
  std::string_view name;
  std::string_view name_zh;
  CheckState state = CheckState::kNotMeasured;
  Words why;
  std::vector<int64_t> rows;
};

// One version in the comparison; the axes that every version has.
struct Candidate {
  const StudyVersion* version = nullptr;
  double million_tokens = 0;  // dollars; 0: no price
  bool best = true;           // no other is at least as good on every axis and better on one
};

struct Recommendation {
  Words reader;
  Words wants;                        // the rule by which the version is chosen
  const Candidate* choice = nullptr;  // nullptr: none meets it
  Words why;
};

struct Advice {
  std::string model;
  std::vector<Score> scores;  // R, A, S, H
  double total = 0;
  const MatrixBand* band = nullptr;
  std::vector<Override> overrides;
  Words contradiction;  // empty where total and overrides agree
  std::vector<Pitfall> pitfalls;
  std::vector<Candidate> candidates;
  std::vector<Recommendation> recommendations;
};

// `study` may be nullptr: then scores must be typed in or follow from the input. kInvalidArgument
// names the score that nothing tells and the option that would.
Result<Advice> Advise(const AdviceInput& input, const StudyView* study);

// The parts, each in a file of its own.
Result<std::vector<Score>> FillScores(const AdviceInput& input, const StudyView* study);
std::vector<Override> FindOverrides(const AdviceInput& input, const StudyView* study,
                                    const std::vector<Score>& scores);
// One sentence, or empty words where the total's band and the overrides agree.
Words ExplainContradiction(double total, const std::vector<Score>& scores,
                           const std::vector<Override>& overrides);
std::vector<Pitfall> CheckPitfalls(const StudyView* study, const std::vector<Score>& scores);
std::vector<Candidate> Compare(const StudyView& study, double price_per_hour);
std::vector<Recommendation> Recommend(const AdviceInput& input, const StudyView& study,
                                      const std::vector<Candidate>& candidates,
                                      const std::vector<Override>& overrides);

std::string AdviceText(const Advice& advice, std::string_view language);
Json AdviceJson(const Advice& advice);

}  // namespace crumb

#endif  // CRUMB_ADVICE_ADVICE_H_
