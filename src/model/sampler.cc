#include "model/sampler.h"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "kernels/layers.h"

namespace crumb {

int32_t Sampler::Next(std::span<const float> logits) {
  const auto best = static_cast<int32_t>(ArgMax(logits.data(), std::ssize(logits)));
  if (!(options_.temperature > 0)) return best;
  const double top = logits[static_cast<size_t>(best)];
  if (!std::isfinite(top)) return best;

  weights_.resize(logits.size());
  double total = Exponentials(logits.data(), std::ssize(logits), top, 1 / options_.temperature,
                              weights_.data());
  if (options_.top_k > 0 || options_.top_p < 1) {
    const size_t kept = KeepLikeliest(&total);
    const Candidate* end = candidates_.data() + candidates_.size();
    const Candidate* begin = end - kept;
    double left = rng_.Uniform() * total;
    for (const Candidate* c = end - 1; c > begin; --c) {
      left -= c->weight;
      if (left < 0) return c->token;
    }
    return begin->token;
  }
  double left = rng_.Uniform() * total;
  size_t last = 0;  // the least token that can be drawn, where rounding leaves something over
  for (size_t i = weights_.size(); i-- > 0;) {
    if (weights_[i] == 0) continue;
    last = i;
    left -= weights_[i];
    if (left < 0) break;
  }
  return static_cast<int32_t>(last);
}

// The tokens whose weight is at least `least` become the candidates; returns their weight.
double Sampler::CollectAbove(double least) {
  candidates_.clear();
  double sum = 0;
  for (size_t i = 0; i < weights_.size(); ++i) {
    if (weights_[i] < least) continue;
    candidates_.push_back({weights_[i], static_cast<int32_t>(i)});
    sum += weights_[i];
  }
  return sum;
}

// Makes a list of candidates whose last ones are those that top-k and top-p keep, the likeliest
// last, returns how many these are, and makes *total their weight. First only tokens of some weight
// are looked at; all of them, if these do not suffice. A heap gives them in order without sorting
// the rest.
size_t Sampler::KeepLikeliest(double* total) {
  const auto less = [](const Candidate& a, const Candidate& b) {
    return a.weight != b.weight ? a.weight < b.weight : a.token > b.token;
  };
  // The largest weight is 1.
  constexpr double kLeast[] = {0x1p-5, 0x1p-10, 0x1p-15, 0x1p-20, 0x1p-30, DBL_TRUE_MIN};
  const double all = *total;
  for (const double least : kLeast) {
    const bool last = least == DBL_TRUE_MIN;
    const double collected = CollectAbove(least);
    // Roundings may leave the sum in another order below what is wanted: the loop then goes on.
    const bool too_few = options_.top_k > 0
                             ? candidates_.size() < static_cast<size_t>(options_.top_k)
                             : collected < options_.top_p * all;
    if (too_few && !last) continue;
    std::make_heap(candidates_.begin(), candidates_.end(), less);
    const size_t n = candidates_.size();
    const auto top_k = static_cast<size_t>(std::max(options_.top_k, 0));
    const size_t most = top_k > 0 ? std::min(n, top_k) : n;
    size_t popped = 0;
    const auto pop = [&]() -> const Candidate& {
      std::pop_heap(candidates_.begin(), candidates_.end() - static_cast<ptrdiff_t>(popped), less);
      ++popped;
      return candidates_[n - popped];
    };
    if (top_k > 0) {  // top-p is a share of what top-k left
      *total = 0;
      while (popped < most) *total += pop().weight;
    }
    if (!(options_.top_p < 1)) return most;
    const double wanted = std::max(options_.top_p, 0.0) * (top_k > 0 ? *total : all);
    double sum = 0;
    size_t kept = 0;
    do {
      if (kept == popped) pop();
      sum += candidates_[n - 1 - kept].weight;
      ++kept;
    } while (kept < most && sum < wanted);
    // Candidates popped but not kept (top-k) lie before the kept ones.
    *total = sum;
    if (sum >= wanted || top_k > 0 || last) return kept;
  }
  return 0;  // not reached
}

}  // namespace crumb
