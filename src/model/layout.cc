#include "model/layout.h"

#include <fmt/format.h>

#include <utility>

namespace crumb {
namespace {

class LayoutBuilder {
 public:
  explicit LayoutBuilder(const ModelConfig& config) : config_(config) {}

  std::vector<WeightSpec> Build() {
    const ModelConfig& c = config_;
    Matrix("model.embed_tokens", MatrixRole::kEmbedding, c.vocabulary_size, c.hidden_size, false);
    if (c.learned_positions()) Table("model.embed_positions", c.max_positions);
    if (c.token_types > 0) Table("model.embed_types", c.token_types);
    if (!c.norm_before) Norm("model.embed_norm", c.hidden_size);
    for (layer_ = 0; layer_ < c.layers; ++layer_) Block();
    layer_ = -1;
    if (c.norm_before) Norm("model.norm", c.hidden_size);
    if (!c.tied_head && !c.encoder) {
      Matrix("lm_head", MatrixRole::kHead, c.vocabulary_size, c.hidden_size, false);
    }
    return std::move(specs_);
  }

 private:
  void Block() {
    const ModelConfig& c = config_;
    if (c.norm_before) Norm("input_layernorm", c.hidden_size);
    Matrix("self_attn.q_proj", MatrixRole::kQuery, c.query_size(), c.hidden_size, c.qkv_bias);
    Matrix("self_attn.k_proj", MatrixRole::kKey, c.kv_size(), c.hidden_size, c.qkv_bias);
    Matrix("self_attn.v_proj", MatrixRole::kValue, c.kv_size(), c.hidden_size, c.qkv_bias);
    if (c.qk_norm) {
      Norm("self_attn.q_norm", c.head_dim);
      Norm("self_attn.k_norm", c.head_dim);
    }
    Matrix("self_attn.o_proj", MatrixRole::kOutput, c.hidden_size, c.query_size(), c.output_bias);
    const bool after = c.post_norms || !c.norm_before;
    if (after) Norm("attn_post_norm", c.hidden_size);
    if (c.norm_before) Norm("post_attention_layernorm", c.hidden_size);
    const int64_t inner = c.intermediate_size;
    if (c.mlp == MlpKind::kGated) {
      Matrix("mlp.gate_proj", MatrixRole::kGate, inner, c.hidden_size, c.mlp_bias);
    }
    Matrix("mlp.up_proj", MatrixRole::kUp, inner, c.hidden_size, c.mlp_bias);
    Matrix("mlp.down_proj", MatrixRole::kDown, c.hidden_size, inner, c.mlp_bias);
    if (after) Norm("mlp_post_norm", c.hidden_size);
  }

  void Matrix(const char* stem, MatrixRole role, int64_t rows, int64_t cols, bool bias) {
    specs_.push_back({.stem = stem,
                      .suffix = "weight",
                      .layer = layer_,
                      .matrix = true,
                      .role = role,
                      .shape = {rows, cols}});
    if (bias) Vector(stem, "bias", rows);
  }

  void Norm(const char* stem, int64_t size) {
    Vector(stem, "weight", size);
    if (config_.norm == NormKind::kLayer) Vector(stem, "bias", size);
  }

  void Vector(const char* stem, std::string_view suffix, int64_t size) {
    specs_.push_back({.stem = stem, .suffix = suffix, .layer = layer_, .shape = {size}});
  }

  void Table(const char* stem, int64_t rows) {
    specs_.push_back(
        {.stem = stem, .suffix = "weight", .layer = layer_, .shape = {rows, config_.hidden_size}});
  }

  const ModelConfig& config_;
  int layer_ = -1;
  std::vector<WeightSpec> specs_;
};

}  // namespace

std::string WeightSpec::name() const {
  return layer < 0 ? fmt::format("{}.{}", stem, suffix)
                   : fmt::format("model.layers.{}.{}.{}", layer, stem, suffix);
}

std::vector<WeightSpec> WeightLayout(const ModelConfig& config) {
  return LayoutBuilder(config).Build();
}

}  // namespace crumb
