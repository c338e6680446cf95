// ROUGE-1, ROUGE-2 and ROUGE-L as F1 (Lin 2004, https://aclanthology.org/W04-1013), as the Python
// package rouge-score computes them without stemming: lower case, runs of a-z and 0-9 are the
// tokens, ROUGE-L by the longest common subsequence of the whole text. Of several references the
// best counts; the score of a file is the mean over its items.
//
// That tokenization finds nothing in Chinese. The variants for it take each Han character as a
// token too.
#ifndef CRUMB_SCORING_ROUGE_H_
#define CRUMB_SCORING_ROUGE_H_

#include <string>
#include <string_view>
#include <vector>

#include "scoring/scorer.h"

namespace crumb {

enum class RougeKind { k1, k2, kL };
enum class RougeTokens { kLatin, kHan };

std::vector<std::string> RougeTokenize(std::string_view text, RougeTokens tokens);

// F1, 0 .. 1; 0 where one side has no tokens (ROUGE-2: no pairs). ROUGE-L takes time in the product
// of the two lengths.
double RougeF1(std::string_view prediction, std::string_view reference, RougeKind kind,
               RougeTokens tokens);

Scorer RougeScorer(RougeKind kind, RougeTokens tokens);  // "rouge1", "rougeL_zh", ...

}  // namespace crumb

#endif  // CRUMB_SCORING_ROUGE_H_
