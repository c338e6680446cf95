#include "model/layer_weights.h"

#include <fmt/format.h>

#include <string>

namespace crumb {
namespace {

Linear FindLinear(const Model& model, const std::string& stem) {
  return {model.FindMatrix(stem + ".weight"), model.FindTensor(stem + ".bias")};
}

NormWeights FindNorm(const Model& model, const std::string& stem) {
  return {model.FindTensor(stem + ".weight"), model.FindTensor(stem + ".bias")};
}

LayerWeights FindLayer(const Model& model, const std::string& block) {
  LayerWeights layer;
  layer.attention_norm = FindNorm(model, block + "input_layernorm");
  layer.q_norm = FindNorm(model, block + "self_attn.q_norm");
  layer.k_norm = FindNorm(model, block + "self_attn.k_norm");
  layer.attention_post_norm = FindNorm(model, block + "attn_post_norm");
  layer.q = FindLinear(model, block + "self_attn.q_proj");
  layer.k = FindLinear(model, block + "self_attn.k_proj");
  layer.v = FindLinear(model, block + "self_attn.v_proj");
  layer.o = FindLinear(model, block + "self_attn.o_proj");
  layer.mlp_norm = FindNorm(model, block + "post_attention_layernorm");
  layer.mlp_post_norm = FindNorm(model, block + "mlp_post_norm");
  layer.gate = FindLinear(model, block + "mlp.gate_proj");
  layer.up = FindLinear(model, block + "mlp.up_proj");
  layer.down = FindLinear(model, block + "mlp.down_proj");
  return layer;
}

}  // namespace

ModelWeights FindWeights(const Model& model) {
  ModelWeights weights;
  weights.embedding = model.FindMatrix("model.embed_tokens.weight");
  const PackedMatrix* head = model.FindMatrix("lm_head.weight");
  weights.head = head != nullptr ? head : weights.embedding;
  weights.positions = model.FindTensor("model.embed_positions.weight");
  weights.types = model.FindTensor("model.embed_types.weight");
  weights.embedding_norm = FindNorm(model, "model.embed_norm");
  weights.final_norm = FindNorm(model, "model.norm");
  for (int64_t i = 0; i < model.config().layers; ++i) {
    weights.layers.push_back(FindLayer(model, fmt::format("model.layers.{}.", i)));
  }
  return weights;
}

}  // namespace crumb
