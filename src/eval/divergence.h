// The statistics that llama-perplexity prints with --kl-divergence, under its names and in its
// order (ggml-org/llama.cpp, tools/perplexity), so that figures can be put side by side. Pure
// functions of per-token values.
//
// Its standard errors take tokens as independent, which makes them too small; TextScore has those
// by window. Where it differs from here: llama-perplexity leaves tokens of the vocabulary with
// ln P <= -16 out of the KL divergence and reads the reference from 16-bit numbers.
#ifndef CRUMB_EVAL_DIVERGENCE_H_
#define CRUMB_EVAL_DIVERGENCE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/score_logits.h"

namespace crumb {

struct DivergenceLine {
  std::string label;  // as llama-perplexity prints it, spaces too, without the colon: "99.9%   KLD"
  std::string key;    // for JSON: "kld_p99.9"
  double value = 0;
  std::optional<double> standard_error;
  std::string_view unit = "";  // "%" for shares, and for probabilities in percent points
};
struct DivergenceGroup {
  std::string title;  // "Perplexity statistics"
  std::vector<DivergenceLine> lines;
};

// `same_top`: positions whose most likely token is the reference's. REQUIRES: three columns of
// equal length, not empty.
std::vector<DivergenceGroup> DivergenceStatistics(const TokenScores& tokens, int64_t same_top);

}  // namespace crumb

#endif  // CRUMB_EVAL_DIVERGENCE_H_
