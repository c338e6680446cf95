// What crumb eval says of a text: as JSON, and from it as text.
#ifndef CRUMB_CLI_EVAL_OUTPUT_H_
#define CRUMB_CLI_EVAL_OUTPUT_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "eval/perplexity.h"
#include "eval/perplexity_units.h"
#include "eval/self_noise.h"
#include "eval/text_source.h"

namespace crumb {

// A text scored by a model and, where there is one, a reference.
struct EvalResult {
  std::vector<WindowScore> model;
  std::vector<WindowScore> reference;  // empty without one
  TokenScores tokens;                  // with a reference
  int64_t context = 0;
  int64_t stride = 0;  // 0: llama-perplexity's windows
  TextCounts counts;   // of what was scored; words 0 where a count of words would be of other text
  int64_t overlap_lines = 0;
  std::vector<NoiseScore> noise;  // empty when not asked for
  int64_t noise_windows = 0;
  std::string noise_model;  // "the reference", "the model"
};

Json EvalJson(const EvaluationText& text, const EvalResult& result);
void PrintEval(const Json& json);

}  // namespace crumb

#endif  // CRUMB_CLI_EVAL_OUTPUT_H_
