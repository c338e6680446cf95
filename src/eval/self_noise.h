// The noise floor of a machine: a model against itself, run in another way that should not matter.
// What comes out is how far apart two figures of one model may lie without any change to it.
//
// Results do not depend on the number of threads by design: each row of a product is one thread's,
// and sums over positions are taken in order. They do depend on how many tokens go through the
// model in one pass, since one token and many take different kernels, which add in another order.
#ifndef CRUMB_EVAL_SELF_NOISE_H_
#define CRUMB_EVAL_SELF_NOISE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "eval/perplexity.h"
#include "model/session.h"

namespace crumb {

struct NoiseScore {
  std::string name;        // "1 thread instead of 2"
  bool by_design = false;  // equal bits are promised
  bool identical = false;  // all log-probabilities have the same bits
  double kl = 0;           // mean over the scored tokens, nats
  double kl_max = 0;
  double perplexity_ratio = 1;
  int64_t changed_top = 0;  // positions with another most likely token
  int64_t tokens = 0;
};

// The model of `session` on each window: first as ScoreWindow runs it, then with another number of
// threads, in pieces of 64 tokens, and one token at a time. `before_window` is called with each
// window's index; an error from it ends the run. REQUIRES: windows not empty.
Result<std::vector<NoiseScore>> MeasureSelfNoise(
    Session& session, const SessionOptions& options, std::span<const std::vector<int32_t>> windows,
    const std::function<Status(size_t)>& before_window);

}  // namespace crumb

#endif  // CRUMB_EVAL_SELF_NOISE_H_
