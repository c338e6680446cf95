#include "scoring/squad.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <map>

#include "text/unicode.h"
#include "text/utf8.h"
#include "text/words.h"

namespace crumb {
namespace {

bool IsRemoved(char32_t c, SquadRules rules) {
  // In ASCII punctuation and signs are one set; elsewhere signs (currency, operators) stay.
  return (c < 0x80 || rules == SquadRules::kChinese) && IsBertPunctuation(c);
}

// Letters and numbers: what Python's regular expressions count as part of a word, beside the
// underscore, which is punctuation here.
bool IsWordCharacter(char32_t c) {
  const auto category = U_MASK(u_charType(static_cast<UChar32>(c)));
  return (category & (U_GC_L_MASK | U_GC_N_MASK)) != 0;
}

bool IsArticle(std::string_view word) { return word == "a" || word == "an" || word == "the"; }

std::string_view Suffix(SquadRules rules) { return rules == SquadRules::kChinese ? "_zh" : ""; }

std::string Signature(SquadRules rules) {
  return rules == SquadRules::kChinese ? "norm:squad|tok:han" : "norm:squad|tok:words";
}

}  // namespace

std::vector<std::string> SquadTokens(std::string_view text, SquadRules rules) {
  const std::string lower = ToLower(text);
  std::string kept;
  for (size_t i = 0; i < lower.size();) {
    const char32_t c = NextCodePoint(lower, &i);
    if (!IsRemoved(c, rules)) AppendUtf8(c, &kept);
  }
  // An article is a whole run of word characters: "the" between two quotation marks that stayed is
  // one, though white space does not set it apart.
  std::string plain;
  std::string run;
  const auto end_run = [&] {
    plain += IsArticle(run) ? " " : run;
    run.clear();
  };
  for (size_t i = 0; i < kept.size();) {
    const char32_t c = NextCodePoint(kept, &i);
    if (IsWordCharacter(c)) {
      AppendUtf8(c, &run);
      continue;
    }
    end_run();
    AppendUtf8(c, &plain);
  }
  end_run();
  if (rules == SquadRules::kEnglish) return SplitWords(plain);
  std::string spaced;
  for (size_t i = 0; i < plain.size();) {
    const char32_t c = NextCodePoint(plain, &i);
    if (IsHan(c)) spaced += ' ';
    AppendUtf8(c, &spaced);
    if (IsHan(c)) spaced += ' ';
  }
  return SplitWords(spaced);
}

bool SquadExactMatch(std::string_view prediction, std::string_view reference, SquadRules rules) {
  return SquadTokens(prediction, rules) == SquadTokens(reference, rules);
}

double SquadF1(std::string_view prediction, std::string_view reference, SquadRules rules) {
  const std::vector<std::string> mine = SquadTokens(prediction, rules);
  const std::vector<std::string> other = SquadTokens(reference, rules);
  if (mine.empty() || other.empty()) return mine.empty() && other.empty() ? 1 : 0;
  std::map<std::string_view, int64_t> left;
  for (const std::string& token : other) ++left[token];
  int64_t common = 0;
  for (const std::string& token : mine) {
    const auto found = left.find(token);
    if (found == left.end() || found->second == 0) continue;
    --found->second;
    ++common;
  }
  return 2 * static_cast<double>(common) / static_cast<double>(mine.size() + other.size());
}

Scorer SquadExactMatchScorer(SquadRules rules) {
  return BestReferenceScorer("em" + std::string(Suffix(rules)), Signature(rules),
                             [rules](std::string_view prediction, std::string_view reference) {
                               return SquadExactMatch(prediction, reference, rules) ? 1.0 : 0.0;
                             });
}

Scorer SquadF1Scorer(SquadRules rules) {
  return BestReferenceScorer("f1" + std::string(Suffix(rules)), Signature(rules),
                             [rules](std::string_view prediction, std::string_view reference) {
                               return SquadF1(prediction, reference, rules);
                             });
}

}  // namespace crumb
