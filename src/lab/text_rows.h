// What a model does on a text, as rows: from the scores of windows, by a study (quality_step.cc)
// and by crumb eval.
#ifndef CRUMB_LAB_TEXT_ROWS_H_
#define CRUMB_LAB_TEXT_ROWS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eval/perplexity.h"
#include "eval/text_source.h"
#include "evidence/evidence.h"
#include "kernels/matmul.h"
#include "lab/model_row.h"

namespace crumb {

inline constexpr std::string_view kPerplexityMethod = "perplexity-llama";

struct ScoredText {
  const EvaluationText* text;
  int64_t context;  // tokens of a window
  ActivationType activations;
  std::span<const WindowScore> scores;     // not empty
  std::span<const WindowScore> reference;  // of the same windows; empty: there is none
  int64_t overlap_lines = 0;               // of the text that the model was calibrated on
  std::string_view method = kPerplexityMethod;
};

// Perplexity and bits per character; with a reference the ratio, the divergence and the agreement.
std::vector<Evidence> TextRows(const RowMaker& make, const ScoredText& text);

// Ratio and divergence alone. `axis`, where it is not empty, is named in the options of rows that
// are only compared with one another.
std::vector<Evidence> ComparisonRows(const RowMaker& make, const ScoredText& text,
                                     std::string_view axis);

}  // namespace crumb

#endif  // CRUMB_LAB_TEXT_ROWS_H_
