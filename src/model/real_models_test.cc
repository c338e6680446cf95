// Trained models against independent implementations; skipped where a model is not on this machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "model/generator.h"
#include "model/model_test_util.h"

namespace crumb {
namespace {

TEST(Stories260K, GreedyTextIsTheOneInItsDescription) {
  const std::string path = model_test::SharedModel("stories260K");
  if (path.empty()) GTEST_SKIP() << "models/stories260K is not beside $CRUMB_DATA";
  const Result<std::string> description = ReadFile(path + "/stories260K.md");
  ASSERT_TRUE(description.ok());
  const size_t begin = description->find("Once upon a time");
  const std::string expected =
      description->substr(begin, description->find("\n```", begin) - begin);

  const auto model = model_test::LoadOrFail(path, "f32");
  ASSERT_NE(model, nullptr);
  ThreadPool pool(2);
  const auto session = model_test::ExactSession(*model, pool);
  const std::vector<int32_t> prompt = {model->tokenizer().bos()};
  // run.c makes 256 steps, of which the first is the start token.
  const Result<GenerateResult> result =
      Generate(*session, *model, prompt, {.max_new_tokens = 256}, nullptr);
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result->text.substr(0, expected.size()), expected);
  EXPECT_GT(expected.size(), 500u);
}

TEST(BabyLlama, PerplexityOnItsOwnKindOfTextIsSmall) {
  const std::string path = model_test::SharedModel("babyllama-tok105-0.94M");
  if (path.empty()) GTEST_SKIP() << "models/babyllama-tok105-0.94M is not beside $CRUMB_DATA";
  const auto model = model_test::LoadOrFail(path, "f32");
  ASSERT_NE(model, nullptr);
  const std::string text =
      "Once upon a time, there was a little girl named Lily. She loved to play outside in the "
      "park. "
      "One day, she saw a big, red ball. She wanted to play with it, but it was too high.";
  const Result<std::vector<int32_t>> tokens = model->tokenizer().Encode(text);
  ASSERT_TRUE(tokens.ok()) << tokens.status().message();
  ThreadPool pool(2);
  const auto session = model_test::ExactSession(*model, pool);
  const std::vector<float> logits = model_test::AllLogits(*session, *tokens);
  const auto vocabulary = static_cast<size_t>(model->config().vocabulary_size);
  double nll = 0;
  for (size_t i = 0; i + 1 < tokens->size(); ++i) {
    double sum = 0;
    for (size_t t = 0; t < vocabulary; ++t) sum += std::exp(logits[i * vocabulary + t]);
    nll += std::log(sum) - logits[i * vocabulary + static_cast<size_t>((*tokens)[i + 1])];
  }
  // A model that guesses among 105 tokens has 105; one that reads its rotary pairs or heads in the
  // wrong order is above 10.
  const double perplexity = std::exp(nll / static_cast<double>(tokens->size() - 1));
  RecordProperty("perplexity", std::to_string(perplexity));
  EXPECT_LT(perplexity, 10);
  EXPECT_GT(perplexity, 1);
}

TEST(SmolLm2, LogitsAgreeWithLlamaCppOnTheSameWeights) {
  const std::string path = model_test::CachedModel("SmolLM2-135M-Instruct", ".Q4_1.gguf");
  if (path.empty()) GTEST_SKIP() << "no SmolLM2-135M-Instruct.Q4_1.gguf in " << CacheFolder();
  const auto model = model_test::LoadOrFail(path, "f32");
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->source(), "GGUF, weights stored as q4_1 and q8_0, decoded to f32");
  EXPECT_EQ(model->parameters(), 134515008);
  EXPECT_EQ(model->block_parameters(), 106168320);
  ThreadPool pool(2);
  const Json expected = model_test::LoadJson("smollm2_logits.json");
  const auto tokens = expected["tokens"].get<std::vector<int32_t>>();
  const auto session = model_test::ExactSession(*model, pool, 512);
  const std::vector<float> logits = model_test::AllLogits(*session, tokens);
  const auto vocabulary = static_cast<size_t>(model->config().vocabulary_size);
  double largest = 0;
  for (const Json& sample : expected["samples"]) {
    const size_t row = sample["position"].get<size_t>() * vocabulary;
    for (size_t i = 0; i < sample["ids"].size(); ++i) {
      const double ours = logits[row + sample["ids"][i].get<size_t>()];
      largest = std::max(largest, std::abs(ours - sample["logits"][i].get<double>()));
    }
  }
  // Thirty layers of float32 sums of up to 1536 terms in another order: 30 * sqrt(1536) * 2^-24 of
  // logits up to 30 is 2e-3; llama.cpp also builds its rotary angles by repeated multiplication.
  RecordProperty("largest_difference", std::to_string(largest));
  EXPECT_LE(largest, 2e-3);
}

TEST(Gemma3, First64GreedyTokensAreThoseOfLlamaCpp) {
  const std::string path = model_test::CachedModel("gemma-3-270m-q4_k_m", ".gguf");
  if (path.empty()) GTEST_SKIP() << "no gemma-3-270m-q4_k_m.gguf in " << CacheFolder();
  const auto model = model_test::LoadOrFail(path, "f32");
  ASSERT_NE(model, nullptr);
  ThreadPool pool(2);
  const auto session = model_test::ExactSession(*model, pool, 256);
  const Json expected = model_test::LoadJson("gemma3_greedy.json");
  auto input = expected["prompt"].get<std::vector<int32_t>>();
  Sampler sampler({});
  std::vector<int32_t> tokens;
  std::vector<float> logits;
  while (tokens.size() < 64) {
    const Status status = session->Forward(input, 1, &logits);
    ASSERT_TRUE(status.ok()) << status.message();
    tokens.push_back(sampler.Next(logits));
    input = {tokens.back()};
  }
  EXPECT_EQ(tokens, expected["tokens"].get<std::vector<int32_t>>());
}

TEST(MiniLm, SentenceEmbeddingsAgreeWithPyTorch) {
  const std::string weights = model_test::CachedModel("minilm", "/model.safetensors");
  if (weights.empty()) GTEST_SKIP() << "no all-MiniLM-L6-v2 in " << CacheFolder();
  const auto model = model_test::LoadOrFail(DirName(weights), "f32");
  ASSERT_NE(model, nullptr);
  EXPECT_TRUE(model->config().encoder);
  ThreadPool pool(2);
  const auto session = model_test::ExactSession(*model, pool);
  double largest = 0;
  for (const Json& item : model_test::LoadJson("minilm_embeddings.json")) {
    const Result<std::vector<int32_t>> ids =
        model->tokenizer().Encode(item["text"].get<std::string>());
    ASSERT_TRUE(ids.ok()) << ids.status().message();
    EXPECT_EQ(*ids, item["ids"].get<std::vector<int32_t>>()) << item["text"];
    const Result<std::vector<float>> embedding =
        session->Embed(item["ids"].get<std::vector<int32_t>>());
    ASSERT_TRUE(embedding.ok()) << embedding.status().message();
    largest = std::max(largest, model_test::LargestDifference(
                                    *embedding, item["embedding"].get<std::vector<float>>()));
  }
  RecordProperty("largest_difference", std::to_string(largest));
  EXPECT_LE(largest, 1e-5);
}

}  // namespace
}  // namespace crumb
