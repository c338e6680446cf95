#include "quant/trellis_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"

namespace crumb {
namespace {

const TrellisCodec* Get(int bits) {
  const TrellisCodec* const codecs[] = {Trellis1Codec(), Trellis2Codec(), Trellis3Codec(),
                                        Trellis4Codec()};
  return codecs[bits - 1];
}

TrellisSearch SearchOf(const TrellisCodec& codec) {
  return {codec.bits(), StateValues(codec, codec.default_tables())};
}

std::vector<float> Gaussian(int64_t n, uint64_t seed, double sigma) {
  Rng rng(seed);
  std::vector<float> values(static_cast<size_t>(n));
  for (float& v : values) v = static_cast<float>(sigma * rng.Gaussian());
  return values;
}

double Cost(const TrellisSearch& search, const std::vector<float>& targets,
            const std::vector<float>& weights, const std::vector<uint32_t>& states) {
  double cost = 0;
  for (size_t r = 0; r < targets.size(); ++r) {
    const double error =
        double{weights[r]} * (double{targets[r]} - double{search.values()[states[r]]});
    cost += error * error;
  }
  return cost;
}

// The least cost of any path over rows r, r + 1, ..., by trying all of them.
double BruteForce(const TrellisSearch& search, const std::vector<float>& targets,
                  const std::vector<float>& weights, size_t r, uint32_t state) {
  if (r == targets.size()) return 0;
  double least = std::numeric_limits<double>::infinity();
  for (uint32_t symbol = 0; symbol < 1u << search.bits(); ++symbol) {
    const uint32_t next = (state << search.bits() | symbol) & ((1u << search.state_bits()) - 1);
    const double error = double{weights[r]} * (double{targets[r]} - double{search.values()[next]});
    least = std::min(least, error * error + BruteForce(search, targets, weights, r + 1, next));
  }
  return least;
}

void ExpectValidPath(const TrellisSearch& search, const std::vector<uint32_t>& states) {
  const uint32_t mask = (1u << search.state_bits()) - 1;
  uint32_t before = 0;
  for (size_t r = 0; r < states.size(); ++r) {
    ASSERT_EQ(states[r] >> search.bits(), (before << search.bits() & mask) >> search.bits())
        << "row " << r;
    before = states[r];
  }
}

class TrellisSearchEach : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Bits, TrellisSearchEach, testing::Values(1, 2, 3, 4));

TEST_P(TrellisSearchEach, IsOptimalAgainstBruteForce) {
  const int bits = GetParam();
  ThreadPool pool(1);
  Rng rng(static_cast<uint64_t>(bits));
  // Few state bits, so that paths part and meet again within the rows that brute force can try.
  for (int trial = 0; trial < 20; ++trial) {
    TrellisSearch search(bits, Gaussian(int64_t{1} << (bits + 7), rng.Next(), 1.0));
    const int64_t rows = bits < 3 ? 16 / bits : bits == 3 ? 6 : 5;
    const std::vector<float> targets = Gaussian(rows, rng.Next(), 1.0);
    std::vector<float> weights = Gaussian(rows, rng.Next(), 1.0);
    for (float& w : weights) w = std::exp(w);
    if (trial % 3 == 0) weights[1] = 0;
    std::vector<uint32_t> states(targets.size());
    search.FindColumn(targets, weights, 0, pool, states);
    ExpectValidPath(search, states);
    const double least = BruteForce(search, targets, weights, 0, 0);
    // In each row a cost is changed by at most 2^(bits - 23) of itself (kernels/trellis_step.cc)
    // and by the rounding of a few float32 operations.
    EXPECT_NEAR(Cost(search, targets, weights, states), least, 1e-5 * (1 + least));
  }
}

// The least cost of a column by the plain algorithm in float64, without segments.
double PlainViterbi(const TrellisSearch& search, const std::vector<float>& targets) {
  const size_t states = search.values().size();
  const size_t choices = size_t{1} << search.bits();
  std::vector<double> costs(states, std::numeric_limits<double>::infinity());
  std::vector<double> next(states);
  costs[0] = 0;
  for (const float target : targets) {
    for (size_t s = 0; s < states; ++s) {
      double least = std::numeric_limits<double>::infinity();
      for (size_t x = 0; x < choices; ++x) {
        least = std::min(least, costs[(s >> search.bits()) + x * (states / choices)]);
      }
      const double error = double{target} - double{search.values()[s]};
      next[s] = least + error * error;
    }
    costs.swap(next);
  }
  return *std::ranges::min_element(costs);
}

TEST_P(TrellisSearchEach, SegmentsLoseAlmostNothing) {
  const TrellisCodec& codec = *Get(GetParam());
  TrellisSearch search = SearchOf(codec);
  ThreadPool pool(1);
  constexpr int64_t kRows = 3300;  // 12 segments
  const std::vector<float> targets = Gaussian(kRows, 11, codec.sigma_in_steps());
  const std::vector<float> weights(static_cast<size_t>(kRows), 1.0f);
  std::vector<uint32_t> states(static_cast<size_t>(kRows));
  search.FindColumn(targets, weights, 0, pool, states);
  ExpectValidPath(search, states);
  const double cost = Cost(search, targets, weights, states);
  const double least = PlainViterbi(search, targets);
  EXPECT_GE(cost, least * (1 - 1e-6));
  // Each of the 11 cuts loses at most about one row's error, by both the unknown beginning and the
  // path being led there.
  EXPECT_LE(cost, least * (1 + 11.0 / kRows));
}

TEST_P(TrellisSearchEach, SameStatesForAnyNumberOfThreads) {
  const TrellisCodec& codec = *Get(GetParam());
  constexpr int64_t kRows = 1000;
  const std::vector<float> targets = Gaussian(kRows, 12, codec.sigma_in_steps());
  const std::vector<float> weights(static_cast<size_t>(kRows), 1.0f);
  std::vector<std::vector<uint32_t>> found;
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    TrellisSearch search = SearchOf(codec);
    found.emplace_back(static_cast<size_t>(kRows));
    search.FindColumn(targets, weights, 0, pool, found.back());
  }
  EXPECT_EQ(found[0], found[1]);
  EXPECT_EQ(found[0], found[2]);
}

TEST_P(TrellisSearchEach, ShortColumnsWork) {
  const TrellisCodec& codec = *Get(GetParam());
  TrellisSearch search = SearchOf(codec);
  ThreadPool pool(2);
  for (const int64_t rows : {1, 2, 7, 193}) {
    const std::vector<float> targets = Gaussian(rows, 13, codec.sigma_in_steps());
    const std::vector<float> weights(targets.size(), 1.0f);
    std::vector<uint32_t> states(targets.size());
    search.FindColumn(targets, weights, 0, pool, states);
    ExpectValidPath(search, states);
  }
}

}  // namespace
}  // namespace crumb
