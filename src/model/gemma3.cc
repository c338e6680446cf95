// Gemma 3, text only (Gemma Team 2025): norms on queries, keys and on the outputs of attention and
// MLP; five layers with a sliding window for each one that sees everything; scaled embeddings.
#include <fmt/format.h>

#include <cmath>

#include "base/json.h"
#include "model/family.h"
#include "model/family_parts.h"

namespace crumb {
namespace {

constexpr std::string_view kModelTypes[] = {"gemma3_text", "gemma3"};
constexpr std::string_view kPrefixes[] = {"", "language_model."};
constexpr std::string_view kIgnored[] = {"vision_tower.", "multi_modal_projector.",
                                         "rotary_emb.inv_freq", "lm_head.weight"};
constexpr int64_t kGlobalEvery = 6;
constexpr double kLocalTheta = 10000;

// Files for Hugging Face store weight - 1; GGUF's converter has added the one.
constexpr TensorRule kHfRules[] = {
    {"model.norm", "model.norm", kAddOne},
    {"input_layernorm", "input_layernorm", kAddOne},
    {"self_attn.q_norm", "self_attn.q_norm", kAddOne},
    {"self_attn.k_norm", "self_attn.k_norm", kAddOne},
    {"attn_post_norm", "post_attention_layernorm", kAddOne},
    {"post_attention_layernorm", "pre_feedforward_layernorm", kAddOne},
    {"mlp_post_norm", "post_feedforward_layernorm", kAddOne},
};

void SetGemmaParts(int64_t global_every, ModelConfig* c) {
  c->qk_norm = true;
  c->post_norms = true;
  c->activation = Activation::kGeluTanh;
  c->embedding_scale = static_cast<float>(std::sqrt(static_cast<double>(c->hidden_size)));
  for (int64_t layer = 0; layer < c->layers && layer < 4096; ++layer) {
    c->window_layers.push_back((layer + 1) % global_every != 0);
  }
}

// Newer files keep both rotary tables under "rope_parameters".
Status ReadNewRope(const Json& text, const std::string& file, ModelConfig* c) {
  const Json& rope = text["rope_parameters"];
  if (!rope.is_object() || !rope.contains("full_attention") ||
      !rope.contains("sliding_attention")) {
    return Corrupt(fmt::format("{}: 'rope_parameters' has no full and sliding attention", file));
  }
  const Json& full = rope["full_attention"];
  CRUMB_ASSIGN_OR_RETURN(c->rope_theta, JsonNumber(full, "rope_theta", file));
  CRUMB_ASSIGN_OR_RETURN(c->rope_scale, JsonNumberOr(full, "factor", 1, file));
  CRUMB_ASSIGN_OR_RETURN(c->rope_theta_local,
                         JsonNumber(rope["sliding_attention"], "rope_theta", file));
  return OkStatus();
}

// The list of kinds of layers where the file has one.
Status ReadLayerTypes(const Json& text, const std::string& file, ModelConfig* c) {
  const auto types = text.find("layer_types");
  if (types == text.end() || !types->is_array()) return OkStatus();
  c->window_layers.clear();
  for (const Json& type : *types) {
    if (type != "sliding_attention" && type != "full_attention") {
      return Unsupported(fmt::format("{}: layer type {} is not known", file, DumpJson(type)));
    }
    c->window_layers.push_back(type == "sliding_attention");
  }
  return OkStatus();
}

Result<ModelConfig> FromJson(const Json& config, const std::string& file) {
  const auto inner = config.find("text_config");  // of the models that also see
  Json text = inner != config.end() && inner->is_object() ? *inner : config;
  const bool new_rope = text.contains("rope_parameters");
  ModelConfig rope;
  if (new_rope) {
    CRUMB_RETURN_IF_ERROR(ReadNewRope(text, file, &rope));
    text.erase("rope_parameters");
  } else {
    CRUMB_ASSIGN_OR_RETURN(rope.rope_theta, JsonNumberOr(text, "rope_theta", 1e6, file));
    CRUMB_ASSIGN_OR_RETURN(rope.rope_theta_local,
                           JsonNumberOr(text, "rope_local_base_freq", kLocalTheta, file));
  }
  CRUMB_ASSIGN_OR_RETURN(ModelConfig c, ReadLlamaLikeJson(text, file, /*tied_default=*/true));
  c.rope_theta = rope.rope_theta;
  c.rope_theta_local = rope.rope_theta_local;
  if (new_rope) c.rope_scale = rope.rope_scale;
  CRUMB_ASSIGN_OR_RETURN(c.window, JsonIntOr(text, "sliding_window", 512, file));
  CRUMB_ASSIGN_OR_RETURN(const int64_t every,
                         JsonIntOr(text, "sliding_window_pattern", kGlobalEvery, file));
  if (every < 1) return Corrupt(fmt::format("{}: sliding_window_pattern is {}", file, every));
  SetGemmaParts(every, &c);
  CRUMB_RETURN_IF_ERROR(ReadLayerTypes(text, file, &c));
  CRUMB_ASSIGN_OR_RETURN(const double scalar,
                         JsonNumberOr(text, "query_pre_attn_scalar", 256, file));
  c.attention_scale = static_cast<float>(1 / std::sqrt(scalar));
  CRUMB_ASSIGN_OR_RETURN(const double cap, JsonNumberOr(text, "final_logit_softcapping", 0, file));
  c.logit_softcap = static_cast<float>(cap);
  return c;
}

Result<ModelConfig> FromGguf(const GgufFile& gguf) {
  CRUMB_ASSIGN_OR_RETURN(ModelConfig c, ReadGgufDecoder(gguf, "gemma3"));
  SetGemmaParts(kGlobalEvery, &c);
  CRUMB_ASSIGN_OR_RETURN(c.window, gguf.Int("gemma3.attention.sliding_window"));
  c.rope_theta_local = kLocalTheta;
  // GGUF has no key for the scale; only the 27B model, with its 62 blocks, has one of its own.
  if (c.layers == 62 && c.heads > 0) {
    const double scalar = static_cast<double>(c.hidden_size) / static_cast<double>(c.heads);
    c.attention_scale = static_cast<float>(1 / std::sqrt(scalar));
  }
  return c;
}

}  // namespace

const Family* Gemma3Family() {
  static const Family family = {
      .name = "gemma3",
      .model_types = kModelTypes,
      .gguf_architecture = "gemma3",
      .from_json = FromJson,
      .json_names = {.prefixes = kPrefixes,
                     .block = kHfBlock,
                     .rules = kHfRules,
                     .shared_rules = {},
                     .ignored = kIgnored},
      .from_gguf = FromGguf,
      .gguf_names = {.prefixes = {},
                     .block = kGgufBlock,
                     .rules = {},
                     .shared_rules = GgufRules(),
                     .ignored = {}},
  };
  return &family;
}

}  // namespace crumb
