#include "tokenizers/tokenizer_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/json.h"

namespace crumb {
namespace {

// Tokens that end a turn in the chat formats of the known families.
constexpr std::array<std::string_view, 9> kEndOfTurn = {
    "<|im_end|>", "<end_of_turn>",   "<|eot_id|>", "<|end|>",        "<|endoftext|>",
    "<|eom_id|>", "<|end_of_text|>", "<EOT>",      "<|end_of_turn|>"};

// A special token is given as its text or as an object with its text.
std::string TokenText(const Json& config, std::string_view key) {
  const auto it = config.find(key);
  if (it == config.end()) return "";
  if (it->is_string()) return it->get<std::string>();
  if (it->is_object() && it->contains("content") && (*it)["content"].is_string()) {
    return (*it)["content"].get<std::string>();
  }
  return "";
}

// A string, or a list of named templates of which "default" is taken.
Result<std::string> ChatTemplate(const Json& config, const std::string& name) {
  const auto it = config.find("chat_template");
  if (it == config.end() || it->is_null()) return std::string();
  if (it->is_string()) return it->get<std::string>();
  if (!it->is_array())
    return Corrupt(fmt::format("{}: chat_template is neither text nor list", name));
  for (const Json& entry : *it) {
    if (!entry.is_object()) continue;
    CRUMB_ASSIGN_OR_RETURN(const std::string which, JsonStringOr(entry, "name", "", name));
    if (which == "default") return JsonString(entry, "template", name);
  }
  return std::string();
}

Result<std::optional<bool>> Flag(const Json& config, std::string_view key,
                                 const std::string& name) {
  const auto it = config.find(key);
  if (it == config.end() || it->is_null()) return std::optional<bool>();
  if (!it->is_boolean()) return Corrupt(fmt::format("{}: {} is neither true nor false", name, key));
  return std::optional<bool>(it->get<bool>());
}

// Takes the tokens that `config` names and that are not known yet.
void TakeTokens(const Json& json, TokenizerConfig* config) {
  const auto take = [&](std::string_view key, std::string* text) {
    if (text->empty()) *text = TokenText(json, key);
  };
  take("bos_token", &config->bos);
  take("eos_token", &config->eos);
  take("eot_token", &config->eot);
  take("cls_token", &config->cls);
  take("sep_token", &config->sep);
  take("unk_token", &config->unk);
}

bool IsSpecialType(TokenType type) {
  return type == TokenType::kControl || type == TokenType::kUnknown;
}

std::vector<int32_t> EndTokens(const std::vector<Token>& tokens, const TokenizerConfig& config) {
  std::vector<int32_t> ends;
  const auto add = [&](int32_t id) {
    if (id >= 0 && std::find(ends.begin(), ends.end(), id) == ends.end()) ends.push_back(id);
  };
  add(FindToken(tokens, config.eos));
  add(FindToken(tokens, config.eot));
  for (const std::string_view text : kEndOfTurn) {
    const int32_t id = FindToken(tokens, std::string(text));
    if (id >= 0 && IsSpecialType(tokens[static_cast<size_t>(id)].type)) add(id);
  }
  return ends;
}

// Makes `ids` hold or not hold `token` at the given end, as an explicit flag asks.
void Apply(std::optional<bool> wanted, int32_t token, bool at_front, std::vector<int32_t>* ids) {
  if (!wanted.has_value() || token < 0) return;
  const bool there = std::find(ids->begin(), ids->end(), token) != ids->end();
  if (*wanted && !there) ids->insert(at_front ? ids->begin() : ids->end(), token);
  if (!*wanted) std::erase(*ids, token);
}

}  // namespace

Result<TokenizerConfig> ReadTokenizerConfig(const FileMap& files, const std::string& name) {
  TokenizerConfig config;
  if (const auto it = files.find("tokenizer_config.json"); it != files.end()) {
    const std::string file = name + "/tokenizer_config.json";
    CRUMB_ASSIGN_OR_RETURN(const Json json, ParseJson(it->second, file));
    if (!json.is_object()) return Corrupt(fmt::format("{}: is not a JSON object", file));
    TakeTokens(json, &config);
    CRUMB_ASSIGN_OR_RETURN(config.add_bos, Flag(json, "add_bos_token", file));
    CRUMB_ASSIGN_OR_RETURN(config.add_eos, Flag(json, "add_eos_token", file));
    CRUMB_ASSIGN_OR_RETURN(config.lowercase, JsonBoolOr(json, "do_lower_case", true, file));
    CRUMB_ASSIGN_OR_RETURN(config.chat_template, ChatTemplate(json, file));
  }
  if (const auto it = files.find("special_tokens_map.json"); it != files.end()) {
    const std::string file = name + "/special_tokens_map.json";
    CRUMB_ASSIGN_OR_RETURN(const Json json, ParseJson(it->second, file));
    if (json.is_object()) TakeTokens(json, &config);
  }
  if (const auto it = files.find("chat_template.jinja"); it != files.end()) {
    config.chat_template = it->second;
  }
  return config;
}

int32_t FindToken(const std::vector<Token>& tokens, const std::string& text) {
  int32_t found = -1;
  if (text.empty()) return found;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].text != text) continue;
    if (IsSpecialType(tokens[i].type)) return static_cast<int32_t>(i);
    if (found < 0) found = static_cast<int32_t>(i);
  }
  return found;
}

TokenizerSettings MakeSettings(const std::vector<Token>& tokens, const TokenizerConfig& config,
                               std::vector<int32_t> prefix, std::vector<int32_t> suffix) {
  TokenizerSettings settings;
  settings.bos = FindToken(tokens, config.bos);
  // A tokenizer.json alone names no start token, but its post-processor may add one.
  if (config.bos.empty() && config.cls.empty() && prefix.size() == 1 &&
      tokens[static_cast<size_t>(prefix[0])].text != "[CLS]") {
    settings.bos = prefix[0];
  }
  settings.prefix = std::move(prefix);
  settings.suffix = std::move(suffix);
  Apply(config.add_bos, settings.bos, true, &settings.prefix);
  Apply(config.add_eos, FindToken(tokens, config.eos), false, &settings.suffix);
  settings.end_tokens = EndTokens(tokens, config);
  settings.chat_template = config.chat_template;
  return settings;
}

}  // namespace crumb
