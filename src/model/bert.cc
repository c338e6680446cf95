// BERT encoders (Devlin et al. 2019) with mean pooling, such as all-MiniLM-L6-v2: learned positions
// and segment types, LayerNorm after every sum, no causal mask.
#include <fmt/format.h>

#include <cmath>

#include "base/json.h"
#include "model/family.h"

namespace crumb {
namespace {

constexpr std::string_view kModelTypes[] = {"bert"};
constexpr std::string_view kPrefixes[] = {"", "bert."};
// The pooler and the heads of pre-training have no part in a mean of hidden states.
constexpr std::string_view kIgnored[] = {"position_ids", "pooler.", "cls."};

constexpr TensorRule kHfRules[] = {
    {"model.embed_tokens", "embeddings.word_embeddings"},
    {"model.embed_positions", "embeddings.position_embeddings"},
    {"model.embed_types", "embeddings.token_type_embeddings"},
    {"model.embed_norm", "embeddings.LayerNorm"},
    {"self_attn.q_proj", "attention.self.query"},
    {"self_attn.k_proj", "attention.self.key"},
    {"self_attn.v_proj", "attention.self.value"},
    {"self_attn.o_proj", "attention.output.dense"},
    {"attn_post_norm", "attention.output.LayerNorm"},
    {"mlp.up_proj", "intermediate.dense"},
    {"mlp.down_proj", "output.dense"},
    {"mlp_post_norm", "output.LayerNorm"},
};

Result<ModelConfig> FromJson(const Json& config, const std::string& file) {
  ModelConfig c;
  c.encoder = true;
  c.norm = NormKind::kLayer;
  c.norm_before = false;
  c.mlp = MlpKind::kPlain;
  c.qkv_bias = c.output_bias = c.mlp_bias = true;
  CRUMB_ASSIGN_OR_RETURN(const std::string positions,
                         JsonStringOr(config, "position_embedding_type", "absolute", file));
  if (positions != "absolute") {
    return Unsupported(fmt::format("{}: '{}' positions are not known to crumb", file, positions));
  }
  CRUMB_ASSIGN_OR_RETURN(c.vocabulary_size, JsonInt(config, "vocab_size", file));
  CRUMB_ASSIGN_OR_RETURN(c.hidden_size, JsonInt(config, "hidden_size", file));
  CRUMB_ASSIGN_OR_RETURN(c.intermediate_size, JsonInt(config, "intermediate_size", file));
  CRUMB_ASSIGN_OR_RETURN(c.layers, JsonInt(config, "num_hidden_layers", file));
  CRUMB_ASSIGN_OR_RETURN(c.heads, JsonInt(config, "num_attention_heads", file));
  CRUMB_ASSIGN_OR_RETURN(c.max_positions, JsonInt(config, "max_position_embeddings", file));
  CRUMB_ASSIGN_OR_RETURN(c.token_types, JsonIntOr(config, "type_vocab_size", 2, file));
  if (c.heads < 1) return Corrupt(fmt::format("{}: num_attention_heads is {}", file, c.heads));
  c.kv_heads = c.heads;
  c.head_dim = c.hidden_size / c.heads;
  CRUMB_ASSIGN_OR_RETURN(const double eps, JsonNumberOr(config, "layer_norm_eps", 1e-12, file));
  c.norm_eps = static_cast<float>(eps);
  CRUMB_ASSIGN_OR_RETURN(const std::string activation,
                         JsonStringOr(config, "hidden_act", "gelu", file));
  CRUMB_ASSIGN_OR_RETURN(c.activation, ParseActivation(activation, file));
  c.attention_scale = static_cast<float>(1 / std::sqrt(static_cast<double>(c.head_dim)));
  return c;
}

}  // namespace

const Family* BertFamily() {
  static const Family family = {
      .name = "bert",
      .model_types = kModelTypes,
      .gguf_architecture = "",
      .from_json = FromJson,
      .json_names = {.prefixes = kPrefixes,
                     .block = "encoder.layer.",
                     .rules = kHfRules,
                     .shared_rules = {},
                     .ignored = kIgnored},
      .from_gguf = nullptr,
      .gguf_names = {},
  };
  return &family;
}

}  // namespace crumb
