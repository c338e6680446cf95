// GPT-2 (Radford et al. 2019): learned positions, LayerNorm, biases everywhere, one fused matrix
// for query, key and value. Hugging Face stores its matrices as [input, output] ("Conv1D").
#include <fmt/format.h>

#include <cmath>

#include "base/json.h"
#include "model/family.h"
#include "model/family_parts.h"

namespace crumb {
namespace {

constexpr std::string_view kModelTypes[] = {"gpt2"};
constexpr std::string_view kPrefixes[] = {"", "transformer."};
constexpr std::string_view kIgnored[] = {".attn.bias", ".attn.masked_bias", "lm_head.weight"};

constexpr TensorRule kHfRules[] = {
    {"model.embed_tokens", "wte"},
    {"model.embed_positions", "wpe"},
    {"model.norm", "ln_f"},
    {"input_layernorm", "ln_1"},
    {"self_attn.q_proj", "attn.c_attn", kTranspose | kFusedQkv},
    {"self_attn.k_proj", "attn.c_attn", kTranspose | kFusedQkv},
    {"self_attn.v_proj", "attn.c_attn", kTranspose | kFusedQkv},
    {"self_attn.o_proj", "attn.c_proj", kTranspose},
    {"post_attention_layernorm", "ln_2"},
    {"mlp.up_proj", "mlp.c_fc", kTranspose},
    {"mlp.down_proj", "mlp.c_proj", kTranspose},
};

constexpr TensorRule kGgufGpt2Rules[] = {
    {"self_attn.q_proj", "attn_qkv", kFusedQkv},
    {"self_attn.k_proj", "attn_qkv", kFusedQkv},
    {"self_attn.v_proj", "attn_qkv", kFusedQkv},
};

void SetGpt2Parts(ModelConfig* c) {
  c->norm = NormKind::kLayer;
  c->mlp = MlpKind::kPlain;
  c->rope_theta = 0;
  c->qkv_bias = c->output_bias = c->mlp_bias = true;
}

Result<ModelConfig> FromJson(const Json& config, const std::string& file) {
  ModelConfig c;
  SetGpt2Parts(&c);
  CRUMB_ASSIGN_OR_RETURN(c.vocabulary_size, JsonInt(config, "vocab_size", file));
  CRUMB_ASSIGN_OR_RETURN(c.hidden_size, JsonInt(config, "n_embd", file));
  CRUMB_ASSIGN_OR_RETURN(c.layers, JsonInt(config, "n_layer", file));
  CRUMB_ASSIGN_OR_RETURN(c.heads, JsonInt(config, "n_head", file));
  CRUMB_ASSIGN_OR_RETURN(c.max_positions, JsonInt(config, "n_positions", file));
  if (c.heads < 1 || c.hidden_size < 1 || c.hidden_size > INT32_MAX) {
    return Corrupt(fmt::format("{}: n_embd {} with n_head {}", file, c.hidden_size, c.heads));
  }
  CRUMB_ASSIGN_OR_RETURN(c.intermediate_size,
                         JsonIntOr(config, "n_inner", 4 * c.hidden_size, file));
  c.kv_heads = c.heads;
  c.head_dim = c.hidden_size / c.heads;
  CRUMB_ASSIGN_OR_RETURN(const double eps, JsonNumberOr(config, "layer_norm_epsilon", 1e-5, file));
  c.norm_eps = static_cast<float>(eps);
  CRUMB_ASSIGN_OR_RETURN(const std::string activation,
                         JsonStringOr(config, "activation_function", "gelu_new", file));
  CRUMB_ASSIGN_OR_RETURN(c.activation, ParseActivation(activation, file));
  CRUMB_ASSIGN_OR_RETURN(c.tied_head, JsonBoolOr(config, "tie_word_embeddings", true, file));
  c.attention_scale = static_cast<float>(1 / std::sqrt(static_cast<double>(c.head_dim)));
  return c;
}

Result<ModelConfig> FromGguf(const GgufFile& gguf) {
  CRUMB_ASSIGN_OR_RETURN(ModelConfig c, ReadGgufDecoder(gguf, "gpt2"));
  SetGpt2Parts(&c);
  c.activation = Activation::kGeluTanh;
  return c;
}

}  // namespace

const Family* Gpt2Family() {
  static const Family family = {
      .name = "gpt2",
      .model_types = kModelTypes,
      .gguf_architecture = "gpt2",
      .from_json = FromJson,
      .json_names = {.prefixes = kPrefixes,
                     .block = "h.",
                     .rules = kHfRules,
                     .shared_rules = {},
                     .ignored = kIgnored},
      .from_gguf = FromGguf,
      .gguf_names = {.prefixes = {},
                     .block = kGgufBlock,
                     .rules = kGgufGpt2Rules,
                     .shared_rules = GgufRules(),
                     .ignored = {}},
  };
  return &family;
}

}  // namespace crumb
