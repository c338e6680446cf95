#include "model/config.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "base/json.h"

namespace crumb {
namespace {

constexpr std::pair<std::string_view, Activation> kActivations[] = {
    {"silu", Activation::kSilu},
    {"swish", Activation::kSilu},
    {"gelu_pytorch_tanh", Activation::kGeluTanh},
    {"gelu_new", Activation::kGeluTanh},
    {"gelu", Activation::kGeluErf},
};

std::string_view ActivationName(Activation activation) {
  for (const auto& [name, value] : kActivations) {
    if (value == activation) return name;
  }
  return "";
}

// The lists of the configuration; nlohmann's own conversions throw on a wrong type.
template <typename T>
Status ReadList(const Json& json, const char* key, const std::string& file, std::vector<T>* out) {
  const auto list = json.find(key);
  if (list == json.end()) return OkStatus();
  const Status wrong = Corrupt(fmt::format("{}: '{}' is not a list of the right type", file, key));
  if (!list->is_array()) return wrong;
  for (const Json& item : *list) {
    if constexpr (std::is_same_v<T, bool>) {
      if (!item.is_boolean()) return wrong;
    } else {
      if (!item.is_number()) return wrong;
    }
    out->push_back(item.get<T>());
  }
  return OkStatus();
}

// The keys of a Hugging Face config.json.
Status ReadSizes(const Json& json, const std::string& file, ModelConfig* c) {
  CRUMB_ASSIGN_OR_RETURN(c->vocabulary_size, JsonInt(json, "vocab_size", file));
  CRUMB_ASSIGN_OR_RETURN(c->hidden_size, JsonInt(json, "hidden_size", file));
  CRUMB_ASSIGN_OR_RETURN(c->intermediate_size, JsonInt(json, "intermediate_size", file));
  CRUMB_ASSIGN_OR_RETURN(c->layers, JsonInt(json, "num_hidden_layers", file));
  CRUMB_ASSIGN_OR_RETURN(c->heads, JsonInt(json, "num_attention_heads", file));
  CRUMB_ASSIGN_OR_RETURN(c->kv_heads, JsonInt(json, "num_key_value_heads", file));
  CRUMB_ASSIGN_OR_RETURN(c->head_dim, JsonInt(json, "head_dim", file));
  CRUMB_ASSIGN_OR_RETURN(c->max_positions, JsonInt(json, "max_position_embeddings", file));
  CRUMB_ASSIGN_OR_RETURN(c->window, JsonIntOr(json, "sliding_window", 0, file));
  CRUMB_ASSIGN_OR_RETURN(c->token_types, JsonIntOr(json, "type_vocab_size", 0, file));
  return OkStatus();
}

Status ReadFlags(const Json& json, const std::string& file, ModelConfig* c) {
  CRUMB_ASSIGN_OR_RETURN(c->tied_head, JsonBoolOr(json, "tie_word_embeddings", true, file));
  CRUMB_ASSIGN_OR_RETURN(c->encoder, JsonBoolOr(json, "encoder", false, file));
  CRUMB_ASSIGN_OR_RETURN(const bool layer_norm, JsonBoolOr(json, "layer_norm", false, file));
  c->norm = layer_norm ? NormKind::kLayer : NormKind::kRms;
  CRUMB_ASSIGN_OR_RETURN(const bool gated, JsonBoolOr(json, "gated_mlp", true, file));
  c->mlp = gated ? MlpKind::kGated : MlpKind::kPlain;
  CRUMB_ASSIGN_OR_RETURN(c->norm_before, JsonBoolOr(json, "norm_before", true, file));
  CRUMB_ASSIGN_OR_RETURN(c->post_norms, JsonBoolOr(json, "post_norms", false, file));
  CRUMB_ASSIGN_OR_RETURN(c->qk_norm, JsonBoolOr(json, "qk_norm", false, file));
  CRUMB_ASSIGN_OR_RETURN(c->qkv_bias, JsonBoolOr(json, "qkv_bias", false, file));
  CRUMB_ASSIGN_OR_RETURN(c->output_bias, JsonBoolOr(json, "output_bias", false, file));
  CRUMB_ASSIGN_OR_RETURN(c->mlp_bias, JsonBoolOr(json, "mlp_bias", false, file));
  return OkStatus();
}

Status ReadNumbers(const Json& json, const std::string& file, ModelConfig* c) {
  const auto read = [&](const char* key, float* out) -> Status {
    CRUMB_ASSIGN_OR_RETURN(const double value, JsonNumber(json, key, file));
    *out = static_cast<float>(value);
    return OkStatus();
  };
  CRUMB_RETURN_IF_ERROR(read("norm_eps", &c->norm_eps));
  CRUMB_RETURN_IF_ERROR(read("attention_scale", &c->attention_scale));
  CRUMB_RETURN_IF_ERROR(read("embedding_scale", &c->embedding_scale));
  CRUMB_RETURN_IF_ERROR(read("logit_softcap", &c->logit_softcap));
  CRUMB_ASSIGN_OR_RETURN(c->rope_theta, JsonNumber(json, "rope_theta", file));
  CRUMB_ASSIGN_OR_RETURN(c->rope_theta_local, JsonNumber(json, "rope_local_base_freq", file));
  CRUMB_ASSIGN_OR_RETURN(c->rope_scale, JsonNumber(json, "rope_scale", file));
  return OkStatus();
}

}  // namespace

Result<Activation> ParseActivation(const std::string& name, const std::string& file) {
  for (const auto& [known, value] : kActivations) {
    if (known == name) return value;
  }
  return Unsupported(fmt::format("{}: activation '{}' is not known; use silu or gelu", file, name));
}

Status CheckConfig(const ModelConfig& c, const std::string& file) {
  const std::pair<const char*, int64_t> sizes[] = {{"vocabulary size", c.vocabulary_size},
                                                   {"hidden size", c.hidden_size},
                                                   {"intermediate size", c.intermediate_size},
                                                   {"number of layers", c.layers},
                                                   {"number of heads", c.heads},
                                                   {"number of key heads", c.kv_heads},
                                                   {"head dimension", c.head_dim},
                                                   {"number of positions", c.max_positions}};
  for (const auto& [what, value] : sizes) {
    if (value < 1 || value > INT32_MAX) {
      return Corrupt(fmt::format("{}: {} is {}; it must be between 1 and 2^31", file, what, value));
    }
  }
  const auto refuse = [&](const std::string& why) {
    return Corrupt(fmt::format("{}: {}", file, why));
  };
  if (c.layers > 4096) return refuse(fmt::format("{} layers are more than crumb takes", c.layers));
  if (c.heads % c.kv_heads != 0) {
    return refuse(fmt::format("{} heads can not share {} key heads", c.heads, c.kv_heads));
  }
  if (c.query_size() > INT32_MAX) return refuse("heads times head dimension is over 2^31");
  if (!c.learned_positions() && c.head_dim % 2 != 0) {
    return refuse(fmt::format("a rotary head needs an even dimension, has {}", c.head_dim));
  }
  if (!c.rope_factors.empty() && std::ssize(c.rope_factors) * 2 != c.head_dim) {
    return refuse(
        fmt::format("{} rotary factors for heads of {}", c.rope_factors.size(), c.head_dim));
  }
  if (c.window < 0 || c.token_types < 0) return refuse("a negative size");
  if (!c.window_layers.empty() && std::ssize(c.window_layers) != c.layers) {
    return refuse(
        fmt::format("window flags for {} layers of {}", c.window_layers.size(), c.layers));
  }
  const double positive[] = {c.attention_scale, c.embedding_scale, c.rope_scale};
  for (double value : positive) {
    if (!(value > 0) || !std::isfinite(value)) return refuse("a scale is not a positive number");
  }
  const double not_negative[] = {c.norm_eps, c.rope_theta, c.rope_theta_local, c.logit_softcap};
  for (double value : not_negative) {
    if (!(value >= 0) || !std::isfinite(value)) return refuse("a parameter is negative or NaN");
  }
  for (float factor : c.rope_factors) {
    if (!(factor > 0) || !std::isfinite(factor)) return refuse("a rotary factor is not positive");
  }
  return OkStatus();
}

Json CanonicalConfig(const ModelConfig& c) {
  return Json{
      {"model_type", c.family},
      {"vocab_size", c.vocabulary_size},
      {"hidden_size", c.hidden_size},
      {"intermediate_size", c.intermediate_size},
      {"num_hidden_layers", c.layers},
      {"num_attention_heads", c.heads},
      {"num_key_value_heads", c.kv_heads},
      {"head_dim", c.head_dim},
      {"max_position_embeddings", c.max_positions},
      {"hidden_act", ActivationName(c.activation)},
      {"norm_eps", c.norm_eps},
      {"rope_theta", c.rope_theta},
      {"rope_local_base_freq", c.rope_theta_local},
      {"rope_factors", c.rope_factors},
      {"rope_scale", c.rope_scale},
      {"sliding_window", c.window},
      {"window_layers", c.window_layers},
      {"attention_scale", c.attention_scale},
      {"embedding_scale", c.embedding_scale},
      {"logit_softcap", c.logit_softcap},
      {"tie_word_embeddings", c.tied_head},
      {"type_vocab_size", c.token_types},
      {"encoder", c.encoder},
      {"layer_norm", c.norm == NormKind::kLayer},
      {"gated_mlp", c.mlp == MlpKind::kGated},
      {"norm_before", c.norm_before},
      {"post_norms", c.post_norms},
      {"qk_norm", c.qk_norm},
      {"qkv_bias", c.qkv_bias},
      {"output_bias", c.output_bias},
      {"mlp_bias", c.mlp_bias},
  };
}

Result<ModelConfig> ParseCanonicalConfig(const Json& json, const std::string& file) {
  ModelConfig c;
  CRUMB_ASSIGN_OR_RETURN(c.family, JsonString(json, "model_type", file));
  CRUMB_ASSIGN_OR_RETURN(const std::string activation, JsonString(json, "hidden_act", file));
  CRUMB_ASSIGN_OR_RETURN(c.activation, ParseActivation(activation, file));
  CRUMB_RETURN_IF_ERROR(ReadSizes(json, file, &c));
  CRUMB_RETURN_IF_ERROR(ReadFlags(json, file, &c));
  CRUMB_RETURN_IF_ERROR(ReadNumbers(json, file, &c));
  CRUMB_RETURN_IF_ERROR(ReadList(json, "rope_factors", file, &c.rope_factors));
  CRUMB_RETURN_IF_ERROR(ReadList(json, "window_layers", file, &c.window_layers));
  CRUMB_RETURN_IF_ERROR(CheckConfig(c, file));
  return c;
}

}  // namespace crumb
