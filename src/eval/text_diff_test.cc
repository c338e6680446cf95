#include "eval/text_diff.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "eval/perplexity.h"

namespace crumb {
namespace {

class TextDiffs : public ::testing::Test {
 protected:
  void SetUp() override {
    model_ = Load("llama");
    for (int32_t i = 0; i < 32; ++i) window_.push_back(1 + (i * 7) % 20);
  }
  static std::unique_ptr<Model> Load(const std::string& name) {
    return Model::Load(std::string(CRUMB_SOURCE_DIR) + "/src/model/testdata/" + name,
                       {.decode_to = "f32"})
        .value();
  }
  std::unique_ptr<Session> NewSession(KvType kv) {
    SessionOptions options;
    options.max_tokens = 32;
    options.kv = kv;
    return Session::Create(*model_, pool_, options).value();
  }
  ThreadPool pool_{1};
  std::unique_ptr<Model> model_;
  std::vector<int32_t> window_;
};

TEST_F(TextDiffs, OfAModelWithItselfAreNone) {
  const auto a = NewSession(KvType::kFloat32);
  const auto b = NewSession(KvType::kFloat32);
  TextDiff diff;
  ASSERT_TRUE(DiffWindow(*a, *b, window_, 0, 10, &diff).ok());
  EXPECT_EQ(diff.positions, ScoredPositions(32));
  EXPECT_EQ(diff.same_top, diff.positions);
  EXPECT_EQ(diff.kl, 0);
  EXPECT_TRUE(diff.parted.empty());
}

// Two random models: other weights of the same shape.
TEST_F(TextDiffs, AgreeWithTheScoresOfPerplexityAndAreSortedByDivergence) {
  const std::unique_ptr<Model> other = Load("qwen2");
  if (other->config().vocabulary_size != model_->config().vocabulary_size) {
    GTEST_SKIP() << "the test models have other vocabularies";
  }
  const auto a = NewSession(KvType::kFloat32);
  const auto b = Session::Create(*other, pool_, {.max_tokens = 32, .kv = KvType::kFloat32}).value();
  TextDiff diff;
  ASSERT_TRUE(DiffWindow(*a, *b, window_, 3, 4, &diff).ok());

  ReferenceWindow kept;
  ASSERT_TRUE(ScoreWindow(*a, window_, nullptr, &kept).ok());
  const WindowScore score = ScoreWindow(*b, window_, &kept, nullptr).value();
  EXPECT_EQ(diff.same_top, score.same_top);
  EXPECT_NEAR(diff.kl, score.kl, 1e-9 * std::abs(score.kl) + 1e-12);
  ASSERT_FALSE(diff.parted.empty());
  EXPECT_LE(diff.parted.size(), 4u);
  for (size_t i = 0; i < diff.parted.size(); ++i) {
    const TokenDiff& token = diff.parted[i];
    EXPECT_EQ(token.window, 3);
    EXPECT_NE(token.top_a, token.top_b);
    EXPECT_EQ(token.target, window_[static_cast<size_t>(token.position + 1)]);
    EXPECT_GE(token.probability_a, token.target_a);
    EXPECT_GE(token.probability_b, token.target_b);
    if (i > 0) {
      EXPECT_GE(diff.parted[i - 1].kl, token.kl);
    }
  }
}

}  // namespace
}  // namespace crumb
