#include "eval/self_noise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "base/check.h"

namespace crumb {
namespace {

// Another way to run the same window.
struct Probe {
  NoiseScore score;
  Session* session;
  int64_t piece;
  double nll = 0;
  double kl_sum = 0;
};

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

Status RunProbe(std::span<const int32_t> window, const ReferenceWindow& reference, Probe* probe) {
  ReferenceWindow own;
  TokenScores tokens;
  CRUMB_ASSIGN_OR_RETURN(const WindowScore score,
                         ScoreWindow(*probe->session, window, &reference, &own,
                                     {.piece = probe->piece, .tokens = &tokens}));
  NoiseScore& noise = probe->score;
  noise.identical = noise.identical && SameBits(own.log_probabilities, reference.log_probabilities);
  for (const float kl : tokens.kl) {
    noise.kl_max = std::max(noise.kl_max, static_cast<double>(kl));
  }
  noise.tokens += score.tokens;
  noise.changed_top += score.tokens - score.same_top;
  probe->nll += score.nll;
  probe->kl_sum += score.kl;
  return OkStatus();
}

}  // namespace

Result<std::vector<NoiseScore>> MeasureSelfNoise(
    Session& session, const SessionOptions& options, std::span<const std::vector<int32_t>> windows,
    const std::function<Status(size_t)>& before_window) {
  CRUMB_CHECK(!windows.empty());
  const int threads = session.pool().size();
  const int other_threads = threads == 1 ? 2 : 1;
  ThreadPool other_pool(other_threads);
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Session> other,
                         Session::Create(session.model(), other_pool, options));
  std::vector<Probe> probes = {{{.name = fmt::format("{} thread{} instead of {}", other_threads,
                                                     other_threads == 1 ? "" : "s", threads),
                                 .by_design = true},
                                other.get(),
                                0},
                               {{.name = "passes of 64 tokens"}, &session, 64},
                               {{.name = "one token at a time"}, &session, 1}};
  for (Probe& probe : probes) probe.score.identical = true;

  double nll = 0;
  for (size_t w = 0; w < windows.size(); ++w) {
    CRUMB_RETURN_IF_ERROR(before_window(w));
    ReferenceWindow reference;
    CRUMB_ASSIGN_OR_RETURN(const WindowScore score,
                           ScoreWindow(session, windows[w], nullptr, &reference));
    nll += score.nll;
    for (Probe& probe : probes) {
      CRUMB_RETURN_IF_ERROR(RunProbe(windows[w], reference, &probe));
    }
  }
  std::vector<NoiseScore> scores;
  for (Probe& probe : probes) {
    const auto tokens = static_cast<double>(probe.score.tokens);
    probe.score.kl = probe.kl_sum / tokens;
    probe.score.perplexity_ratio = std::exp((probe.nll - nll) / tokens);
    scores.push_back(std::move(probe.score));
  }
  return scores;
}

}  // namespace crumb
