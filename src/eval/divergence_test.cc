#include "eval/divergence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/rng.h"
#include "measure/statistics.h"

namespace crumb {
namespace {

std::map<std::string, DivergenceLine> ByKey(const TokenScores& tokens, int64_t same_top) {
  std::map<std::string, DivergenceLine> lines;
  for (const DivergenceGroup& group : DivergenceStatistics(tokens, same_top)) {
    for (const DivergenceLine& line : group.lines) lines[line.key] = line;
  }
  return lines;
}

// Probabilities of four tokens by two models, exact in float32 after -ln within 2^-24.
TokenScores FourTokens() {
  TokenScores tokens;
  for (const double p : {0.5, 0.25, 0.125, 0.5}) {
    tokens.nll.push_back(static_cast<float>(-std::log(p)));
  }
  for (const double p : {0.5, 0.5, 0.25, 0.25}) {
    tokens.reference_nll.push_back(static_cast<float>(-std::log(p)));
  }
  tokens.kl = {0.0f, 1.0f, 2.0f, 5.0f};
  return tokens;
}

TEST(DivergenceStatistics, OfFourTokensByHand) {
  const auto lines = ByKey(FourTokens(), 3);
  // In units of ln 2: nll 1 2 3 1, reference 1 1 2 2; means 7/4 and 6/4; sums of squared deviations
  // 11/4 and 1, of products 1/2; each over 3 and 4 for the variance of a mean.
  const double ln2 = std::log(2.0);
  EXPECT_NEAR(lines.at("ppl").value, std::exp(1.75 * ln2), 1e-6);
  EXPECT_NEAR(lines.at("ppl_base").value, std::exp(1.5 * ln2), 1e-6);
  EXPECT_NEAR(lines.at("ln_ppl_ratio").value, 0.25 * ln2, 1e-6);
  const double of_ratio = ln2 * std::sqrt((2.75 + 1 - 2 * 0.5) / 12);
  EXPECT_NEAR(*lines.at("ln_ppl_ratio").standard_error, of_ratio, 1e-6);
  EXPECT_NEAR(*lines.at("ppl_ratio").standard_error, std::exp(0.25 * ln2) * of_ratio, 1e-6);
  EXPECT_NEAR(lines.at("correlation_percent").value, 100 * 0.5 / std::sqrt(2.75), 1e-4);
  const double a = std::exp(1.75 * ln2);
  const double b = std::exp(1.5 * ln2);
  EXPECT_NEAR(*lines.at("ppl_difference").standard_error,
              ln2 * std::sqrt((a * a * 2.75 + b * b - 2 * a * b * 0.5) / 12), 1e-5);

  EXPECT_DOUBLE_EQ(lines.at("kld_mean").value, 2);
  EXPECT_NEAR(*lines.at("kld_mean").standard_error, std::sqrt(14.0 / 12), 1e-12);
  EXPECT_DOUBLE_EQ(lines.at("kld_median").value, 1.5);
  EXPECT_DOUBLE_EQ(lines.at("kld_p90").value, 2 + 0.7 * 3);  // at 0.9 * 3 of the sorted values
  EXPECT_DOUBLE_EQ(lines.at("kld_max").value, 5);
  EXPECT_DOUBLE_EQ(lines.at("kld_min").value, 0);

  // Percent points: 0, -25, -12.5, 25.
  EXPECT_NEAR(lines.at("delta_p_mean").value, -3.125, 1e-5);
  EXPECT_NEAR(lines.at("delta_p_rms").value, std::sqrt((625 + 156.25 + 625) / 4.0), 1e-5);
  EXPECT_NEAR(lines.at("same_top_p").value, 75, 1e-12);
  EXPECT_NEAR(*lines.at("same_top_p").standard_error, 25, 1e-12);  // sqrt(0.75 * 0.25 / 3)
}

TEST(DivergenceStatistics, OfAModelWithItselfAreZeroWithoutError) {
  TokenScores tokens = FourTokens();
  tokens.reference_nll = tokens.nll;
  tokens.kl.assign(4, 0);
  const auto lines = ByKey(tokens, 4);
  EXPECT_EQ(lines.at("ppl_ratio").value, 1);
  EXPECT_EQ(*lines.at("ppl_ratio").standard_error, 0);
  EXPECT_EQ(lines.at("ppl_difference").value, 0);
  EXPECT_EQ(lines.at("delta_p_max").value, 0);
  EXPECT_EQ(lines.at("delta_p_rms").value, 0);
  EXPECT_EQ(*lines.at("delta_p_rms").standard_error, 0);
  EXPECT_EQ(lines.at("same_top_p").value, 100);
}

TEST(DivergenceStatistics, HasTheLabelsAndTheOrderOfLlamaPerplexity) {
  const std::vector<DivergenceGroup> groups = DivergenceStatistics(FourTokens(), 3);
  ASSERT_EQ(groups.size(), 3u);
  std::vector<std::string> labels;
  for (const DivergenceLine& line : groups[1].lines) labels.push_back(line.label);
  EXPECT_EQ(labels,
            (std::vector<std::string>{"Mean    KLD", "Maximum KLD", "99.9%   KLD", "99.0%   KLD",
                                      "95.0%   KLD", "90.0%   KLD", "Median  KLD", "10.0%   KLD",
                                      " 5.0%   KLD", " 1.0%   KLD", " 0.1%   KLD", "Minimum KLD"}));
  EXPECT_EQ(groups[2].lines.back().label, "Same top p");
}

TEST(DivergenceStatisticsSimulation, CoversTheRatioOfTwoModelsWhoseTokensAreIndependent) {
  // ln of the ratio is 0.1; the tokens of both models move together, as they do in texts.
  constexpr int kTrials = 1000;
  Rng rng(5);
  int covered = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    TokenScores tokens;
    for (int i = 0; i < 200; ++i) {
      const double base = 3 + rng.Gaussian();
      tokens.reference_nll.push_back(static_cast<float>(base));
      tokens.nll.push_back(static_cast<float>(base + 0.1 + 0.3 * rng.Gaussian()));
      tokens.kl.push_back(0.1f);
    }
    const auto lines = ByKey(tokens, 200);
    const DivergenceLine& line = lines.at("ln_ppl_ratio");
    covered += std::abs(line.value - 0.1) <= 1.96 * *line.standard_error ? 1 : 0;
  }
  // 93 to 97 %, and three standard errors (0.7 %) of the share of 1000 trials.
  EXPECT_GE(covered, 909);
  EXPECT_LE(covered, 991);
}

}  // namespace
}  // namespace crumb
