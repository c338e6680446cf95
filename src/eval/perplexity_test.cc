#include "eval/perplexity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "base/files.h"
#include "eval/text_source.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;

// One token a byte.
class ByteTokenizer : public Tokenizer {
 public:
  explicit ByteTokenizer(bool adds_bos) : adds_bos_(adds_bos) {}
  std::string_view kind() const override { return "bytes"; }
  int32_t vocabulary_size() const override { return 257; }
  Result<std::vector<int32_t>> Encode(std::string_view text,
                                      const EncodeOptions& options) const override {
    std::vector<int32_t> tokens;
    if (adds_bos_ && options.add_special) tokens.push_back(bos());
    for (const char c : text) tokens.push_back(static_cast<unsigned char>(c));
    return tokens;
  }
  Result<std::string> Decode(std::span<const int32_t>, bool) const override {
    return std::string();
  }
  std::string TokenBytes(int32_t token) const override {
    return token < 256 ? std::string(1, static_cast<char>(token)) : "";
  }
  int32_t bos() const override { return 256; }
  std::vector<int32_t> end_tokens() const override { return {}; }
  bool adds_bos() const override { return adds_bos_; }
  const std::string& chat_template() const override { return empty_; }
  std::map<std::string, std::string> Files() const override { return {}; }

 private:
  bool adds_bos_;
  std::string empty_;
};

TEST(MakeWindows, CutsConsecutiveWindowsAndDropsTheRest) {
  const ByteTokenizer tokenizer(false);
  const auto windows = MakeWindows(tokenizer, "abcdefghijk", {.context = 4}).value();
  EXPECT_EQ(windows,
            (std::vector<std::vector<int32_t>>{{'a', 'b', 'c', 'd'}, {'e', 'f', 'g', 'h'}}));
  EXPECT_EQ(MakeWindows(tokenizer, "abcdefghijk", {.context = 4, .max_windows = 1})->size(), 1u);
  EXPECT_EQ(MakeWindows(tokenizer, "abcdefghijk", {.context = 4, .max_windows = 9})->size(), 2u);
}

TEST(MakeWindows, AStartTokenReplacesTheFirstOfEachWindow) {
  const ByteTokenizer tokenizer(true);
  const auto windows = MakeWindows(tokenizer, "abcdefghijk", {.context = 4}).value();
  EXPECT_EQ(windows, (std::vector<std::vector<int32_t>>{
                         {256, 'a', 'b', 'c'}, {256, 'e', 'f', 'g'}, {256, 'i', 'j', 'k'}}));
}

TEST(MakeWindows, ATextTooShortSaysHowManyTokensItNeeds) {
  const auto windows = MakeWindows(ByteTokenizer(false), "abc", {.context = 512});
  ASSERT_FALSE(windows.ok());
  EXPECT_EQ(windows.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(windows.status().message(), HasSubstr("at least 512 tokens, it has 3"));
  EXPECT_FALSE(MakeWindows(ByteTokenizer(false), "abc", {.context = 3}).ok());
}

TEST(MakeWindows, TheSecondHalfButOneOfAWindowIsScored) {
  EXPECT_EQ(FirstScored(512), 256);
  EXPECT_EQ(ScoredPositions(512), 255);
}

WindowScore Score(int64_t tokens, double nll_per_token, int64_t same_top) {
  const auto n = static_cast<double>(tokens);
  return {.tokens = tokens,
          .characters = 4 * tokens,
          .nll = n * nll_per_token,
          .nll_squared = n * nll_per_token * nll_per_token,
          .kl = n * 0.01,
          .kl_squared = n * 0.0001,
          .same_top = same_top};
}

TEST(Summarize, EqualWindowsGiveTheirValueWithoutError) {
  const std::vector<WindowScore> windows(5, Score(255, 2.0, 204));
  const TextScore score = Summarize(windows);
  EXPECT_EQ(score.windows, 5);
  EXPECT_EQ(score.tokens, 5 * 255);
  EXPECT_NEAR(score.perplexity, std::exp(2.0), 1e-12);
  EXPECT_NEAR(score.perplexity_se, 0.0, 1e-12);
  EXPECT_NEAR(score.perplexity_interval.low, score.perplexity, 1e-9);
  EXPECT_NEAR(score.bits_per_character, 2.0 / std::log(2.0) / 4, 1e-12);
  EXPECT_NEAR(score.kl.value, 0.01, 1e-15);
  EXPECT_NEAR(score.top_agreement, 0.8, 1e-15);
}

TEST(Summarize, TheOrderOfTheWindowsDoesNotMatter) {
  std::vector<WindowScore> windows = {Score(255, 2.0, 200), Score(255, 3.0, 180),
                                      Score(255, 2.5, 255), Score(255, 2.7, 0)};
  const TextScore a = Summarize(windows);
  std::swap(windows[0], windows[3]);
  std::swap(windows[1], windows[2]);
  const TextScore b = Summarize(windows);
  EXPECT_NEAR(a.perplexity, b.perplexity, 1e-12);
  EXPECT_NEAR(a.perplexity_se, b.perplexity_se, 1e-12);
  EXPECT_NEAR(a.top_agreement, b.top_agreement, 1e-15);
  EXPECT_LT(a.perplexity_interval.low, a.perplexity);
  EXPECT_GT(a.perplexity_interval.high, a.perplexity);
  EXPECT_GE(a.top_agreement_interval.low, 0.0);
  EXPECT_LE(a.top_agreement_interval.high, 1.0);
}

// llama-perplexity: PPL * sqrt((E[nll^2] - E[nll]^2) / (count - 1)).
TEST(Summarize, TheTokenErrorIsTheOneThatLlamaPerplexityPrints) {
  const std::vector<double> nll = {1.0, 2.0, 4.0, 0.5};
  WindowScore window;
  for (const double x : nll) {
    window.tokens += 1;
    window.nll += x;
    window.nll_squared += x * x;
  }
  const double mean = 7.5 / 4;
  double squares = 0;
  for (const double x : nll) squares += (x - mean) * (x - mean);
  const double expected = std::exp(mean) * std::sqrt(squares / 4 / 3);
  const std::vector<WindowScore> windows = {window, window};
  // Twice the same tokens: the same variance over 7 instead of 3.
  EXPECT_NEAR(Summarize(windows).perplexity_se_tokens, expected * std::sqrt(3.0 / 7.0), 1e-12);
}

TEST(PerplexityRatio, OfAModelWithItselfIsOneWithoutError) {
  const std::vector<WindowScore> a = {Score(255, 2.0, 0), Score(255, 3.0, 0), Score(255, 1.0, 0)};
  const Estimate ratio = PerplexityRatio(a, a);
  EXPECT_EQ(ratio.value, 1.0);
  EXPECT_EQ(ratio.interval.low, 1.0);
  EXPECT_EQ(ratio.interval.high, 1.0);
}

TEST(PerplexityRatio, IsTheQuotientAndItsIntervalSeesOnlyTheDifferences) {
  const std::vector<WindowScore> a = {Score(255, 2.1, 0), Score(255, 5.1, 0), Score(255, 1.1, 0)};
  const std::vector<WindowScore> b = {Score(255, 2.0, 0), Score(255, 5.0, 0), Score(255, 1.0, 0)};
  const Estimate ratio = PerplexityRatio(a, b);
  EXPECT_NEAR(ratio.value, std::exp(0.1), 1e-12);
  EXPECT_NEAR(ratio.value, Summarize(a).perplexity / Summarize(b).perplexity, 1e-12);
  EXPECT_NEAR(ratio.interval.high - ratio.interval.low, 0.0, 1e-9);
  EXPECT_NEAR(ratio.value * PerplexityRatio(b, a).value, 1.0, 1e-12);
}

class TinyModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto model = Model::Load(std::string(CRUMB_SOURCE_DIR) + "/src/model/testdata/llama");
    ASSERT_TRUE(model.ok()) << model.status().message();
    model_ = std::move(model).value();
    auto session = Session::Create(*model_, pool_, {});
    ASSERT_TRUE(session.ok()) << session.status().message();
    session_ = std::move(session).value();
    window_.resize(static_cast<size_t>(EvaluationContext(model_->config())));
    std::iota(window_.begin(), window_.end(), 5);
  }
  ThreadPool pool_{2};
  std::unique_ptr<Model> model_;
  std::unique_ptr<Session> session_;
  std::vector<int32_t> window_;
};

TEST_F(TinyModelTest, ShortContextsGiveShortWindows) {
  EXPECT_EQ(EvaluationContext(model_->config()), 64);
  ModelConfig large;
  large.max_positions = 2048;
  EXPECT_EQ(EvaluationContext(large), 512);
}

TEST_F(TinyModelTest, ScoresAreThoseOfTheLogitsOfTheWholeWindow) {
  ReferenceWindow kept;
  const auto score = ScoreWindow(*session_, window_, nullptr, &kept);
  ASSERT_TRUE(score.ok()) << score.status().message();
  EXPECT_EQ(score->tokens, ScoredPositions(64));

  std::vector<float> logits;
  session_->Reset();
  ASSERT_TRUE(session_->Forward(window_, 64, &logits).ok());
  const auto width = static_cast<size_t>(model_->config().vocabulary_size);
  double nll = 0;
  for (size_t position = 32; position < 63; ++position) {
    const auto row = std::span(logits).subspan(position * width, width);
    double sum = 0;
    for (const float x : row) sum += std::exp(static_cast<double>(x));
    nll += std::log(sum) - static_cast<double>(row[static_cast<size_t>(window_[position + 1])]);
  }
  EXPECT_NEAR(score->nll, nll, 31 * 3e-6);
  EXPECT_EQ(kept.log_probabilities.size(), 31 * width);
}

TEST_F(TinyModelTest, AModelAgreesWithItselfWhateverRanBefore) {
  ReferenceWindow kept;
  const WindowScore first = ScoreWindow(*session_, window_, nullptr, &kept).value();
  std::vector<int32_t> other(window_.rbegin(), window_.rend());
  ASSERT_TRUE(ScoreWindow(*session_, other, nullptr, nullptr).ok());
  const WindowScore again = ScoreWindow(*session_, window_, &kept, nullptr).value();
  EXPECT_EQ(again.nll, first.nll);
  EXPECT_EQ(again.kl, 0.0);
  EXPECT_EQ(again.same_top, again.tokens);
}

TEST_F(TinyModelTest, CharactersAreTheCodePointsOfTheScoredTokens) {
  const Tokenizer& tokenizer = model_->tokenizer();
  std::string text = "Some text with 中文 and an emoji \xF0\x9F\x98\x80 for sixty-four tokens, ";
  text += text;
  const auto windows = MakeWindows(tokenizer, text, {.context = 64});
  ASSERT_TRUE(windows.ok()) << windows.status().message();
  const std::vector<int32_t>& window = windows->front();
  std::string scored;
  for (size_t i = 33; i < 64; ++i) scored += tokenizer.TokenBytes(window[i]);
  int64_t expected = 0;
  for (const char c : scored) expected += (c & 0xc0) != 0x80 ? 1 : 0;
  EXPECT_EQ(ScoreWindow(*session_, window, nullptr, nullptr)->characters, expected);
  EXPECT_LT(expected, static_cast<int64_t>(scored.size()));
}

TEST_F(TinyModelTest, TokensOutsideTheVocabularyAndForeignReferencesAreErrors) {
  const ReferenceWindow foreign{std::vector<float>(31)};
  EXPECT_EQ(ScoreWindow(*session_, window_, &foreign, nullptr).status().code(),
            StatusCode::kInvalidArgument);
  window_.back() = 100000;  // scored, never run
  const auto score = ScoreWindow(*session_, window_, nullptr, nullptr);
  EXPECT_EQ(score.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(score.status().message(), HasSubstr("100000"));
}

}  // namespace
}  // namespace crumb
