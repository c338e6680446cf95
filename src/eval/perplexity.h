// Perplexity, KL divergence and top-token agreement over windows of text, by the convention of
// llama-perplexity: windows of 512 tokens without overlap, the start token put in the first place where
// the model adds one, only positions in the second half scored (255 of 512). docs/measuring.md.
#ifndef CRUMB_EVAL_PERPLEXITY_H_
#define CRUMB_EVAL_PERPLEXITY_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "measure/statistics.h"
#include "model/session.h"

namespace crumb {

struct WindowOptions {
  int64_t context = 512;
  int64_t max_windows = 0;  // 0: all
};

// Consecutive windows of tokens. kInvalidArgument when the text has fewer tokens than one window
// ("needs at least N tokens, has M").
Result<std::vector<std::vector<int32_t>>> MakeWindows(const Tokenizer& tokenizer,
                                                      const std::string& text,
                                                      const WindowOptions& options);

// Sums over the scored positions of one window.
struct WindowScore {
  int64_t tokens = 0;
  int64_t characters = 0;   // Unicode code points that the scored tokens stand for
  double nll = 0;           // nats
  double nll_squared = 0;
  double kl = 0;            // KL(reference || this), nats, over the whole vocabulary
  double kl_squared = 0;
  int64_t same_top = 0;     // positions whose most likely token is the reference's
};

// Log-probabilities of the scored positions of one window, kept for comparisons.
struct ReferenceWindow {
  std::vector<float> log_probabilities;  // scored positions x vocabulary
};

// Scores a window. `reference` null: KL fields stay 0. `keep` not null: filled from this model.
// kNumerics counts positions whose logits are not finite.
Result<WindowScore> ScoreWindow(Session& session, std::span<const int32_t> window,
                                const ReferenceWindow* reference, ReferenceWindow* keep);

struct TextScore {
  Estimate nll;                // per token; windows are the clusters
  double perplexity = 0;
  Interval perplexity_interval;
  double perplexity_se = 0;        // clustered by window
  double perplexity_se_tokens = 0;  // as llama-perplexity prints: tokens taken as independent
  double bits_per_character = 0;
  Estimate kl;
  double top_agreement = 0;
  Interval top_agreement_interval;
  int64_t tokens = 0;
  int64_t windows = 0;
};
TextScore Summarize(std::span<const WindowScore> windows);

// Perplexity of a over that of b on the same windows: exp(mean difference), interval from the paired
// differences by window.
Estimate PerplexityRatio(std::span<const WindowScore> a, std::span<const WindowScore> b);

}  // namespace crumb

#endif  // CRUMB_EVAL_PERPLEXITY_H_
