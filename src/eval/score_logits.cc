#include "eval/score_logits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace crumb {
namespace {

// Loops over a row run over kLanes independent accumulators, which is what lets the compiler use
// vector registers without reordering a sum, and hand their floats to a double every kBlock
// numbers.
constexpr size_t kLanes = 16;
constexpr size_t kBlock = 256;

// Lowest stored log-probability: differences of two and their products with probabilities stay
// finite.
constexpr float kLowest = -1e30f;

// e^x for x <= 0, in a form that vectorizes: e^x = 2^n e^r with n = round(x / ln 2) and |r| <= ln 2
// / 2, e^r by its Taylor polynomial of degree 7. The remainder, r^8 / 8!, is below 5.2e-9 and the
// float32 roundings of Horner's rule below 2^-22; ln 2 is split in two so that r keeps its low bits
// (Cody and Waite 1980). Below -87 the result stays at e^-87.
inline float ExpOfNonPositive(float x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it leaves an integer in the low bits
  constexpr float kInverseLn2 = 1.44269504f;
  constexpr float kLn2High = 0.693145752f;  // 15 bits, so that n * kLn2High is exact
  constexpr float kLn2Low = 1.42860677e-6f;
  x = x < -87.0f ? -87.0f : x;
  const float shifted = x * kInverseLn2 + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  float p = 1.0f / 5040.0f;
  p = p * r + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const uint32_t exponent = (std::bit_cast<uint32_t>(shifted) + 127u) << 23;
  return p * std::bit_cast<float>(exponent);
}

// Sum of term(i) for i in [0, n).
template <typename Term>
inline double BlockedSum(size_t n, Term term) {
  double total = 0;
  size_t i = 0;
  while (i + kLanes <= n) {
    const size_t end = std::min(i + kBlock, n - n % kLanes);
    std::array<float, kLanes> sums{};
    for (; i < end; i += kLanes) {
      for (size_t lane = 0; lane < kLanes; ++lane) sums[lane] += term(i + lane);
    }
    for (const float sum : sums) total += static_cast<double>(sum);
  }
  for (; i < n; ++i) total += static_cast<double>(term(i));
  return total;
}

float Maximum(std::span<const float> row) {
  std::array<float, kLanes> best;
  best.fill(-std::numeric_limits<float>::infinity());
  size_t i = 0;
  for (; i + kLanes <= row.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      best[lane] = row[i + lane] > best[lane] ? row[i + lane] : best[lane];
    }
  }
  float maximum = *std::ranges::max_element(best);
  for (; i < row.size(); ++i) maximum = std::max(maximum, row[i]);
  return maximum;
}

bool AllFinite(std::span<const float> row) {
  constexpr uint32_t kExponent = 0x7f800000u;
  uint32_t bad = 0;
  for (const float x : row) {
    bad |= (std::bit_cast<uint32_t>(x) & kExponent) == kExponent ? 1u : 0u;
  }
  return bad == 0;
}

// What one position adds to the sums.
struct PositionScore {
  double nll = 0;
  double kl = 0;
  float stored_nll = 0;
  float reference_nll = 0;
  bool same_top = false;
  bool finite = true;
};

}  // namespace

double LogSoftmax(std::span<const float> logits, std::span<float> out) {
  if (!AllFinite(logits)) return std::numeric_limits<double>::quiet_NaN();
  const float maximum = Maximum(logits);
  const double sum =
      BlockedSum(logits.size(), [&](size_t i) { return ExpOfNonPositive(logits[i] - maximum); });
  const double log_sum = std::log(sum);
  const auto shift = static_cast<float>(log_sum);
  for (size_t i = 0; i < logits.size(); ++i) {
    const float value = (logits[i] - maximum) - shift;
    out[i] = value < kLowest ? kLowest : value;
  }
  return static_cast<double>(maximum) + log_sum;
}

double KlDivergence(std::span<const float> reference, std::span<const float> other) {
  CRUMB_CHECK(reference.size() == other.size());
  return BlockedSum(reference.size(), [&](size_t i) {
    return ExpOfNonPositive(reference[i]) * (reference[i] - other[i]);
  });
}

int64_t ArgMax(std::span<const float> row) {
  return std::ranges::find(row, Maximum(row)) - row.begin();
}

Result<WindowScore> ScoreLogits(std::span<const float> logits, std::span<const int32_t> targets,
                                int64_t vocabulary, std::span<const float> reference,
                                std::vector<float>* keep, ThreadPool& pool, TokenScores* tokens) {
  const auto width = static_cast<size_t>(vocabulary);
  CRUMB_CHECK(logits.size() == targets.size() * width);
  CRUMB_CHECK(reference.empty() || reference.size() == logits.size());
  if (keep != nullptr) keep->resize(logits.size());

  std::vector<PositionScore> positions(targets.size());
  pool.ParallelFor(static_cast<int64_t>(targets.size()), 1, [&](int64_t begin, int64_t end, int) {
    std::vector<float> scratch(keep == nullptr ? width : 0);
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      const auto row = logits.subspan(i * width, width);
      const auto own =
          keep == nullptr ? std::span(scratch) : std::span(*keep).subspan(i * width, width);
      PositionScore& position = positions[i];
      const double log_sum = LogSoftmax(row, own);
      position.finite = !std::isnan(log_sum);
      if (!position.finite) continue;
      const auto target = static_cast<size_t>(targets[i]);
      position.nll = log_sum - static_cast<double>(row[target]);
      position.stored_nll = -own[target];
      if (reference.empty()) continue;
      const auto other = reference.subspan(i * width, width);
      position.kl = KlDivergence(other, own);
      // Both from stored log-probabilities, so that equal models agree also where rounding makes
      // ties.
      position.same_top = ArgMax(other) == ArgMax(own);
      position.reference_nll = -other[target];
    }
  });

  const auto bad = std::ranges::count_if(positions, [](const auto& p) { return !p.finite; });
  if (bad > 0) {
    return NumericsError(
        fmt::format("{} of {} positions have logits that are not finite", bad, positions.size()));
  }
  WindowScore score;
  score.tokens = static_cast<int64_t>(positions.size());
  for (const PositionScore& position : positions) {
    score.nll += position.nll;
    score.nll_squared += position.nll * position.nll;
    score.kl += position.kl;
    score.kl_squared += position.kl * position.kl;
    score.same_top += position.same_top ? 1 : 0;
    if (tokens == nullptr) continue;
    tokens->nll.push_back(position.stored_nll);
    if (reference.empty()) continue;
    tokens->reference_nll.push_back(position.reference_nll);
    tokens->kl.push_back(static_cast<float>(position.kl));
  }
  return score;
}

}  // namespace crumb
