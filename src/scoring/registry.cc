#include "scoring/registry.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "scoring/accuracy.h"
#include "scoring/auc.h"
#include "scoring/bleu.h"
#include "scoring/chrf.h"
#include "scoring/correlation.h"
#include "scoring/exact_match.h"
#include "scoring/pass_at_k.h"
#include "scoring/rouge.h"
#include "scoring/squad.h"

namespace crumb {
namespace {

constexpr std::string_view kText = "prediction, reference";
constexpr std::string_view kNumbers = "score, label";
using enum RougeKind;
using enum RougeTokens;

constexpr ScorerEntry kScorers[] = {
    {"exact_match", kText, "the same characters", [](int64_t) { return ExactMatchScorer(); }},
    {"em", kText, "the same after SQuAD's normalization",
     [](int64_t) { return SquadExactMatchScorer(SquadRules::kEnglish); }},
    {"em_zh", kText, "the same with Chinese punctuation removed",
     [](int64_t) { return SquadExactMatchScorer(SquadRules::kChinese); }},
    {"f1", kText, "token F1 after SQuAD's normalization",
     [](int64_t) { return SquadF1Scorer(SquadRules::kEnglish); }},
    {"f1_zh", kText, "the same, each Han character a token",
     [](int64_t) { return SquadF1Scorer(SquadRules::kChinese); }},
    {"bleu", kText, "corpus BLEU, tokens 13a",
     [](int64_t) { return BleuScorer(BleuTokens::k13a); }},
    {"bleu_zh", kText, "corpus BLEU, tokens zh",
     [](int64_t) { return BleuScorer(BleuTokens::kZh); }},
    {"chrf", kText, "corpus chrF2", [](int64_t) { return ChrfScorer(0); }},
    {"chrf++", kText, "corpus chrF2++", [](int64_t) { return ChrfScorer(2); }},
    {"rouge1", kText, "F1 of words", [](int64_t) { return RougeScorer(k1, kLatin); }},
    {"rouge2", kText, "F1 of pairs of words", [](int64_t) { return RougeScorer(k2, kLatin); }},
    {"rougeL", kText, "F1 by common subsequence", [](int64_t) { return RougeScorer(kL, kLatin); }},
    {"rouge1_zh", kText, "with Han characters as tokens",
     [](int64_t) { return RougeScorer(k1, kHan); }},
    {"rouge2_zh", kText, "the same", [](int64_t) { return RougeScorer(k2, kHan); }},
    {"rougeL_zh", kText, "the same", [](int64_t) { return RougeScorer(kL, kHan); }},
    {"accuracy", "prediction, label", "share of right classes",
     [](int64_t) { return AccuracyScorer(); }},
    {"auc", kNumbers, "area under the ROC curve", [](int64_t) { return AucScorer(); }},
    {"pass@K", "verdicts", "one of K samples passes", PassAtKScorer},
    {"pearson", kNumbers, "linear correlation",
     [](int64_t) { return CorrelationScorer(CorrelationKind::kPearson); }},
    {"spearman", kNumbers, "rank correlation",
     [](int64_t) { return CorrelationScorer(CorrelationKind::kSpearman); }},
};

// K of "pass@5" for the entry "pass@K"; 0 for the entry's own name; none when it is another.
std::optional<int64_t> Match(std::string_view entry, std::string_view name) {
  if (!entry.ends_with('K')) return entry == name ? std::optional<int64_t>(0) : std::nullopt;
  const std::string_view stem = entry.substr(0, entry.size() - 1);
  if (!name.starts_with(stem)) return std::nullopt;
  int64_t k = 0;
  const char* end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + stem.size(), end, k);
  return error == std::errc() && rest == end && k >= 1 ? std::optional<int64_t>(k) : std::nullopt;
}

}  // namespace

std::span<const ScorerEntry> AllScorers() { return kScorers; }

Result<Scorer> MakeScorer(std::string_view name) {
  std::string names;
  for (const ScorerEntry& entry : kScorers) {
    if (const std::optional<int64_t> k = Match(entry.name, name)) return entry.make(*k);
    names += (names.empty() ? "" : " ") + std::string(entry.name);
  }
  return InvalidArgument(fmt::format("there is no metric \"{}\"; there are: {}", name, names));
}

}  // namespace crumb
