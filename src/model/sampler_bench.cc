// Times the choice of a token: microseconds for one of 49,152 logits, as SmolLM2 has, by the ways
// to choose. One thread, its processor time; medians of five rounds.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <vector>

#include "base/rng.h"
#include "kernels/kernel_set.h"
#include "model/sampler.h"

namespace crumb {
namespace {

double Now() {
  struct timespec now {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double MicrosecondsOf(const SamplerOptions& options, const std::vector<float>& logits) {
  constexpr int kRounds = 5, kDraws = 50;
  Sampler sampler(options);
  std::vector<double> seconds;
  for (int round = 0; round < kRounds; ++round) {
    const double start = Now();
    for (int i = 0; i < kDraws; ++i) sampler.Next(logits);
    seconds.push_back((Now() - start) / kDraws);
  }
  std::sort(seconds.begin(), seconds.end());
  return 1e6 * seconds[kRounds / 2];
}

int Main() {
  Rng rng(1);
  std::vector<float> logits(49152);
  for (float& v : logits) v = static_cast<float>(3 * rng.Gaussian());
  struct Case {
    const char* name;
    SamplerOptions options;
  };
  const Case cases[] = {{"greedy", {}},
                        {"temperature 0.8", {.temperature = 0.8}},
                        {"temperature 0.8, top-k 40", {.temperature = 0.8, .top_k = 40}},
                        {"temperature 0.8, top-p 0.95", {.temperature = 0.8, .top_p = 0.95}}};
  fmt::print("| kernels {} | us |\n| --- | ---: |\n", ActiveKernelSet());
  for (const Case& one : cases) {
    fmt::print("| {} | {:.1f} |\n", one.name, MicrosecondsOf(one.options, logits));
  }
  return 0;
}

}  // namespace
}  // namespace crumb

int main() { return crumb::Main(); }
