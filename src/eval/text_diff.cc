#include "eval/text_diff.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "eval/perplexity.h"
#include "eval/score_logits.h"

namespace crumb {
namespace {

// Log-probabilities of the scored positions, row by row.
Result<std::vector<float>> LogProbabilities(Session& session, std::span<const int32_t> window,
                                            int64_t scored) {
  std::vector<float> logits;
  session.Reset();
  CRUMB_RETURN_IF_ERROR(session.Forward(window.first(window.size() - 1), scored, &logits));
  const size_t vocabulary = logits.size() / static_cast<size_t>(scored);
  std::vector<char> finite(static_cast<size_t>(scored));
  session.pool().ParallelFor(scored, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      const std::span<float> values(logits.data() + static_cast<size_t>(row) * vocabulary,
                                    vocabulary);
      finite[static_cast<size_t>(row)] = std::isfinite(LogSoftmax(values, values)) ? 1 : 0;
    }
  });
  if (std::ranges::count(finite, 0) > 0) {
    return NumericsError("the model's output is not finite; its weights are damaged");
  }
  return logits;
}

bool DiffersMore(const TokenDiff& x, const TokenDiff& y) { return x.kl > y.kl; }

}  // namespace

Status DiffWindow(Session& a, Session& b, std::span<const int32_t> window, int64_t number,
                  size_t most, TextDiff* diff) {
  CRUMB_CHECK(window.size() >= 4);
  const int64_t scored = ScoredPositions(std::ssize(window));
  CRUMB_ASSIGN_OR_RETURN(const std::vector<float> of_a, LogProbabilities(a, window, scored));
  CRUMB_ASSIGN_OR_RETURN(const std::vector<float> of_b, LogProbabilities(b, window, scored));
  CRUMB_CHECK(of_a.size() == of_b.size());
  const size_t vocabulary = of_a.size() / static_cast<size_t>(scored);
  const auto probability = [](std::span<const float> row, int64_t token) {
    return std::exp(static_cast<double>(row[static_cast<size_t>(token)]));
  };
  for (int64_t i = 0; i < scored; ++i) {
    const size_t at = static_cast<size_t>(i) * vocabulary;
    const std::span<const float> row_a(of_a.data() + at, vocabulary);
    const std::span<const float> row_b(of_b.data() + at, vocabulary);
    TokenDiff token;
    token.window = number;
    token.position = std::ssize(window) - 1 - scored + i;
    token.target = window[static_cast<size_t>(token.position + 1)];
    token.top_a = static_cast<int32_t>(ArgMax(row_a));
    token.top_b = static_cast<int32_t>(ArgMax(row_b));
    token.kl = KlDivergence(row_a, row_b);
    ++diff->positions;
    diff->kl += token.kl;
    if (token.top_a == token.top_b) {
      ++diff->same_top;
      continue;
    }
    token.target_a = probability(row_a, token.target);
    token.target_b = probability(row_b, token.target);
    token.probability_a = probability(row_a, token.top_a);
    token.probability_b = probability(row_b, token.top_b);
    diff->parted.push_back(token);
  }
  std::ranges::stable_sort(diff->parted, DiffersMore);
  if (diff->parted.size() > most) diff->parted.resize(most);
  return OkStatus();
}

}  // namespace crumb
