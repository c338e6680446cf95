// Qwen2 and Qwen2.5 (Yang et al. 2024): Llama with biases on query, key and value.
#include <fmt/format.h>

#include "base/json.h"
#include "model/family.h"
#include "model/family_parts.h"

namespace crumb {
namespace {

constexpr std::string_view kModelTypes[] = {"qwen2"};
constexpr std::string_view kIgnored[] = {"rotary_emb.inv_freq", "lm_head.weight"};

Result<ModelConfig> FromJson(const Json& config, const std::string& file) {
  CRUMB_ASSIGN_OR_RETURN(ModelConfig c, ReadLlamaLikeJson(config, file, /*tied_default=*/false));
  CRUMB_ASSIGN_OR_RETURN(const bool windows, JsonBoolOr(config, "use_sliding_window", false, file));
  if (windows) {
    return Unsupported(
        fmt::format("{}: Qwen2 with use_sliding_window is not known to crumb", file));
  }
  c.qkv_bias = true;
  return c;
}

Result<ModelConfig> FromGguf(const GgufFile& gguf) {
  CRUMB_ASSIGN_OR_RETURN(ModelConfig c, ReadGgufDecoder(gguf, "qwen2"));
  c.qkv_bias = true;
  return c;
}

}  // namespace

const Family* Qwen2Family() {
  static const Family family = {
      .name = "qwen2",
      .model_types = kModelTypes,
      .gguf_architecture = "qwen2",
      .from_json = FromJson,
      .json_names =
          {.prefixes = {}, .block = kHfBlock, .rules = {}, .shared_rules = {}, .ignored = kIgnored},
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
