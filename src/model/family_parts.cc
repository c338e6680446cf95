#include "model/family_parts.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json.h"

namespace crumb {
namespace {

constexpr TensorRule kGgufRules[] = {
    {"model.embed_tokens", "token_embd"},
    {"model.embed_positions", "position_embd"},
    {"model.norm", "output_norm"},
    {"lm_head", "output"},
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"attn_post_norm", "post_attention_norm"},
    {"post_attention_layernorm", "ffn_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"mlp_post_norm", "post_ffw_norm"},
};

// 1 / sqrt(head_dim), where a family does not say otherwise.
float UsualAttentionScale(int64_t head_dim) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_dim)));
}

// heads and hidden_size are untrusted here; CheckConfig refuses the zeros later.
int64_t DefaultHeadDim(const ModelConfig& c) { return c.heads > 0 ? c.hidden_size / c.heads : 0; }

// "rope_scaling" of older files, "rope_parameters" of newer ones; missing or null: no scaling.
Status ReadRopeScaling(const Json& config, const std::string& file, ModelConfig* c) {
  const char* key = config.contains("rope_parameters") ? "rope_parameters" : "rope_scaling";
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return OkStatus();
  if (!found->is_object()) return Corrupt(fmt::format("{}: '{}' is not an object", file, key));
  const Json& rope = *found;
  CRUMB_ASSIGN_OR_RETURN(c->rope_theta, JsonNumberOr(rope, "rope_theta", c->rope_theta, file));
  CRUMB_ASSIGN_OR_RETURN(const std::string old_type, JsonStringOr(rope, "type", "default", file));
  CRUMB_ASSIGN_OR_RETURN(const std::string type, JsonStringOr(rope, "rope_type", old_type, file));
  if (type == "default") return OkStatus();
  if (type == "linear") {
    CRUMB_ASSIGN_OR_RETURN(c->rope_scale, JsonNumber(rope, "factor", file));
    return OkStatus();
  }
  if (type != "llama3") {
    return Unsupported(fmt::format("{}: rotary scaling '{}' is not known to crumb", file, type));
  }
  CRUMB_ASSIGN_OR_RETURN(const double factor, JsonNumber(rope, "factor", file));
  CRUMB_ASSIGN_OR_RETURN(const double low, JsonNumber(rope, "low_freq_factor", file));
  CRUMB_ASSIGN_OR_RETURN(const double high, JsonNumber(rope, "high_freq_factor", file));
  CRUMB_ASSIGN_OR_RETURN(const double original,
                         JsonNumber(rope, "original_max_position_embeddings", file));
  if (c->head_dim > 0 && c->head_dim <= 1 << 16) {
    c->rope_factors = Llama3RopeFactors(c->rope_theta, c->head_dim, factor, low, high, original);
  }
  return OkStatus();
}

Result<int64_t> GgufIntOr(const GgufFile& gguf, const std::string& key, int64_t fallback) {
  return gguf.Has(key) ? gguf.Int(key) : Result<int64_t>(fallback);
}

Result<double> GgufNumberOr(const GgufFile& gguf, const std::string& key, double fallback) {
  return gguf.Has(key) ? gguf.Number(key) : Result<double>(fallback);
}

Status ReadGgufSizes(const GgufFile& gguf, const std::string& arch, ModelConfig* c) {
  const TensorView* embedding = gguf.tensors.Find("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    return Corrupt(
        fmt::format("{}: no matrix 'token_embd.weight'; not a language model?", gguf.path));
  }
  c->vocabulary_size = embedding->shape[0];
  CRUMB_ASSIGN_OR_RETURN(c->hidden_size, gguf.Int(arch + ".embedding_length"));
  CRUMB_ASSIGN_OR_RETURN(c->intermediate_size, gguf.Int(arch + ".feed_forward_length"));
  CRUMB_ASSIGN_OR_RETURN(c->layers, gguf.Int(arch + ".block_count"));
  CRUMB_ASSIGN_OR_RETURN(c->heads, gguf.Int(arch + ".attention.head_count"));
  CRUMB_ASSIGN_OR_RETURN(c->kv_heads, GgufIntOr(gguf, arch + ".attention.head_count_kv", c->heads));
  CRUMB_ASSIGN_OR_RETURN(c->head_dim,
                         GgufIntOr(gguf, arch + ".attention.key_length", DefaultHeadDim(*c)));
  CRUMB_ASSIGN_OR_RETURN(c->max_positions, gguf.Int(arch + ".context_length"));
  CRUMB_ASSIGN_OR_RETURN(const int64_t value_dim,
                         GgufIntOr(gguf, arch + ".attention.value_length", c->head_dim));
  if (value_dim != c->head_dim) {
    return Unsupported(fmt::format("{}: values of {} beside keys of {} are not known to crumb",
                                   gguf.path, value_dim, c->head_dim));
  }
  return OkStatus();
}

Status ReadGgufRope(const GgufFile& gguf, const std::string& arch, ModelConfig* c) {
  CRUMB_ASSIGN_OR_RETURN(c->rope_theta, GgufNumberOr(gguf, arch + ".rope.freq_base", 10000));
  CRUMB_ASSIGN_OR_RETURN(const int64_t rotated,
                         GgufIntOr(gguf, arch + ".rope.dimension_count", c->head_dim));
  if (rotated != c->head_dim) {
    return Unsupported(fmt::format("{}: {} of {} dimensions rotated is not known to crumb",
                                   gguf.path, rotated, c->head_dim));
  }
  if (gguf.Has(arch + ".rope.scaling.type")) {
    CRUMB_ASSIGN_OR_RETURN(const std::string type, gguf.String(arch + ".rope.scaling.type"));
    if (type == "linear") {
      CRUMB_ASSIGN_OR_RETURN(c->rope_scale, gguf.Number(arch + ".rope.scaling.factor"));
    } else if (type != "none") {
      return Unsupported(
          fmt::format("{}: rotary scaling '{}' is not known to crumb", gguf.path, type));
    }
  }
  if (const TensorView* factors = gguf.tensors.Find("rope_freqs.weight")) {
    CRUMB_ASSIGN_OR_RETURN(c->rope_factors, AsFloats(*factors));
  }
  return OkStatus();
}

}  // namespace

std::span<const TensorRule> GgufRules() { return kGgufRules; }

std::vector<float> Llama3RopeFactors(double theta, int64_t head_dim, double factor,
                                     double low_frequency_factor, double high_frequency_factor,
                                     double original_positions) {
  std::vector<float> factors;
  for (int64_t i = 0; i < head_dim / 2; ++i) {
    const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(head_dim);
    const double wave = 2 * M_PI * std::pow(theta, exponent);
    if (wave < original_positions / high_frequency_factor) {
      factors.push_back(1);
    } else if (wave > original_positions / low_frequency_factor) {
      factors.push_back(static_cast<float>(factor));
    } else {
      const double kept = (original_positions / wave - low_frequency_factor) /
                          (high_frequency_factor - low_frequency_factor);
      factors.push_back(static_cast<float>(1 / ((1 - kept) / factor + kept)));
    }
  }
  return factors;
}

Result<ModelConfig> ReadLlamaLikeJson(const Json& config, const std::string& file,
                                      bool tied_default) {
  ModelConfig c;
  CRUMB_ASSIGN_OR_RETURN(c.vocabulary_size, JsonInt(config, "vocab_size", file));
  CRUMB_ASSIGN_OR_RETURN(c.hidden_size, JsonInt(config, "hidden_size", file));
  CRUMB_ASSIGN_OR_RETURN(c.intermediate_size, JsonInt(config, "intermediate_size", file));
  CRUMB_ASSIGN_OR_RETURN(c.layers, JsonInt(config, "num_hidden_layers", file));
  CRUMB_ASSIGN_OR_RETURN(c.heads, JsonInt(config, "num_attention_heads", file));
  CRUMB_ASSIGN_OR_RETURN(c.kv_heads, JsonIntOr(config, "num_key_value_heads", c.heads, file));
  CRUMB_ASSIGN_OR_RETURN(c.head_dim, JsonIntOr(config, "head_dim", DefaultHeadDim(c), file));
  CRUMB_ASSIGN_OR_RETURN(c.max_positions, JsonInt(config, "max_position_embeddings", file));
  CRUMB_ASSIGN_OR_RETURN(const double eps, JsonNumberOr(config, "rms_norm_eps", 1e-6, file));
  c.norm_eps = static_cast<float>(eps);
  CRUMB_ASSIGN_OR_RETURN(const std::string hidden_act,
                         JsonStringOr(config, "hidden_act", "silu", file));
  CRUMB_ASSIGN_OR_RETURN(c.activation, ParseActivation(hidden_act, file));
  CRUMB_ASSIGN_OR_RETURN(c.tied_head,
                         JsonBoolOr(config, "tie_word_embeddings", tied_default, file));
  CRUMB_ASSIGN_OR_RETURN(c.rope_theta, JsonNumberOr(config, "rope_theta", 10000, file));
  CRUMB_RETURN_IF_ERROR(ReadRopeScaling(config, file, &c));
  c.attention_scale = UsualAttentionScale(c.head_dim);
  return c;
}

Result<ModelConfig> ReadGgufDecoder(const GgufFile& gguf, const std::string& architecture) {
  ModelConfig c;
  CRUMB_RETURN_IF_ERROR(ReadGgufSizes(gguf, architecture, &c));
  CRUMB_RETURN_IF_ERROR(ReadGgufRope(gguf, architecture, &c));
  const std::string layer_norm_key = architecture + ".attention.layer_norm_epsilon";
  c.norm = gguf.Has(layer_norm_key) ? NormKind::kLayer : NormKind::kRms;
  CRUMB_ASSIGN_OR_RETURN(
      const double eps,
      gguf.Number(c.norm == NormKind::kLayer ? layer_norm_key
                                             : architecture + ".attention.layer_norm_rms_epsilon"));
  c.norm_eps = static_cast<float>(eps);
  c.tied_head = gguf.tensors.Find("output.weight") == nullptr;
  c.attention_scale = UsualAttentionScale(c.head_dim);
  return c;
}

}  // namespace crumb
