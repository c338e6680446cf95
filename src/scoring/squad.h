// Exact match and token F1 of question answering after SQuAD's normalization (Rajpurkar et al.
// 2016, https://arxiv.org/abs/1606.05250; version 2.0 of the rules for empty answers): lower case,
// without ASCII punctuation, without the words a, an, the, white space squeezed.
//
// For Chinese, which the rules were not made for: all punctuation of Unicode goes (category P), and
// each Han character is a token.
#ifndef CRUMB_SCORING_SQUAD_H_
#define CRUMB_SCORING_SQUAD_H_

#include <string>
#include <string_view>
#include <vector>

#include "scoring/scorer.h"

namespace crumb {

enum class SquadRules { kEnglish, kChinese };

std::vector<std::string> SquadTokens(std::string_view text, SquadRules rules);

bool SquadExactMatch(std::string_view prediction, std::string_view reference, SquadRules rules);
// 2 * common / (tokens of both), common counted with repetitions; where one has no tokens, 1 if
// both have none.
double SquadF1(std::string_view prediction, std::string_view reference, SquadRules rules);

Scorer SquadExactMatchScorer(SquadRules rules);  // "em", "em_zh"
Scorer SquadF1Scorer(SquadRules rules);          // "f1", "f1_zh"

}  // namespace crumb

#endif  // CRUMB_SCORING_SQUAD_H_
