#include "tasks/likelihood.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>

#include "eval/score_logits.h"
#include "tasks/run.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;

class Likelihoods : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string path = std::string(CRUMB_SOURCE_DIR) + "/src/model/testdata/llama";
    model_ = Model::Load(path, {.decode_to = "f32"}).value();
    session_ = NewSession(pool_);
  }
  std::unique_ptr<Session> NewSession(ThreadPool& pool) {
    SessionOptions options;
    options.kv = KvType::kFloat32;
    options.max_tokens = std::min<int64_t>(64, model_->config().max_positions);
    return Session::Create(*model_, pool, options).value();
  }
  // Every token in one pass from an empty context, summed by hand.
  double ByHand(const LikelihoodRequest& request, bool* greedy) {
    std::vector<float> logits;
    session_->Reset();
    const std::span<const int32_t> inputs(request.tokens.data(), request.tokens.size() - 1);
    EXPECT_TRUE(session_->Forward(inputs, std::ssize(inputs), &logits).ok());
    const auto vocabulary = static_cast<size_t>(model_->config().vocabulary_size);
    double sum = 0;
    *greedy = true;
    for (auto i = static_cast<size_t>(request.first); i < request.tokens.size(); ++i) {
      const std::span<const float> row(logits.data() + (i - 1) * vocabulary, vocabulary);
      double total = 0;
      for (const float logit : row) total += std::exp(static_cast<double>(logit));
      sum += static_cast<double>(row[static_cast<size_t>(request.tokens[i])]) - std::log(total);
      *greedy = *greedy && ArgMax(row) == request.tokens[i];
    }
    return sum;
  }
  ThreadPool pool_{1};
  std::unique_ptr<Model> model_;
  std::unique_ptr<Session> session_;
};

TEST_F(Likelihoods, AreSumsOfTheWholeRunFromNothingWhateverIsShared) {
  const std::vector<LikelihoodRequest> requests = {{{1, 2, 3, 4, 5, 6}, 3},
                                                   {{1, 2, 3, 4, 7, 8}, 4},
                                                   {{1, 2, 3, 4, 5, 6}, 5},
                                                   {{9, 8}, 1},
                                                   {{1, 2, 3}, 2},
                                                   {{1, 2, 3, 4, 5, 6}, 3},
                                                   {{1, 2, 3, 4, 5, 6, 7, 7, 7}, 1}};
  const auto run = RunLikelihoods(*session_, requests, nullptr);
  ASSERT_TRUE(run.ok()) << run.status().message();
  for (size_t i = 0; i < requests.size(); ++i) {
    bool greedy = false;
    // Float32 logits of size 10 summed over nine tokens: 9 x 10 x 2^-24 of rounding, and ten times
    // that for sums in another order inside the model.
    EXPECT_NEAR(run->of[i].log_probability, ByHand(requests[i], &greedy), 1e-4) << i;
    EXPECT_EQ(run->of[i].greedy, greedy) << i;
    EXPECT_EQ(run->of[i].tokens, std::ssize(requests[i].tokens) - requests[i].first);
  }
}

TEST_F(Likelihoods, RunSharedBeginningsOnce) {
  std::vector<int32_t> beginning;
  for (int32_t i = 0; i < 30; ++i) beginning.push_back(i % 20 + 1);
  std::vector<LikelihoodRequest> requests;
  for (int32_t last = 1; last <= 4; ++last) {
    requests.push_back({beginning, std::ssize(beginning)});
    requests.back().tokens.push_back(last);
    requests.back().tokens.push_back(last);
  }
  const auto run = RunLikelihoods(*session_, requests, nullptr);
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->tokens, 4 * 31);
  EXPECT_EQ(run->tokens_run, 31 + 3 * 2);  // the last shared token again, and the first of its own
}

TEST_F(Likelihoods, DoNotDependOnTheNumberOfThreads) {
  const std::vector<LikelihoodRequest> requests = {{{1, 2, 3, 4, 5, 6}, 2}, {{1, 2, 9, 4}, 3}};
  ThreadPool two(2);
  const std::unique_ptr<Session> other = NewSession(two);
  const auto a = RunLikelihoods(*session_, requests, nullptr).value();
  const auto b = RunLikelihoods(*other, requests, nullptr).value();
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(a.of[i].log_probability, b.of[i].log_probability);
  }
}

TEST_F(Likelihoods, StopWhenAskedTo) {
  const std::vector<LikelihoodRequest> requests = {{{1, 2, 3}, 2}, {{1, 2, 4}, 2}};
  const auto run = RunLikelihoods(*session_, requests, [](int64_t done, int64_t) {
    return done == 1 ? Interrupted("stopped") : OkStatus();
  });
  EXPECT_EQ(run.status().code(), StatusCode::kInterrupted);
}

TEST_F(Likelihoods, RequestsKeepSpacesWithTheContinuationAndCutTheBeginning) {
  const Tokenizer& tokenizer = model_->tokenizer();
  const auto plain = MakeRequest(tokenizer, "the cat", " sat", 64);
  ASSERT_TRUE(plain.ok()) << plain.status().message();
  // A space that ends the context is the continuation's.
  const auto spaced = MakeRequest(tokenizer, "the cat ", "sat", 64);
  ASSERT_TRUE(spaced.ok());
  EXPECT_EQ(spaced->tokens, plain->tokens);
  EXPECT_EQ(spaced->first, plain->first);
  EXPECT_FALSE(plain->cut);

  const int64_t room = std::ssize(plain->tokens) - 2;
  const auto cut = MakeRequest(tokenizer, "the cat", " sat", room);
  ASSERT_TRUE(cut.ok());
  EXPECT_TRUE(cut->cut);
  EXPECT_EQ(std::ssize(cut->tokens), room + 1);  // the last is predicted and not run
  EXPECT_EQ(std::ssize(cut->tokens) - cut->first, std::ssize(plain->tokens) - plain->first);
  EXPECT_THAT(MakeRequest(tokenizer, "a", " much longer than this", 1).status().message(),
              HasSubstr("has no room"));
  EXPECT_THAT(MakeRequest(tokenizer, "a", "", 64).status().message(), HasSubstr("no token"));
}

TEST_F(Likelihoods, ATaskForAnotherKindOfModelIsRefused) {
  Task probe;
  probe.name = "p";
  probe.kind = TaskKind::kProbe;
  EXPECT_THAT(CheckTaskFits(probe, *model_).message(), HasSubstr("needs an encoder"));
}

}  // namespace
}  // namespace crumb
