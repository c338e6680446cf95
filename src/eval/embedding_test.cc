#include "eval/embedding.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"

namespace crumb {
namespace {

Embeddings RandomEmbeddings(size_t n, size_t dimension, uint64_t seed) {
  Rng rng(seed);
  Embeddings all(n, std::vector<float>(dimension));
  for (auto& embedding : all) {
    for (float& x : embedding) x = static_cast<float>(rng.Gaussian());
  }
  return all;
}

TEST(CosineAgreement, IsOneForEqualAndMinusOneForOppositeEmbeddings) {
  const Embeddings a = RandomEmbeddings(20, 384, 1);
  Embeddings opposite = a;
  for (auto& embedding : opposite) {
    for (float& x : embedding) x = -x;
  }
  EXPECT_NEAR(CosineAgreement(a, a).value, 1.0, 1e-14);
  EXPECT_NEAR(CosineAgreement(a, a).standard_error, 0.0, 1e-14);
  EXPECT_NEAR(CosineAgreement(a, opposite).value, -1.0, 1e-14);
}

TEST(CosineAgreement, DoesNotDependOnLengths) {
  const Embeddings a = RandomEmbeddings(10, 64, 2);
  const Embeddings b = RandomEmbeddings(10, 64, 3);
  Embeddings longer = b;
  for (auto& embedding : longer) {
    for (float& x : embedding) x *= 4.0f;
  }
  EXPECT_DOUBLE_EQ(CosineAgreement(a, b).value, CosineAgreement(a, longer).value);
}

TEST(CosineAgreement, AZeroEmbeddingAgreesWithNothing) {
  const Embeddings zero(3, std::vector<float>(8, 0.0f));
  EXPECT_EQ(CosineAgreement(zero, RandomEmbeddings(3, 8, 4)).value, 0.0);
}

// Pairs whose angle grows while people's score falls.
TEST(Stsb, EmbeddingsThatOrderPairsAsPeopleDoHaveSpearmanOne) {
  std::vector<SentencePair> pairs;
  Embeddings embeddings(40);
  for (size_t i = 0; i < 20; ++i) {
    pairs.push_back({"a", "b", 5.0 - 0.2 * static_cast<double>(i)});
    const double angle = 0.1 * static_cast<double>(i);
    embeddings[i] = {1.0f, 0.0f};
    embeddings[20 + i] = {static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle))};
  }
  const StsbScore score = ScoreStsb(pairs, embeddings);
  EXPECT_DOUBLE_EQ(score.spearman, 1.0);
  EXPECT_EQ(score.pairs, 20);
  EXPECT_LE(score.interval.low, score.spearman);
  for (SentencePair& pair : pairs) pair.score = 5.0 - pair.score;
  EXPECT_DOUBLE_EQ(ScoreStsb(pairs, embeddings).spearman, -1.0);
}

TEST(Stsb, SentencesAreAllFirstOnesThenAllSecondOnes) {
  const std::vector<SentencePair> pairs = {{"a", "b", 1}, {"c", "d", 2}};
  EXPECT_EQ(SentencesOf(pairs), (std::vector<std::string>{"a", "c", "b", "d"}));
}

}  // namespace
}  // namespace crumb
