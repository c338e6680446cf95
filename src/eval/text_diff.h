// Where two models part on the same text: the positions at which their predictions differ most.
#ifndef CRUMB_EVAL_TEXT_DIFF_H_
#define CRUMB_EVAL_TEXT_DIFF_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "model/session.h"

namespace crumb {

// One position of a window: both models have read the tokens up to and with `position` and predict
// the next one.
struct TokenDiff {
  int64_t window = 0;
  int64_t position = 0;
  int32_t target = 0;   // the next token of the text
  double target_a = 0;  // its probability by either
  double target_b = 0;
  int32_t top_a = 0;  // the likeliest token by either, the lower id among equals
  int32_t top_b = 0;
  double probability_a = 0;  // of its own likeliest token
  double probability_b = 0;
  double kl = 0;  // KL(a || b), nats
};

struct TextDiff {
  int64_t positions = 0;
  int64_t same_top = 0;  // positions at which both have the same likeliest token
  double kl = 0;         // sum over the positions, nats
  // The positions with the largest KL whose likeliest tokens differ, largest first.
  std::vector<TokenDiff> parted;
};

// Adds a window to `diff` and keeps the `most` positions that differ most. The second half of the
// window is looked at, as in ScoreWindow. REQUIRES: both models have the same vocabulary.
Status DiffWindow(Session& a, Session& b, std::span<const int32_t> window, int64_t number,
                  size_t most, TextDiff* diff);

}  // namespace crumb

#endif  // CRUMB_EVAL_TEXT_DIFF_H_
