#include "model/sampler.h"

#include <algorithm>
#include <cmath>

#include "kernels/layers.h"

namespace crumb {

int32_t Sampler::Next(std::span<const float> logits) {
  const auto best = static_cast<int32_t>(ArgMax(logits.data(), std::ssize(logits)));
  if (!(options_.temperature > 0)) return best;
  const double top = logits[static_cast<size_t>(best)];
  if (!std::isfinite(top)) return best;

  candidates_.clear();
  double total = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (!(logits[i] > -INFINITY)) continue;  // also NaN
    const double weight = std::exp((static_cast<double>(logits[i]) - top) / options_.temperature);
    candidates_.push_back({weight, static_cast<int32_t>(i)});
    total += weight;
  }
  size_t kept = candidates_.size();
  if (options_.top_k > 0 || options_.top_p < 1) kept = KeepLikeliest(&total);
  const Candidate* end = candidates_.data() + candidates_.size();
  const Candidate* begin = end - kept;
  double left = rng_.Uniform() * total;
  for (const Candidate* c = end - 1; c > begin; --c) {
    left -= c->weight;
    if (left < 0) return c->token;
  }
  return begin->token;
}

// Moves the candidates that top-k and top-p keep to the end of the list, the likeliest last, and
// makes *total their weight. A heap gives them in order without sorting the rest.
size_t Sampler::KeepLikeliest(double* total) {
  const auto less = [](const Candidate& a, const Candidate& b) {
    return a.weight != b.weight ? a.weight < b.weight : a.token > b.token;
  };
  std::make_heap(candidates_.begin(), candidates_.end(), less);
  const size_t n = candidates_.size();
  const size_t most = options_.top_k > 0 ? std::min(n, static_cast<size_t>(options_.top_k)) : n;
  const auto likeliest = [&](size_t rank) -> const Candidate& { return candidates_[n - 1 - rank]; };

  size_t popped = 0;
  const auto pop = [&] {
    std::pop_heap(candidates_.begin(), candidates_.end() - static_cast<ptrdiff_t>(popped), less);
    ++popped;
  };
  if (most < n) {  // top-p is a share of what top-k left
    *total = 0;
    while (popped < most) {
      pop();
      *total += likeliest(popped - 1).weight;
    }
  }
  if (!(options_.top_p < 1)) {
    while (popped < most) pop();
    return most;
  }
  const double wanted = std::max(options_.top_p, 0.0) * *total;
  double sum = 0;
  size_t kept = 0;
  do {
    if (kept == popped) pop();
    sum += likeliest(kept).weight;
    ++kept;
  } while (kept < most && sum < wanted);
  // Candidates popped but not kept (top-k) lie before the kept ones.
  *total = sum;
  return kept;
}

}  // namespace crumb
