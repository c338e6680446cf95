// Choosing the next token. Deterministic for a seed: crumb's own generator, ties go to the lower
// id.
#ifndef CRUMB_MODEL_SAMPLER_H_
#define CRUMB_MODEL_SAMPLER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/rng.h"

namespace crumb {

struct SamplerOptions {
  double temperature = 0;  // 0: greedy
  int top_k = 0;           // 0: off
  double top_p = 1;        // nucleus (Holtzman et al. 2020); 1: off
  uint64_t seed = 1;
};

class Sampler {
 public:
  explicit Sampler(const SamplerOptions& options) : options_(options), rng_(options.seed) {}
  // `logits` of one position (at least one number); NaN counts as minus infinity. Order:
  // temperature, top-k, top-p.
  int32_t Next(std::span<const float> logits);

 private:
  struct Candidate {
    double weight;
    int32_t token;
  };
  double CollectAbove(double least);
  size_t KeepLikeliest(double* total);

  SamplerOptions options_;
  Rng rng_;
  // Both kept between calls.
  std::vector<double> weights_;  // of each token: exp((logit - largest) / temperature)
  std::vector<Candidate> candidates_;
};

}  // namespace crumb

#endif  // CRUMB_MODEL_SAMPLER_H_
