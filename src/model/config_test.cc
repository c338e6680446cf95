#include "model/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/json.h"
#include "model/family_parts.h"
#include "model/layout.h"
#include "model/rope_table.h"

namespace crumb {
namespace {

using testing::HasSubstr;

// Every field away from its default.
ModelConfig FullConfig() {
  ModelConfig c;
  c.family = "gemma3";
  c.vocabulary_size = 1000;
  c.hidden_size = 48;
  c.intermediate_size = 96;
  c.layers = 3;
  c.heads = 6;
  c.kv_heads = 2;
  c.head_dim = 4;
  c.max_positions = 128;
  c.encoder = true;
  c.norm = NormKind::kLayer;
  c.norm_eps = 1.2345e-7f;
  c.norm_before = false;
  c.post_norms = true;
  c.qk_norm = true;
  c.mlp = MlpKind::kPlain;
  c.activation = Activation::kGeluErf;
  c.rope_theta = 123456.789;
  c.rope_theta_local = 10000;
  c.rope_factors = {1.0f, 3.3333333f};
  c.rope_scale = 8;
  c.window = 512;
  c.window_layers = {true, false, true};
  c.attention_scale = 0.1f;
  c.embedding_scale = 6.928203f;
  c.logit_softcap = 30;
  c.tied_head = false;
  c.qkv_bias = c.output_bias = c.mlp_bias = true;
  c.token_types = 2;
  return c;
}

TEST(CanonicalConfig, RoundTripsEveryField) {
  const Result<Json> json = ParseJson(DumpJson(CanonicalConfig(FullConfig()), 1), "config.json");
  ASSERT_TRUE(json.ok()) << json.status().message();
  const Result<ModelConfig> back = ParseCanonicalConfig(*json, "config.json");
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_TRUE(*back == FullConfig()) << DumpJson(CanonicalConfig(*back), 1);
}

TEST(CanonicalConfig, MissingSizeIsAnErrorThatNamesIt) {
  Json json = CanonicalConfig(FullConfig());
  json.erase("hidden_size");
  const Result<ModelConfig> parsed = ParseCanonicalConfig(json, "dir/config.json");
  ASSERT_FALSE(parsed.ok());
  EXPECT_THAT(parsed.status().message(), HasSubstr("dir/config.json"));
  EXPECT_THAT(parsed.status().message(), HasSubstr("hidden_size"));
}

TEST(CanonicalConfig, ListOfAnotherTypeIsAnError) {
  Json json = CanonicalConfig(FullConfig());
  json["window_layers"] = {1, 0, 1};
  EXPECT_EQ(ParseCanonicalConfig(json, "f").status().code(), StatusCode::kCorrupt);
}

TEST(CheckConfig, RefusesWhatNoModelCanHave) {
  using Change = void (*)(ModelConfig&);
  const std::vector<Change> changes = {
      [](ModelConfig& c) { c.vocabulary_size = 0; },
      [](ModelConfig& c) { c.hidden_size = -1; },
      [](ModelConfig& c) { c.intermediate_size = int64_t{1} << 40; },
      [](ModelConfig& c) { c.layers = 100000; },
      [](ModelConfig& c) { c.kv_heads = 4; },
      [](ModelConfig& c) { c.head_dim = 5; },
      [](ModelConfig& c) { c.rope_factors.pop_back(); },
      [](ModelConfig& c) { c.rope_factors[0] = 0; },
      [](ModelConfig& c) { c.window_layers.pop_back(); },
      [](ModelConfig& c) { c.attention_scale = NAN; },
      [](ModelConfig& c) { c.norm_eps = -1; },
      [](ModelConfig& c) { c.rope_theta = INFINITY; },
  };
  ASSERT_TRUE(CheckConfig(FullConfig(), "f").ok());
  for (size_t i = 0; i < changes.size(); ++i) {
    ModelConfig config = FullConfig();
    changes[i](config);
    EXPECT_EQ(CheckConfig(config, "f").code(), StatusCode::kCorrupt) << "change " << i;
  }
}

TEST(Llama3RopeFactors, ShortWavesStayAndLongOnesAreDivided) {
  // Llama 3.2 1B: theta 500000, heads of 64, factor 32, low 1, high 4, 8192 positions.
  const std::vector<float> factors = Llama3RopeFactors(500000, 64, 32, 1, 4, 8192);
  ASSERT_EQ(factors.size(), 32u);
  EXPECT_EQ(factors.front(), 1);
  EXPECT_EQ(factors.back(), 32);
  for (size_t i = 1; i < factors.size(); ++i) EXPECT_GE(factors[i], factors[i - 1]);
}

TEST(RopeTable, TurnsPairsByTheirFrequency) {
  RopeTable table(4, 100, 2, std::vector<float>{1, 5});
  table.Fill(0, 6, 2);
  // Position 7, halved; pair 0 turns by 1, pair 1 by 100^(-1/2) / 5.
  EXPECT_FLOAT_EQ(table.cosines()[2], std::cos(3.5f));
  EXPECT_FLOAT_EQ(table.sines()[3], std::sin(3.5f * 0.02f));
}

TEST(WeightLayout, CountsTheWeightsOfATiedLlama) {
  ModelConfig c;
  c.vocabulary_size = 10;
  c.hidden_size = 8;
  c.intermediate_size = 12;
  c.layers = 2;
  c.heads = c.kv_heads = 2;
  c.head_dim = 4;
  c.rope_theta = 10000;
  const std::vector<WeightSpec> layout = WeightLayout(c);
  EXPECT_EQ(layout.size(), 1u + 2 * 9 + 1);
  EXPECT_EQ(layout.front().name(), "model.embed_tokens.weight");
  EXPECT_EQ(layout[2].name(), "model.layers.0.self_attn.q_proj.weight");
  EXPECT_EQ(layout.back().name(), "model.norm.weight");
}

}  // namespace
}  // namespace crumb
