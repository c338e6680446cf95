#include "model/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "model/model_test_util.h"

namespace crumb {
namespace {

using model_test::AllLogits;
using model_test::ExactSession;
using testing::HasSubstr;

std::vector<int32_t> SomeTokens(int64_t count) {
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) tokens.push_back(static_cast<int32_t>(i * 37 % 260));
  return tokens;
}

// Each family: rotary or learned positions, windows, biases, both norms.
class SessionOf : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    model_ = model_test::LoadOrFail(model_test::TestData(GetParam()), "f32");
    ASSERT_NE(model_, nullptr);
  }
  std::unique_ptr<Model> model_;
  ThreadPool pool_{2};
};

TEST_P(SessionOf, BatchAgreesWithTokenByToken) {
  const std::vector<int32_t> tokens = SomeTokens(40);
  const auto batch = ExactSession(*model_, pool_);
  const std::vector<float> together = AllLogits(*batch, tokens);
  const auto single = ExactSession(*model_, pool_);
  std::vector<float> one_by_one;
  for (const int32_t token : tokens) {
    const std::vector<float> row = AllLogits(*single, {&token, 1});
    one_by_one.insert(one_by_one.end(), row.begin(), row.end());
  }
  // Kernels for one row and for many may sum in another order: some units of float32 rounding in
  // logits of about 10.
  EXPECT_LE(model_test::LargestDifference(together, one_by_one), 2e-4);
}

TEST_P(SessionOf, TruncateAndRunAgainGivesTheSameBits) {
  const std::vector<int32_t> tokens = SomeTokens(30);
  const auto session = ExactSession(*model_, pool_);
  const std::span<const int32_t> all(tokens);
  AllLogits(*session, all.first(10));
  const std::vector<float> first = AllLogits(*session, all.subspan(10));
  session->Truncate(10);
  EXPECT_EQ(session->position(), 10);
  EXPECT_EQ(AllLogits(*session, all.subspan(10)), first);
}

TEST_P(SessionOf, ThreadCountDoesNotChangeABit) {
  const std::vector<int32_t> tokens = SomeTokens(33);
  ThreadPool one(1);
  ThreadPool three(3);
  EXPECT_EQ(AllLogits(*ExactSession(*model_, one), tokens),
            AllLogits(*ExactSession(*model_, three), tokens));
}

TEST_P(SessionOf, LastRowsAreTheEndOfAllRows) {
  const std::vector<int32_t> tokens = SomeTokens(20);
  const std::vector<float> all = AllLogits(*ExactSession(*model_, pool_), tokens);
  std::vector<float> last;
  ASSERT_TRUE(ExactSession(*model_, pool_)->Forward(tokens, 3, &last).ok());
  const auto size = static_cast<size_t>(3 * model_->config().vocabulary_size);
  ASSERT_EQ(last.size(), size);
  const std::vector<float> end(all.end() - static_cast<ptrdiff_t>(size), all.end());
  EXPECT_LE(model_test::LargestDifference(last, end), 2e-4);
}

TEST_P(SessionOf, HalfPrecisionCacheStaysClose) {
  const std::vector<int32_t> tokens = SomeTokens(20);
  const auto exact = ExactSession(*model_, pool_);
  const auto half =
      Session::Create(*model_, pool_, {.activations = ActivationType::kFloat32, .kv_half = true});
  ASSERT_TRUE(half.ok());
  EXPECT_EQ((*half)->kv_bytes() * 2, exact->kv_bytes());
  const double difference =
      model_test::LargestDifference(AllLogits(*exact, tokens), AllLogits(**half, tokens));
  EXPECT_GT(difference, 0);
  EXPECT_LT(difference, 0.2);  // keys and values are rounded by 2^-11; logits reach about 15
}

TEST_P(SessionOf, LongPromptsRunInPiecesWithoutChange) {
  if (model_->config().learned_positions()) GTEST_SKIP() << "has positions for 64 tokens only";
  const std::vector<int32_t> tokens = SomeTokens(600);  // over one piece of 512
  const auto session = ExactSession(*model_, pool_, 600);
  std::vector<float> all;
  ASSERT_TRUE(session->Forward(tokens, 100, &all).ok());
  session->Reset();
  std::vector<float> parts;
  const std::span<const int32_t> span(tokens);
  ASSERT_TRUE(session->Forward(span.first(300), 0, nullptr).ok());
  ASSERT_TRUE(session->Forward(span.subspan(300), 100, &parts).ok());
  EXPECT_LE(model_test::LargestDifference(all, parts), 1e-3);
}

INSTANTIATE_TEST_SUITE_P(Families, SessionOf, testing::Values("llama", "qwen2", "gemma3", "gpt2"),
                         [](const auto& test) { return std::string(test.param); });

class SessionErrors : public testing::Test {
 protected:
  std::unique_ptr<Model> model_ = model_test::LoadOrFail(model_test::TestData("gpt2"), "f32");
  ThreadPool pool_{1};
};

TEST_F(SessionErrors, FullContextIsAnErrorAndLeavesTheSessionUsable) {
  const auto session = ExactSession(*model_, pool_, 8);
  const Status status = session->Forward(SomeTokens(9), 0, nullptr);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("context of 8"));
  EXPECT_EQ(session->position(), 0);
  EXPECT_TRUE(session->Forward(SomeTokens(8), 0, nullptr).ok());
  EXPECT_FALSE(session->Forward(SomeTokens(1), 0, nullptr).ok());
}

TEST_F(SessionErrors, TokensOutsideTheVocabularyAreRefused) {
  const auto session = ExactSession(*model_, pool_);
  for (const int32_t bad : {-1, static_cast<int32_t>(model_->config().vocabulary_size)}) {
    EXPECT_THAT(session->Forward(std::vector<int32_t>{1, bad}, 0, nullptr).message(),
                HasSubstr(std::to_string(bad)));
  }
}

TEST_F(SessionErrors, LearnedPositionsLimitTheContext) {
  const auto session = Session::Create(*model_, pool_, {.max_tokens = 65});
  ASSERT_FALSE(session.ok());
  EXPECT_THAT(session.status().message(), HasSubstr("64"));
}

TEST_F(SessionErrors, ImpossibleContextsAreRefused) {
  const auto llama = model_test::LoadOrFail(model_test::TestData("llama"), "f32");
  ASSERT_NE(llama, nullptr);
  for (const int64_t tokens : {int64_t{-1}, int64_t{1} << 31}) {
    EXPECT_FALSE(Session::Create(*llama, pool_, {.max_tokens = tokens}).ok()) << tokens;
  }
}

TEST_F(SessionErrors, DecodersGiveNoEmbeddings) {
  EXPECT_EQ(ExactSession(*model_, pool_)->Embed(SomeTokens(3)).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(SessionErrors, BuffersAreCountedAndDoNotGrowAgain) {
  const auto session = ExactSession(*model_, pool_);
  AllLogits(*session, SomeTokens(16));
  const int64_t bytes = session->activation_bytes();
  EXPECT_GE(bytes, 16 * 4 * (2 * 32 + 4 * 32 + 128));
  session->Reset();
  AllLogits(*session, SomeTokens(16));
  EXPECT_EQ(session->activation_bytes(), bytes);
}

}  // namespace
}  // namespace crumb
