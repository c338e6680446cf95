#include "model/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

#include "base/rng.h"

namespace crumb {
namespace {

std::map<int32_t, int> Draw(const SamplerOptions& options, const std::vector<float>& logits,
                            int count) {
  Sampler sampler(options);
  std::map<int32_t, int> counts;
  for (int i = 0; i < count; ++i) ++counts[sampler.Next(logits)];
  return counts;
}

TEST(Sampler, GreedyTakesTheLargestAndTheLowerIdOfEquals) {
  EXPECT_EQ(Sampler({}).Next(std::vector<float>{1, 3, 3, 2}), 1);
  EXPECT_EQ(Sampler({}).Next(std::vector<float>{NAN, -5, NAN, -7}), 1);
}

TEST(Sampler, FrequenciesFollowTheSoftmax) {
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f), -INFINITY,
                                     NAN};
  constexpr int kDraws = 20000;
  const std::map<int32_t, int> counts = Draw({.temperature = 1, .seed = 5}, logits, kDraws);
  ASSERT_EQ(counts.size(), 3u);
  const double expected[] = {0.5, 0.3, 0.2};
  for (int32_t i = 0; i < 3; ++i) {
    // Five standard deviations of a binomial share.
    const double share = expected[i];
    EXPECT_NEAR(counts.at(i) / double{kDraws}, share, 5 * std::sqrt(share * (1 - share) / kDraws));
  }
}

TEST(Sampler, TemperatureSharpens) {
  const std::vector<float> logits = {1, 0};
  const double cold = Draw({.temperature = 0.5}, logits, 20000)[0] / 20000.0;
  EXPECT_NEAR(cold, 1 / (1 + std::exp(-2.0)), 0.02);
}

TEST(Sampler, TopKKeepsTheKLikeliestAndTheLowerIdsOfEquals) {
  const std::map<int32_t, int> counts = Draw({.temperature = 1, .top_k = 2}, {0, 1, 1, 1, -1}, 500);
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_TRUE(counts.contains(1) && counts.contains(2));
}

TEST(Sampler, TopPKeepsTheSmallestSetThatReachesP) {
  const std::vector<float> logits = {std::log(0.1f), std::log(0.5f), std::log(0.4f)};
  EXPECT_EQ(Draw({.temperature = 1, .top_p = 0.45}, logits, 300).size(), 1u);
  const auto two = Draw({.temperature = 1, .top_p = 0.85}, logits, 300);
  EXPECT_EQ(two.size(), 2u);
  EXPECT_FALSE(two.contains(0));
  EXPECT_EQ(Draw({.temperature = 1, .top_p = 0.0}, logits, 300).size(), 1u);
}

TEST(Sampler, TopPIsAShareOfWhatTopKLeft) {
  // Of 0.4 and 0.3, the first has 4/7 = 0.571.
  const std::vector<float> logits = {std::log(0.4f), std::log(0.3f), std::log(0.2f),
                                     std::log(0.1f)};
  EXPECT_EQ(Draw({.temperature = 1, .top_k = 2, .top_p = 0.55}, logits, 300).size(), 1u);
  EXPECT_EQ(Draw({.temperature = 1, .top_k = 2, .top_p = 0.60}, logits, 300).size(), 2u);
}

TEST(Sampler, SameSeedGivesTheSameTokens) {
  std::vector<float> logits(1000);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i % 17);
  Sampler a({.temperature = 1, .top_k = 50, .top_p = 0.9, .seed = 3});
  Sampler b({.temperature = 1, .top_k = 50, .top_p = 0.9, .seed = 3});
  for (int i = 0; i < 50; ++i) EXPECT_EQ(a.Next(logits), b.Next(logits));
}

// The definition, one number after another: the tokens by weight, cut at k, then at p; drawn from
// the likeliest on (without cuts: from the last id on).
int32_t DrawByDefinition(const SamplerOptions& options, const std::vector<float>& logits,
                         double uniform) {
  const float top = *std::max_element(logits.begin(), logits.end());
  std::vector<double> weights;
  for (const float v : logits) {
    weights.push_back(std::exp((double{v} - double{top}) / options.temperature));
  }
  std::vector<size_t> order(logits.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto total = [&] {
    double sum = 0;
    for (const size_t i : order) sum += weights[i];
    return sum;
  };
  if (options.top_k > 0 || options.top_p < 1) {
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return weights[a] > weights[b]; });
    if (options.top_k > 0) {
      order.resize(std::min(order.size(), static_cast<size_t>(options.top_k)));
    }
    const double wanted = options.top_p * total();
    double sum = 0;
    size_t kept = 0;
    while (kept < order.size() && (kept == 0 || sum < wanted)) sum += weights[order[kept++]];
    if (options.top_p < 1) order.resize(kept);
  } else {
    std::reverse(order.begin(), order.end());
  }
  double left = uniform * total();
  for (const size_t i : order) {
    left -= weights[i];
    if (left < 0) return static_cast<int32_t>(i);
  }
  return static_cast<int32_t>(order.back());
}

TEST(Sampler, DrawsWhatTheDefinitionDrawsForTheSameSeed) {
  constexpr SamplerOptions kOptions[] = {
      {.temperature = 1},
      {.temperature = 0.7, .top_k = 40},
      {.temperature = 0.7, .top_k = 4000},
      {.temperature = 1, .top_p = 0.9},
      {.temperature = 3, .top_p = 0.999},
      {.temperature = 1.5, .top_k = 300, .top_p = 0.8},
  };
  for (const double spread : {0.1, 3.0, 12.0}) {
    Rng rng(7);
    std::vector<float> logits(3001);
    for (float& v : logits) v = static_cast<float>(spread * rng.Gaussian());
    for (SamplerOptions options : kOptions) {
      for (options.seed = 1; options.seed <= 60; ++options.seed) {
        // A draw so close to an edge that roundings decide has a probability of 1e-12.
        ASSERT_EQ(Sampler(options).Next(logits),
                  DrawByDefinition(options, logits, Rng(options.seed).Uniform()))
            << "spread " << spread << " top-k " << options.top_k << " top-p " << options.top_p;
      }
    }
  }
}

}  // namespace
}  // namespace crumb
