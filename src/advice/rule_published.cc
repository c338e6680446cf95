// A perplexity at very few bits against what others have published: without training, nobody at as
// many bits or up to one more has lost as little; with training, it took these bytes.
#include <fmt/format.h>

#include <cmath>

#include "advice/rule.h"

namespace crumb {
namespace {

constexpr double kMostBits = 2;     // above, published results agree with each other
constexpr double kSizeFactor = 3;   // models whose sizes differ by more are not compared
constexpr double kTolerance = 1.1;  // of the rise, for another text or context

// Percent above the baseline; negative: not known.
double RiseOf(const ClaimSet& set, const Claim& claim) {
  if (claim.quantity == Quantity::kPerplexityRise) return claim.value;
  const Claim* base = set.Baseline(claim.setting, Quantity::kPerplexity);
  if (base == nullptr || base == &claim || base->value <= 0) return -1;
  return 100 * (claim.value / base->value - 1);
}

bool Comparable(const Entity& published, double parameters) {
  const double theirs = published.Number("parameters").value_or(0);
  return theirs > 0 && std::abs(std::log(theirs / parameters)) < std::log(kSizeFactor);
}

// What training reached near this perplexity, and how many bytes that took.
void TellTrained(const ClaimSet& set, const Claim& claim, double parameters, Words& why) {
  for (const Entity* published : set.facts().OfKind("published")) {
    const double perplexity = published->Number("perplexity").value_or(0);
    const double bytes = published->Number("bytes").value_or(0);
    if (published->Text("training") == "none" || !Comparable(*published, parameters) ||
        claim.quantity != Quantity::kPerplexity || std::abs(perplexity / claim.value - 1) > 0.1 ||
        bytes <= 0) {
      continue;
    }
    why.en += fmt::format("; {} reached {:g} by training, in {:.3g} GB ({})", published->name,
                          perplexity, bytes / 1e9, published->Source("perplexity"));
    why.zh += fmt::format("；{}经训练达到{:g}，用了{:.3g} GB（{}）", published->name, perplexity,
                          bytes / 1e9, published->Source("perplexity"));
    const Claim* size = set.FindIf([&](const Claim& other) {
      return other.quantity == Quantity::kWeightBytes && other.bits == claim.bits &&
             other.model != nullptr && other.model == claim.model;
    });
    if (size != nullptr) {
      why.en += fmt::format(", while {} claims {:.3g} GB", size->id, size->value / 1e9);
      why.zh += fmt::format("，而{}声称{:.3g} GB", size->id, size->value / 1e9);
    }
  }
}

}  // namespace

void RunPublishedRule(const ClaimSet& set, Findings& findings) {
  for (const Claim& claim : set.claims()) {
    const bool is_perplexity =
        claim.quantity == Quantity::kPerplexity || claim.quantity == Quantity::kPerplexityRise;
    if (!is_perplexity || claim.bits == 0 || claim.bits > kMostBits || claim.trained) continue;
    const double parameters = set.Parameters(claim);
    const double rise = RiseOf(set, claim);
    if (parameters <= 0 || rise < 0) continue;
    const Entity* best = nullptr;
    for (const Entity* published : set.facts().OfKind("published")) {
      const double bits = published->Number("bits").value_or(0);
      if (published->Text("training") != "none" || !Comparable(*published, parameters) ||
          bits < claim.bits || bits > claim.bits + 1 || !published->Number("rise").has_value()) {
        continue;
      }
      if (best == nullptr || *published->Number("rise") < *best->Number("rise")) best = published;
    }
    if (best == nullptr) continue;
    const double theirs = *best->Number("rise");
    Finding finding{
        &claim,
        "published",
        rise * kTolerance < theirs ? ClaimVerdict::kContradicted : ClaimVerdict::kNotTestable,
        fmt::format("about +{:g}%", theirs),
        {}};
    finding.why = {
        fmt::format("+{:.3g} % at {}, no training named; the best published without training among "
                    "models of that size, at up to one bit more, is +{:g} % at {:g} bits ({}: {})",
                    rise, BitsText(claim.bits), theirs, *best->Number("bits"), best->name,
                    best->Source("rise")),
        fmt::format("{:g}位时+{:.3g}%，未提训练；同等规模、至多多一位、不训练的已发表最好结果是{:g}"
                    "位时+{:g}%（{}：{}）",
                    claim.bits, rise, *best->Number("bits"), theirs, best->name,
                    best->Source("rise"))};
    TellTrained(set, claim, parameters, finding.why);
    findings.push_back(std::move(finding));
  }
}

}  // namespace crumb
