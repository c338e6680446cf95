// Corpus BLEU (Papineni et al. 2002) as sacrebleu computes it (Post 2018,
// https://aclanthology.org/W18-6319): orders 1 to 4, case kept, the closest reference's length,
// exponential smoothing of orders without a match (Chen and Cherry 2014, method 3), and one of two
// tokenizations.
#ifndef CRUMB_SCORING_BLEU_H_
#define CRUMB_SCORING_BLEU_H_

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scoring/scorer.h"

namespace crumb {

// "13a" (the one of WMT) for languages that write spaces, "zh" for Chinese. What sacrebleu's zh
// sets apart is wider than Han: by a slip in its table of blocks (two blocks above U+FFFF written
// as four digits and one) everything from U+2001 to U+2A6D too, dashes and quotation marks among
// them. It is kept, so that scores agree.
enum class BleuTokens { k13a, kZh };

std::vector<std::string> BleuTokenize(std::string_view text, BleuTokens tokens);

struct BleuCounts {
  double prediction_length = 0;
  double reference_length = 0;
  std::array<double, 4> matches{};
  std::array<double, 4> totals{};
};
BleuCounts CountBleu(std::string_view prediction, std::span<const std::string> references,
                     BleuTokens tokens);
// 0 .. 100, from counts that were added up over the items.
double BleuOf(const BleuCounts& counts);

Scorer BleuScorer(BleuTokens tokens);  // "bleu", "bleu_zh"

}  // namespace crumb

#endif  // CRUMB_SCORING_BLEU_H_
