#include "model/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

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

}  // namespace
}  // namespace crumb
