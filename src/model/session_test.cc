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
  const auto half = Session::Create(
      *model_, pool_, {.activations = ActivationType::kFloat32, .kv = KvType::kFloat16});
  ASSERT_TRUE(half.ok());
  EXPECT_EQ((*half)->kv_bytes() * 2, exact->kv_bytes());
  const double difference =
      model_test::LargestDifference(AllLogits(*exact, tokens), AllLogits(**half, tokens));
  EXPECT_GT(difference, 0);
  EXPECT_LT(difference, 0.2);  // keys and values are rounded by 2^-11; logits reach about 15
}

// A code is off by half of amax / 127 at most, so keys and values are off by 2^-8 of the largest
// number of their head: some eight times as much as float16 rounds off.
TEST_P(SessionOf, Int8CacheStaysClose) {
  const std::vector<int32_t> tokens = SomeTokens(20);
  const auto exact = ExactSession(*model_, pool_);
  const auto codes = Session::Create(
      *model_, pool_, {.activations = ActivationType::kFloat32, .kv = KvType::kInt8});
  ASSERT_TRUE(codes.ok());
  EXPECT_LT((*codes)->kv_bytes() * 2, exact->kv_bytes());
  const double difference =
      model_test::LargestDifference(AllLogits(*exact, tokens), AllLogits(**codes, tokens));
  EXPECT_GT(difference, 0);
  EXPECT_LT(difference, 1.6);
}

// Contexts of different lengths side by side, every type of cache.
TEST_P(SessionOf, ASequenceOfAStepGetsTheBitsThatItGetsAlone) {
  const std::vector<int32_t> tokens = SomeTokens(40);
  const std::span<const int32_t> all(tokens);
  const auto words = static_cast<size_t>(model_->config().vocabulary_size);
  for (const KvType kv : {KvType::kFloat32, KvType::kFloat16, KvType::kInt8}) {
    SessionOptions options = {.max_tokens = 64, .kv = kv, .sequences = 3};
    const auto session = Session::Create(*model_, pool_, options);
    ASSERT_TRUE(session.ok());
    const std::vector<size_t> lengths = {1, 7, 30};
    for (size_t s = 0; s < 3; ++s) {
      const auto sequence = static_cast<int64_t>(s);
      ASSERT_TRUE((*session)->Forward(all.first(lengths[s]), 0, nullptr, sequence).ok());
    }
    std::vector<float> together;
    for (int step = 0; step < 2; ++step) {
      const std::vector<NextToken> next = {{2, tokens[3]}, {0, tokens[5]}, {1, tokens[8]}};
      ASSERT_TRUE((*session)->Step(next, &together).ok());
    }
    EXPECT_EQ((*session)->position(2), 32);
    options.sequences = 1;
    const int32_t last[] = {tokens[5], tokens[8], tokens[3]};
    const size_t row[] = {1, 2, 0};
    for (size_t s = 0; s < 3; ++s) {
      const auto alone = Session::Create(*model_, pool_, options);
      ASSERT_TRUE(alone.ok());
      ASSERT_TRUE((*alone)->Forward(all.first(lengths[s]), 0, nullptr).ok());
      std::vector<float> logits;
      for (int step = 0; step < 2; ++step) {
        ASSERT_TRUE((*alone)->Forward({&last[s], 1}, 1, &logits).ok());
      }
      const auto at = together.begin() + static_cast<ptrdiff_t>(row[s] * words);
      EXPECT_EQ(std::vector<float>(at, at + static_cast<ptrdiff_t>(words)), logits) << s;
    }
  }
}

TEST_P(SessionOf, ACopiedSequenceGoesOnAsTheFirstOne) {
  const std::vector<int32_t> tokens = SomeTokens(20);
  for (const KvType kv : {KvType::kFloat16, KvType::kInt8}) {
    const auto session =
        Session::Create(*model_, pool_, {.max_tokens = 64, .kv = kv, .sequences = 2});
    ASSERT_TRUE(session.ok());
    ASSERT_TRUE((*session)->Forward(tokens, 0, nullptr).ok());
    (*session)->CopySequence(0, 1);
    EXPECT_EQ((*session)->position(1), 20);
    std::vector<float> first, second;
    ASSERT_TRUE((*session)->Forward({&tokens[4], 1}, 1, &first, 0).ok());
    ASSERT_TRUE((*session)->Forward({&tokens[4], 1}, 1, &second, 1).ok());
    EXPECT_EQ(first, second);
  }
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

TEST_F(SessionErrors, SequencesThatAreNotThereOrComeTwiceAreRefused) {
  const auto session = Session::Create(*model_, pool_, {.max_tokens = 2, .sequences = 2});
  ASSERT_TRUE(session.ok());
  std::vector<float> logits;
  const auto step = [&](std::vector<NextToken> next) { return (*session)->Step(next, &logits); };
  EXPECT_THAT(step({{0, 1}, {2, 1}}).message(), HasSubstr("sequence 2"));
  EXPECT_THAT(step({{1, 1}, {1, 1}}).message(), HasSubstr("twice"));
  EXPECT_THAT(step({{0, 1}, {1, -1}}).message(), HasSubstr("-1"));
  EXPECT_EQ((*session)->position(0), 0);
  EXPECT_TRUE(step({{1, 1}}).ok());
  EXPECT_TRUE(step({{1, 1}}).ok());
  EXPECT_THAT(step({{0, 1}, {1, 1}}).message(), HasSubstr("context of 2"));
  EXPECT_TRUE(step({}).ok());
  EXPECT_TRUE(logits.empty());
  EXPECT_FALSE(Session::Create(*model_, pool_, {.sequences = 0}).ok());
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
