#include "lab/memory_need.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/thread_pool.h"
#include "lab/memory_account.h"
#include "model/session.h"

namespace crumb {
namespace {

TEST(MemoryNeed, KvCacheIsTheFormula) {
  // SmolLM2-135M: 30 layers, 3 key heads of 64, float16, 2048 tokens, 4 sequences.
  ModelConfig config;
  config.layers = 30;
  config.kv_heads = 3;
  config.head_dim = 64;
  EXPECT_EQ(KvBytes(config, KvType::kFloat16, 2048, 4), 2LL * 30 * 3 * 64 * 2 * 2048 * 4);
  EXPECT_EQ(KvBytes(config, KvType::kFloat32, 2048, 4),
            2 * KvBytes(config, KvType::kFloat16, 2048, 4));
  // One byte for each number, and a float for each 64 of them.
  EXPECT_EQ(KvBytes(config, KvType::kInt8, 2048, 1), 2LL * 30 * 3 * 2048 * (64 + 4));
  EXPECT_EQ(KvBytes(config, KvType::kInt8, 65, 1), 2LL * 30 * 3 * (65 * 64 + 128 * 4));
}

std::string TestModel(const std::string& name) {
  return std::string(CRUMB_SOURCE_DIR) + "/src/model/testdata/" + name;
}

class OfModel : public testing::TestWithParam<const char*> {};

TEST_P(OfModel, TheHeaderTellsWhatTheLoadedModelHolds) {
  const std::string path = TestModel(GetParam());
  const Result<ModelShape> shape = ReadModelShape(path, "f16");
  ASSERT_TRUE(shape.ok()) << shape.status().message();
  const Result<std::unique_ptr<Model>> model = Model::Load(path);
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(shape->mapped_bytes + shape->copied_bytes, (*model)->weight_bytes());
}

TEST_P(OfModel, TheFormulasTellWhatASessionAllocates) {
  const std::string path = TestModel(GetParam());
  const Result<ModelShape> shape = ReadModelShape(path, "f16");
  const Result<std::unique_ptr<Model>> model = Model::Load(path);
  ASSERT_TRUE(shape.ok() && model.ok());
  ThreadPool pool(1);
  for (const KvType kv : {KvType::kFloat32, KvType::kFloat16, KvType::kInt8}) {
    const MemoryRequest request = {.context = 60, .sequences = 3, .kv = kv};
    const MemoryNeed need = PredictMemory(*shape, request);
    const auto session =
        Session::Create(**model, pool, {.max_tokens = 60, .kv = kv, .sequences = 3});
    ASSERT_TRUE(session.ok()) << session.status().message();
    std::vector<float> logits;
    ASSERT_TRUE((*session)->Forward(std::vector<int32_t>(59, 1), 1, &logits).ok());
    // The block of scales begins at a multiple of 64 bytes.
    EXPECT_NEAR(static_cast<double>((*session)->kv_bytes()), static_cast<double>(need.kv), 63);
    // 60 rows were reckoned and 59 run; buffers begin at multiples of 64 bytes, and the frequencies
    // of the rotation are kept beside its sines.
    const double row = static_cast<double>(need.activations) / 60;
    EXPECT_NEAR(static_cast<double>((*session)->activation_bytes()), 59 * row,
                1024 + 8.0 * static_cast<double>(shape->config.head_dim));
  }
}

INSTANTIATE_TEST_SUITE_P(Families, OfModel, testing::Values("llama", "qwen2", "gpt2", "gemma3"));

TEST(MemoryNeed, WhatIsNoModelIsRefusedAsByLoad) {
  EXPECT_EQ(ReadModelShape("no/such/place", "f16").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(ReadModelShape(TestModel("smollm2_logits.json"), "f16").status().code(),
            StatusCode::kUnsupported);
}

TEST(MemoryAccount, EveryPartIsNearItsFormula) {
  ThreadPool pool(1);
  const Result<MemoryAccount> account =
      AccountMemory(TestModel("llama"), {.context = 100, .sequences = 2}, pool);
  ASSERT_TRUE(account.ok()) << account.status().message();
  ASSERT_GE(account->parts.size(), 4u);
  EXPECT_EQ(account->parts[0].difference(), 0);  // weights
  EXPECT_EQ(account->parts[1].difference(), 0);  // KV cache, float16
  EXPECT_EQ(account->parts[3].difference(), 0);  // logits of both sequences
  EXPECT_GE(account->peak_bytes, account->at_end.all() / 2);
}

}  // namespace
}  // namespace crumb
