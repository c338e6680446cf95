// The convention of sliding windows (Hugging Face's documentation, "Perplexity of fixed-length
// models"): windows of `context` tokens that begin every `stride` tokens, of each the tokens scored
// that no earlier window scored, so that every token is scored once with at least context - stride
// tokens before it (fewer only at the start of the text).
//
// The model's start token (else its end token) stands in front, as lm-evaluation-harness has it, so
// that the first token of the text is scored too and the likelihood is that of the whole text:
// figures per word, per byte and per character are exact. A stride of context - 1 gives the windows
// of its loglikelihood_rolling with a max_length of context - 1.
#ifndef CRUMB_EVAL_SLIDING_WINDOWS_H_
#define CRUMB_EVAL_SLIDING_WINDOWS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "eval/perplexity_units.h"
#include "tokenizers/tokenizer.h"

namespace crumb {

struct SlidingOptions {
  int64_t context = 512;
  int64_t stride = 256;     // 1 .. context - 1
  int64_t max_windows = 0;  // 0: all
};

struct SlidingWindow {
  std::vector<int32_t> tokens;
  int64_t scored = 0;  // at its end
};

struct SlidingText {
  std::vector<SlidingWindow> windows;
  // Of the text when all of it is scored, whatever its tokens spell (an unknown character has a
  // token and no bytes). With max_windows of what the scored tokens spell; words are then 0 where
  // that is not how the text begins, because the tokenizer rewrites it.
  TextCounts counts;
};

// kInvalidArgument: a stride outside 1 .. context - 1, or an empty text. kUnsupported: a model with
// neither a start nor an end token.
Result<SlidingText> MakeSlidingWindows(const Tokenizer& tokenizer, const std::string& text,
                                       const SlidingOptions& options);

}  // namespace crumb

#endif  // CRUMB_EVAL_SLIDING_WINDOWS_H_
