// Perplexity, KL divergence and top-token agreement over windows of text, by the convention of
// llama-perplexity (ggml-org/llama.cpp, tools/perplexity): the text becomes tokens once, special
// tokens added as the model's metadata says; windows of 512 consecutive tokens without overlap,
// what is left at the end is not used; the first token of each window is replaced by the start
// token where the model adds one; the logits at positions 256 .. 510 are scored on the tokens at
// 257 .. 511 (255 a window). docs/texts.md has the texts, score_logits.h the arithmetic.
#ifndef CRUMB_EVAL_PERPLEXITY_H_
#define CRUMB_EVAL_PERPLEXITY_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "eval/score_logits.h"
#include "measure/statistics.h"
#include "model/session.h"

namespace crumb {

struct WindowOptions {
  int64_t context = 512;    // at least 4
  int64_t max_windows = 0;  // 0: all
};

// 512, or what the model was trained for where that is less.
int64_t EvaluationContext(const ModelConfig& config);

// Positions of a window whose next token is scored, and the first of them.
inline int64_t FirstScored(int64_t context) { return context / 2; }
inline int64_t ScoredPositions(int64_t context) { return context - FirstScored(context) - 1; }

// Consecutive windows of tokens. kInvalidArgument when the text has fewer tokens than one window
// ("needs at least N tokens, has M").
Result<std::vector<std::vector<int32_t>>> MakeWindows(const Tokenizer& tokenizer,
                                                      const std::string& text,
                                                      const WindowOptions& options);

// Log-probabilities of the scored positions of one window, kept for comparisons.
struct ReferenceWindow {
  std::vector<float> log_probabilities;  // scored positions x vocabulary, natural logarithms
};

// How a window is run; the default is the convention above.
struct WindowRun {
  int64_t scored = 0;             // positions at its end that are scored; 0: ScoredPositions
  int64_t piece = 0;              // tokens of one forward pass; 0: all at once
  TokenScores* tokens = nullptr;  // where to append what became of each token
};

// Scores a window in a session that is reset first; it needs room for window.size() - 1 tokens.
// `reference` null: the fields of the comparison stay 0; else it must come from the same window, of
// a model with the same vocabulary (kInvalidArgument). `keep` not null: filled from this model.
// kNumerics counts positions whose logits are not finite.
Result<WindowScore> ScoreWindow(Session& session, std::span<const int32_t> window,
                                const ReferenceWindow* reference, ReferenceWindow* keep,
                                const WindowRun& run = {});

// Means over the scored tokens of all windows. Windows are the clusters of every interval (tokens
// of one window depend on each other), so one window alone has no interval worth the name.
struct TextScore {
  Estimate nll;                     // nats per token
  double perplexity = 0;            // exp(nll)
  Interval perplexity_interval;     // exp of the interval of nll
  double perplexity_se = 0;         // perplexity * standard error of nll (delta method)
  double perplexity_se_tokens = 0;  // as llama-perplexity prints: tokens taken as independent
  double bits_per_character = 0;    // nll in bits over the code points that the tokens stand for
  Estimate kl;                      // nats per token
  double top_agreement = 0;         // share of positions, 0 .. 1
  Interval top_agreement_interval;  // cut to 0 .. 1
  int64_t tokens = 0;
  int64_t windows = 0;
};
// `windows` is not empty.
TextScore Summarize(std::span<const WindowScore> windows);

// Perplexity of a over that of b on the same windows: exp(mean difference), interval from the
// paired differences by window; standard_error by the delta method. REQUIRES: equal numbers of
// windows and, window by window, of tokens.
Estimate PerplexityRatio(std::span<const WindowScore> a, std::span<const WindowScore> b);

}  // namespace crumb

#endif  // CRUMB_EVAL_PERPLEXITY_H_
