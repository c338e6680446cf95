#include "eval/perplexity_units.h"

#include <gtest/gtest.h>

#include <cmath>

namespace crumb {
namespace {

// lm-evaluation-harness on a text of 3 words and 12 bytes with the log-likelihood -20: its
// word_perplexity is exp(20 / 3), byte_perplexity exp(20 / 12), bits_per_byte 20 / 12 / ln 2.
constexpr TextCounts kText = {.tokens = 5, .words = 3, .bytes = 12, .characters = 10};

TEST(PerplexityUnits, AreThoseOfLmEvaluationHarness) {
  EXPECT_DOUBLE_EQ(*FromTotalNll(20, PerplexityUnit::kWord, kText), std::exp(20.0 / 3));
  EXPECT_DOUBLE_EQ(*FromTotalNll(20, PerplexityUnit::kByte, kText), std::exp(20.0 / 12));
  EXPECT_DOUBLE_EQ(*FromTotalNll(20, PerplexityUnit::kBitsPerByte, kText),
                   20.0 / 12 / std::log(2.0));
  EXPECT_DOUBLE_EQ(*FromTotalNll(20, PerplexityUnit::kToken, kText), std::exp(4.0));
  EXPECT_DOUBLE_EQ(*FromTotalNll(20, PerplexityUnit::kBitsPerCharacter, kText), 2 / std::log(2.0));
}

TEST(ConvertPerplexity, ThereAndBackIsTheSameNumber) {
  for (const char* from : {"token", "word", "byte", "bits-per-byte", "bits-per-character"}) {
    for (const char* to : {"token", "word", "byte", "bits-per-byte", "bits-per-character"}) {
      const PerplexityUnit a = *ParsePerplexityUnit(from);
      const PerplexityUnit b = *ParsePerplexityUnit(to);
      EXPECT_EQ(PerplexityUnitName(a), from);
      const double there = *ConvertPerplexity(3.5, a, b, 5, kText);
      EXPECT_NEAR(*ConvertPerplexity(there, b, a, 5, kText), 3.5, 1e-12) << from << " " << to;
    }
  }
}

TEST(ConvertPerplexity, RefusesWhereOtherTokensWereScored) {
  const Result<double> half =
      ConvertPerplexity(20, PerplexityUnit::kToken, PerplexityUnit::kWord, 3, kText);
  ASSERT_FALSE(half.ok());
  EXPECT_EQ(half.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(half.status().message().find("3 tokens were scored and the text has 5"),
            std::string::npos);
}

TEST(ConvertPerplexity, RefusesUnknownCountsAndImpossibleValues) {
  const TextCounts no_words = {.tokens = 5, .bytes = 12};
  EXPECT_FALSE(
      ConvertPerplexity(20, PerplexityUnit::kToken, PerplexityUnit::kWord, 5, no_words).ok());
  EXPECT_FALSE(
      ConvertPerplexity(0.9, PerplexityUnit::kToken, PerplexityUnit::kByte, 5, kText).ok());
  EXPECT_FALSE(
      ConvertPerplexity(-1, PerplexityUnit::kBitsPerByte, PerplexityUnit::kByte, 5, kText).ok());
  EXPECT_FALSE(ParsePerplexityUnit("line").ok());
}

TEST(CountWords, CountsTheEmptyPieceBehindALastLine) {
  EXPECT_EQ(CountWords("three words here\n"), 4);
  EXPECT_EQ(CountCodePoints("a中é"), 3);
}

}  // namespace
}  // namespace crumb
