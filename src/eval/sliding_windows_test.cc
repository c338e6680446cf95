#include "eval/sliding_windows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>

#include "eval/perplexity.h"
#include "eval/self_noise.h"
#include "model/session.h"

namespace crumb {
namespace {

class SlidingWindowsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto model = Model::Load(std::string(CRUMB_SOURCE_DIR) + "/src/model/testdata/llama");
    ASSERT_TRUE(model.ok()) << model.status().message();
    model_ = std::move(model).value();
    auto session = Session::Create(*model_, pool_, {});
    ASSERT_TRUE(session.ok()) << session.status().message();
    session_ = std::move(session).value();
    for (int i = 0; i < 8; ++i)
      text_ += "Words of a text with 中文 in it, number " + std::to_string(i) + ".\n";
  }
  SlidingText Cut(SlidingOptions options) {
    Result<SlidingText> sliding = MakeSlidingWindows(model_->tokenizer(), text_, options);
    EXPECT_TRUE(sliding.ok()) << sliding.status().message();
    return *std::move(sliding);
  }

  ThreadPool pool_{2};
  std::unique_ptr<Model> model_;
  std::unique_ptr<Session> session_;
  std::string text_;
};

TEST_F(SlidingWindowsTest, ScoreEveryTokenOfTheTextOnce) {
  const auto tokens = model_->tokenizer().Encode(text_, {.add_special = false});
  ASSERT_TRUE(tokens.ok());
  for (const int64_t stride : {1, 7, 32, 63}) {
    const SlidingText sliding = Cut({.context = 64, .stride = stride});
    std::vector<int32_t> scored;
    for (const SlidingWindow& window : sliding.windows) {
      EXPECT_LE(window.tokens.size(), 64u);
      EXPECT_LT(window.scored, static_cast<int64_t>(window.tokens.size()));
      scored.insert(scored.end(), window.tokens.end() - window.scored, window.tokens.end());
    }
    EXPECT_EQ(scored, *tokens) << stride;
    EXPECT_EQ(sliding.counts.tokens, static_cast<int64_t>(tokens->size()));
    EXPECT_EQ(sliding.counts.bytes, static_cast<int64_t>(text_.size()));
    EXPECT_EQ(sliding.counts.words, CountWords(text_));
    EXPECT_EQ(sliding.counts.characters, CountCodePoints(text_));
  }
}

TEST_F(SlidingWindowsTest, GiveEachTokenAtLeastContextLessStrideBeforeIt) {
  const SlidingText sliding = Cut({.context = 64, .stride = 16});
  ASSERT_GT(sliding.windows.size(), 3u);
  for (size_t w = 1; w < sliding.windows.size(); ++w) {
    const SlidingWindow& window = sliding.windows[w];
    EXPECT_GE(static_cast<int64_t>(window.tokens.size()) - window.scored, 48);
  }
}

TEST_F(SlidingWindowsTest, CountTheBeginningOfTheTextWhenOnlySomeAreScored) {
  const SlidingText some = Cut({.context = 64, .stride = 16, .max_windows = 2});
  EXPECT_EQ(some.windows.size(), 2u);
  EXPECT_EQ(some.counts.tokens, 63 + 16);
  EXPECT_EQ(some.counts.words, CountWords(text_.substr(0, static_cast<size_t>(some.counts.bytes))));
}

TEST_F(SlidingWindowsTest, SumToTheLikelihoodOfTheTextWhenOneWindowHoldsIt) {
  text_.resize(40);
  const SlidingText sliding = Cut({.context = 64, .stride = 32});
  ASSERT_EQ(sliding.windows.size(), 1u);
  const SlidingWindow& window = sliding.windows[0];
  const auto score =
      ScoreWindow(*session_, window.tokens, nullptr, nullptr, {.scored = window.scored});
  ASSERT_TRUE(score.ok()) << score.status().message();
  EXPECT_EQ(score->tokens, sliding.counts.tokens);
  EXPECT_EQ(score->bytes, 40);
  // The first token is predicted from the start token, each other one from all before it.
  double nll = 0;
  std::vector<float> logits;
  session_->Reset();
  const size_t inputs = window.tokens.size() - 1;
  ASSERT_TRUE(
      session_
          ->Forward(std::span(window.tokens).first(inputs), static_cast<int64_t>(inputs), &logits)
          .ok());
  const auto width = static_cast<size_t>(model_->config().vocabulary_size);
  std::vector<float> row(width);
  for (size_t i = 0; i < inputs; ++i) {
    LogSoftmax(std::span(logits).subspan(i * width, width), row);
    nll -= static_cast<double>(row[static_cast<size_t>(window.tokens[i + 1])]);
  }
  EXPECT_NEAR(score->nll, nll, 1e-5 * static_cast<double>(inputs));
}

TEST_F(SlidingWindowsTest, RefuseAStrideThatLeavesGaps) {
  for (const int64_t stride : {0, 64, 100}) {
    const auto cut =
        MakeSlidingWindows(model_->tokenizer(), text_, {.context = 64, .stride = stride});
    ASSERT_FALSE(cut.ok());
    EXPECT_EQ(cut.status().code(), StatusCode::kInvalidArgument);
  }
  EXPECT_FALSE(MakeSlidingWindows(model_->tokenizer(), "", {.context = 64, .stride = 8}).ok());
}

TEST_F(SlidingWindowsTest, SelfNoiseOfOtherThreadsIsExactlyZeroAndOfOtherPassesSmall) {
  const SlidingText sliding = Cut({.context = 64, .stride = 63});
  std::vector<std::vector<int32_t>> windows = {sliding.windows[0].tokens,
                                               sliding.windows[1].tokens};
  size_t seen = 0;
  const auto noise = MeasureSelfNoise(*session_, {}, windows, [&](size_t) {
    ++seen;
    return OkStatus();
  });
  ASSERT_TRUE(noise.ok()) << noise.status().message();
  EXPECT_EQ(seen, 2u);
  ASSERT_EQ(noise->size(), 3u);
  EXPECT_EQ((*noise)[0].name, "1 thread instead of 2");
  EXPECT_TRUE((*noise)[0].by_design);
  EXPECT_TRUE((*noise)[0].identical);
  for (const NoiseScore& score : *noise) {
    EXPECT_GT(score.tokens, 0) << score.name;
    EXPECT_EQ(score.changed_top, 0) << score.name;
    // float32 sums in another order over a few hundred terms of layers: far below 1e-4.
    EXPECT_LT(std::abs(score.kl), 1e-6) << score.name;
    EXPECT_NEAR(score.perplexity_ratio, 1, 1e-4) << score.name;
    if (score.identical) {
      EXPECT_EQ(score.kl, 0) << score.name;
      EXPECT_EQ(score.perplexity_ratio, 1) << score.name;
    }
  }
}

TEST_F(SlidingWindowsTest, SelfNoiseStopsWhenAsked) {
  const std::vector<std::vector<int32_t>> windows = {
      Cut({.context = 64, .stride = 8}).windows[0].tokens};
  const auto noise =
      MeasureSelfNoise(*session_, {}, windows, [](size_t) { return Interrupted("stopped"); });
  EXPECT_EQ(noise.status().code(), StatusCode::kInterrupted);
}

}  // namespace
}  // namespace crumb
