#include "model/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "model/model_test_util.h"

namespace crumb {
namespace {

class Generator : public testing::Test {
 protected:
  GenerateResult Run(const GenerateOptions& options, int64_t max_tokens = 64) {
    const auto session = model_test::ExactSession(*model_, pool_, max_tokens);
    const std::vector<int32_t> prompt = {72, 101, 108};
    pieces_.clear();
    const Result<GenerateResult> result =
        Generate(*session, *model_, prompt, options, [this](std::string_view piece) {
          pieces_.emplace_back(piece);
          return pieces_.size() < stop_after_;
        });
    EXPECT_TRUE(result.ok()) << result.status().message();
    return result.ok() ? *result : GenerateResult{};
  }

  std::unique_ptr<Model> model_ = model_test::LoadOrFail(model_test::TestData("llama"), "f32");
  ThreadPool pool_{1};
  std::vector<std::string> pieces_;
  size_t stop_after_ = 1000;
};

TEST_F(Generator, PiecesJoinToTheText) {
  const GenerateResult result = Run({.max_new_tokens = 20, .ignore_end = true});
  EXPECT_EQ(result.generated_tokens, 20);
  EXPECT_EQ(result.prompt_tokens, 3);
  EXPECT_EQ(result.stop_reason, "max_tokens");
  std::string joined;
  for (const std::string& piece : pieces_) joined += piece;
  EXPECT_EQ(joined, result.text);
  EXPECT_FALSE(joined.empty());
}

TEST_F(Generator, StopsBeforeAStopText) {
  const std::string all = Run({.max_new_tokens = 20, .ignore_end = true}).text;
  ASSERT_GT(all.size(), 8u);
  const std::string stop = all.substr(5, 3);
  const GenerateResult result = Run({.max_new_tokens = 20, .stop = {stop}, .ignore_end = true});
  EXPECT_EQ(result.stop_reason, "stop_string");
  EXPECT_EQ(result.text, all.substr(0, all.find(stop)));
}

TEST_F(Generator, FullContextEndsWithItsReason) {
  const GenerateResult result = Run({.max_new_tokens = 50, .ignore_end = true}, 10);
  EXPECT_EQ(result.stop_reason, "context_full");
  // Seven tokens fit behind the prompt of three; the eighth needs no place, as nothing follows it.
  EXPECT_EQ(result.generated_tokens, 8);
}

TEST_F(Generator, CallbackCanEndIt) {
  stop_after_ = 3;
  const GenerateResult result = Run({.max_new_tokens = 50, .ignore_end = true});
  EXPECT_EQ(result.stop_reason, "callback");
  EXPECT_EQ(pieces_.size(), 3u);
}

TEST_F(Generator, EmptyPromptIsAnError) {
  const auto session = model_test::ExactSession(*model_, pool_);
  EXPECT_EQ(Generate(*session, *model_, {}, {}, nullptr).status().code(),
            StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace crumb
