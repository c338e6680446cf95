// Llama (Touvron et al. 2023) and the models built like it: SmolLM2, the llama2.c stories models.
#include "base/json.h"
#include "model/family.h"
#include "model/family_parts.h"

namespace crumb {
namespace {

constexpr std::string_view kModelTypes[] = {"llama"};
constexpr std::string_view kIgnored[] = {"rotary_emb.inv_freq", "rope_freqs.weight",
                                         "lm_head.weight"};

// GGUF's llama rotates neighbours, so its rows of query and key are stored in that order.
constexpr TensorRule kGgufLlamaRules[] = {
    {"self_attn.q_proj", "attn_q", kInterleavedRope},
    {"self_attn.k_proj", "attn_k", kInterleavedRope},
};

Result<ModelConfig> FromJson(const Json& config, const std::string& file) {
  CRUMB_ASSIGN_OR_RETURN(ModelConfig c, ReadLlamaLikeJson(config, file, /*tied_default=*/false));
  CRUMB_ASSIGN_OR_RETURN(c.qkv_bias, JsonBoolOr(config, "attention_bias", false, file));
  c.output_bias = c.qkv_bias;
  CRUMB_ASSIGN_OR_RETURN(c.mlp_bias, JsonBoolOr(config, "mlp_bias", false, file));
  return c;
}

Result<ModelConfig> FromGguf(const GgufFile& gguf) {
  CRUMB_ASSIGN_OR_RETURN(ModelConfig c, ReadGgufDecoder(gguf, "llama"));
  c.qkv_bias = gguf.tensors.Find("blk.0.attn_q.bias") != nullptr;
  c.output_bias = gguf.tensors.Find("blk.0.attn_output.bias") != nullptr;
  c.mlp_bias = gguf.tensors.Find("blk.0.ffn_down.bias") != nullptr;
  return c;
}

}  // namespace

const Family* LlamaFamily() {
  static const Family family = {
      .name = "llama",
      .model_types = kModelTypes,
      .gguf_architecture = "llama",
      .from_json = FromJson,
      .json_names =
          {.prefixes = {}, .block = kHfBlock, .rules = {}, .shared_rules = {}, .ignored = kIgnored},
      .from_gguf = FromGguf,
      .gguf_names = {.prefixes = {},
                     .block = kGgufBlock,
                     .rules = kGgufLlamaRules,
                     .shared_rules = GgufRules(),
                     .ignored = kIgnored},
  };
  return &family;
}

}  // namespace crumb
