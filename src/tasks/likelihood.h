// Log-likelihoods of continuations behind contexts, for many requests that share beginnings: the
// examples of a task, the question of several answers. Each token is run once for as long as what
// comes next begins alike.
#ifndef CRUMB_TASKS_LIKELIHOOD_H_
#define CRUMB_TASKS_LIKELIHOOD_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/session.h"

namespace crumb {

// tokens[first .. end) are scored; 1 <= first < tokens.size().
struct LikelihoodRequest {
  std::vector<int32_t> tokens;
  int64_t first = 0;
  bool cut = false;  // tokens were left out at the start, since they had no room
};

struct Likelihood {
  double log_probability = 0;  // natural logarithm, sum over the scored tokens
  int64_t tokens = 0;          // scored
  bool greedy = false;         // each scored token was the likeliest (the lowest id among equals)
};

// The tokens of context + continuation, scored from the first token behind those of the context.
// White space at the end of the context goes with the continuation, and the whole is made tokens at
// once, as lm-evaluation-harness does. An empty context is the start token, or the end token of
// models without one. Texts of more than `room` tokens lose their beginning. kInvalidArgument when
// the continuation has no token or more than `room` - 1.
Result<LikelihoodRequest> MakeRequest(const Tokenizer& tokenizer, std::string_view context,
                                      std::string_view continuation, int64_t room);

struct LikelihoodRun {
  std::vector<Likelihood> of;  // in the order of the requests
  int64_t tokens = 0;          // of all requests
  int64_t tokens_run = 0;      // that went through the model
};

// Runs all requests in sequence 0 of the session, in the order of their tokens. `between` is called
// with (done, total) now and then; an error stops. The results depend on which requests there are
// only through the rounding of sums in blocks of rows (docs/tasks.md has the measured size).
// kNumerics: logits that are not finite.
Result<LikelihoodRun> RunLikelihoods(Session& session, std::span<const LikelihoodRequest> requests,
                                     const std::function<Status(int64_t, int64_t)>& between);

}  // namespace crumb

#endif  // CRUMB_TASKS_LIKELIHOOD_H_
