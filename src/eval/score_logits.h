// From logits to the sums that perplexity, KL divergence and top-token agreement are made of. Pure
// functions of arrays; perplexity.h puts a model and a text around them.
//
// Accuracy of one position: exponentials have a relative error below 2^-21 (see score_logits.cc),
// sums of them are taken in float32 over 256 numbers and in double above, log-probabilities are
// stored as float32. The negative log-likelihood of a token is therefore within 3e-6 nats of the
// exact value, and a stored log-probability l within 3e-6 + 2^-23 |l|.
#ifndef CRUMB_EVAL_SCORE_LOGITS_H_
#define CRUMB_EVAL_SCORE_LOGITS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"

namespace crumb {

// Sums over the scored positions of one window.
struct WindowScore {
  int64_t tokens = 0;
  int64_t characters = 0;  // Unicode code points that the scored tokens stand for
  double nll = 0;          // nats
  double nll_squared = 0;
  double kl = 0;  // KL(reference || this), nats, over the whole vocabulary
  double kl_squared = 0;
  int64_t same_top = 0;  // positions whose most likely token is the reference's
  int64_t bytes = 0;     // of the text that the scored tokens stand for
};

// What became of each scored position, kept where percentiles are asked for: 12 bytes a token. All
// from stored log-probabilities, so that a model compared with itself differs by exactly 0.
struct TokenScores {
  std::vector<float> nll;            // of the token that came, nats
  std::vector<float> reference_nll;  // the same by the reference
  std::vector<float> kl;
};

// log softmax of one row: out[i] = logits[i] - log sum_j exp(logits[j]), in place allowed. Returns
// the log of the sum, or NaN when a logit is not finite (out is then not written).
double LogSoftmax(std::span<const float> logits, std::span<float> out);

// sum_i exp(reference[i]) (reference[i] - other[i]) of two rows of log-probabilities, nats. Exactly
// 0 for equal rows.
double KlDivergence(std::span<const float> reference, std::span<const float> other);

// Index of the largest number, the lowest one among equals.
int64_t ArgMax(std::span<const float> row);

// Scores targets.size() positions; `logits` has that many rows of `vocabulary` numbers, and row i
// predicts targets[i]. `reference`: log-probabilities of the same shape, or empty. `keep`: null, or
// resized and filled with the log-probabilities of this model. `tokens`: null, or appended to, the
// last two only with a reference. Characters and bytes stay 0.
// kNumerics counts the positions with logits that are not finite.
// The sums do not depend on the number of threads.
Result<WindowScore> ScoreLogits(std::span<const float> logits, std::span<const int32_t> targets,
                                int64_t vocabulary, std::span<const float> reference,
                                std::vector<float>* keep, ThreadPool& pool,
                                TokenScores* tokens = nullptr);

}  // namespace crumb

#endif  // CRUMB_EVAL_SCORE_LOGITS_H_
