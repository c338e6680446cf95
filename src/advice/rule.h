// A rule looks through all claims for what physics, arithmetic or published results allow. It knows
// quantities, widths, devices and models, never single rows. A new rule is a file rule_NAME.cc and
// a line here and in rules.cc.
#ifndef CRUMB_ADVICE_RULE_H_
#define CRUMB_ADVICE_RULE_H_

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "advice/claim.h"
#include "advice/words.h"

namespace crumb {

// In the order of strength: of several findings the strongest is the claim's verdict.
enum class ClaimVerdict {
  kNotTestable,   // no rule decides it, though a bound may be known
  kConfirmed,     // follows from other figures, or measured here with the same result
  kContradicted,  // other figures, published results or a measurement here say otherwise
  kImpossible,    // beyond physics or arithmetic under the conditions that are stated
};

struct Finding {
  const Claim* claim = nullptr;
  std::string_view rule;
  ClaimVerdict verdict = ClaimVerdict::kNotTestable;
  std::string bound;  // "<= 2.00x", short
  Words why;          // the derivation, with its numbers and sources
};

// The claims with what rules keep asking about them.
class ClaimSet {
 public:
  ClaimSet(const std::vector<Claim>& claims, const Facts& facts);

  const std::vector<Claim>& claims() const { return *claims_; }
  const Facts& facts() const { return *facts_; }
  // Claims of one setting, in the order of the table; settings in alphabetical order.
  const std::map<std::string, std::vector<const Claim*>>& settings() const { return settings_; }

  // The claim of this setting with this quantity and width; nullptr when there is none. A width of
  // 0 is any.
  const Claim* Find(const std::string& setting, Quantity quantity, double bits = 0) const;
  // The first claim that `accept` takes.
  const Claim* FindIf(const std::function<bool(const Claim&)>& accept) const;
  // What is said to take longest at most bits: the claim with the highest width of this quantity in
  // a setting; nullptr where fewer than two widths are named.
  const Claim* Baseline(const std::string& setting, Quantity quantity) const;

  // Parameters of what the claim is about: as stated beside it, else where the table states them
  // for its model, else in the model's name, else by the facts; 0 when nothing tells.
  double Parameters(const Claim& claim) const;

 private:
  const std::vector<Claim>* claims_;
  const Facts* facts_;
  std::map<std::string, std::vector<const Claim*>> settings_;
};

// The most that fewer bits can gain at equal work: bytes moved and arithmetic done per second.
struct GainBound {
  double bytes = 1;  // ratio of widths
  double peak = 1;   // ratio of peak rates
  double bound = 1;  // the limit that holds, see gain_bound.cc
  Words derivation;
};
// `one_sequence`: one token after another, which reads all weights for each.
GainBound BoundOfGain(const Claim& from, const Claim& to, bool one_sequence);

// The finding for a gain: impossible when the least that can be meant is above the bound.
Finding JudgeGain(const Claim& claim, double least, double printed, const GainBound& gain,
                  std::string_view rule);

// The gain that must at least be meant, given how the figures are rounded: of a time or a count
// that shrinks from `more` to `less`.
double LeastRatio(const Claim& more, const Claim& less);

// "25 MB"; "1 bit", "2 bits".
std::string MegaBytes(double bytes);
std::string BitsText(double bits);

// Whether two claims are about the same model on a device of the same family.
bool SameModelAndFamily(const Claim& a, const Claim& b);

using Findings = std::vector<Finding>;

struct Rule {
  std::string_view name;
  std::string_view name_zh;
  std::string_view en;  // what it holds, in a line
  std::string_view zh;
  void (*run)(const ClaimSet&, Findings&);
};
std::span<const Rule> AllRules();
// A rule's name for readers of a language; what no rule has ("measured") likewise.
std::string_view RuleName(std::string_view name, std::string_view language);

void RunSizeRule(const ClaimSet& set, Findings& findings);
void RunMixtureRule(const ClaimSet& set, Findings& findings);
void RunReductionRule(const ClaimSet& set, Findings& findings);
void RunArithmeticRule(const ClaimSet& set, Findings& findings);
void RunSpeedupRule(const ClaimSet& set, Findings& findings);
void RunMachinesRule(const ClaimSet& set, Findings& findings);
void RunThroughputRule(const ClaimSet& set, Findings& findings);
void RunRooflineRule(const ClaimSet& set, Findings& findings);
void RunHardwareRule(const ClaimSet& set, Findings& findings);
void RunEnergyRule(const ClaimSet& set, Findings& findings);
void RunDropRule(const ClaimSet& set, Findings& findings);
void RunPublishedRule(const ClaimSet& set, Findings& findings);
void RunLittleRule(const ClaimSet& set, Findings& findings);
void RunMemoryRule(const ClaimSet& set, Findings& findings);
void RunPriceRule(const ClaimSet& set, Findings& findings);
void RunScaleRule(const ClaimSet& set, Findings& findings);

}  // namespace crumb

#endif  // CRUMB_ADVICE_RULE_H_
