#include "tokenizers/tokenizer_json_writer.h"

#include <algorithm>

#include "base/json.h"
#include "tokenizers/byte_alphabet.h"

namespace crumb {
namespace {

bool IsSpecial(const Token& token) {
  return token.type == TokenType::kControl || token.type == TokenType::kUnknown;
}

// The text that stands in the file.
std::string FileText(const Token& token, bool byte_level) {
  return byte_level && token.type == TokenType::kNormal ? ToByteAlphabet(token.text) : token.text;
}

Json AddedTokensJson(const std::vector<Token>& tokens) {
  Json list = Json::array();
  for (size_t id = 0; id < tokens.size(); ++id) {
    const Token& token = tokens[id];
    if (!IsSpecial(token) && token.type != TokenType::kUserDefined) continue;
    list.push_back({{"id", id},
                    {"content", token.text},
                    {"single_word", false},
                    {"lstrip", token.lstrip},
                    {"rstrip", token.rstrip},
                    {"normalized", false},
                    {"special", IsSpecial(token)}});
  }
  return list;
}

Json ModelJson(const BpeSpec& spec, const std::vector<Token>& tokens) {
  const auto text_of = [&](int32_t id) {
    return FileText(tokens[static_cast<size_t>(id)], spec.byte_level);
  };
  Json vocab = Json::object();
  Json::object_t& members = vocab.get_ref<Json::object_t&>();
  members.reserve(tokens.size());
  for (size_t id = 0; id < tokens.size(); ++id) {
    members.emplace_back(text_of(static_cast<int32_t>(id)),
                         id);  // operator[] would search them all
  }
  std::vector<BpeMerge> by_rank = spec.merges;
  std::stable_sort(by_rank.begin(), by_rank.end(),
                   [](const BpeMerge& a, const BpeMerge& b) { return a.rank < b.rank; });
  Json merges = Json::array();
  for (const BpeMerge& merge : by_rank) {
    merges.push_back(Json::array({text_of(merge.left), text_of(merge.right)}));
  }
  Json unknown;
  if (spec.unknown >= 0) unknown = text_of(spec.unknown);
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", unknown},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", spec.fuse_unknown},
          {"byte_fallback", spec.byte_fallback},
          {"ignore_merges", spec.ignore_merges},
          {"vocab", std::move(vocab)},
          {"merges", std::move(merges)}};
}

// {"SpecialToken": ...} for each of `ids`, and their entries in the table of special tokens.
void AddTemplateParts(const std::vector<int32_t>& ids, const std::vector<Token>& tokens,
                      Json* single, Json* special) {
  for (const int32_t id : ids) {
    const std::string& text = tokens[static_cast<size_t>(id)].text;
    single->push_back({{"SpecialToken", {{"id", text}, {"type_id", 0}}}});
    (*special)[text] = {{"id", text}, {"ids", Json::array({id})}, {"tokens", Json::array({text})}};
  }
}

Json PostProcessorJson(const std::vector<Token>& tokens, const TokenizerSettings& settings) {
  if (settings.prefix.empty() && settings.suffix.empty()) return nullptr;
  Json single = Json::array();
  Json special = Json::object();
  AddTemplateParts(settings.prefix, tokens, &single, &special);
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  AddTemplateParts(settings.suffix, tokens, &single, &special);
  Json pair = single;
  pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 1}}}});
  return {{"type", "TemplateProcessing"},
          {"single", std::move(single)},
          {"pair", std::move(pair)},
          {"special_tokens", std::move(special)}};
}

Json ConfigJson(const BpeSpec& spec, const std::vector<Token>& tokens,
                const TokenizerSettings& settings) {
  const auto text_of = [&](int32_t id) { return tokens[static_cast<size_t>(id)].text; };
  const std::vector<int32_t>& ends = settings.end_tokens;
  const auto adds = [&](const std::vector<int32_t>& ids, int32_t token) {
    return std::find(ids.begin(), ids.end(), token) != ids.end();
  };
  Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"}};
  config["add_bos_token"] = settings.bos >= 0 && adds(settings.prefix, settings.bos);
  config["add_eos_token"] = !ends.empty() && adds(settings.suffix, ends[0]);
  if (settings.bos >= 0) config["bos_token"] = text_of(settings.bos);
  if (!ends.empty()) config["eos_token"] = text_of(ends[0]);
  if (ends.size() > 1) config["eot_token"] = text_of(ends[1]);
  if (spec.unknown >= 0) config["unk_token"] = text_of(spec.unknown);
  if (!settings.chat_template.empty()) config["chat_template"] = settings.chat_template;
  return config;
}

}  // namespace

FileMap WriteTokenizerFiles(const BpeSpec& spec, const std::vector<Token>& tokens,
                            const TokenizerSettings& settings) {
  Json root = {{"version", "1.0"},
               {"truncation", nullptr},
               {"padding", nullptr},
               {"added_tokens", AddedTokensJson(tokens)}};
  for (const char* part : {"normalizer", "pre_tokenizer", "decoder"}) {
    const auto it = spec.json_parts.find(part);
    root[part] = it == spec.json_parts.end() ? Json() : Json::parse(it->second, nullptr, false);
  }
  root["post_processor"] = PostProcessorJson(tokens, settings);
  root["model"] = ModelJson(spec, tokens);
  return {{"tokenizer.json", DumpJson(root)},
          {"tokenizer_config.json", DumpJson(ConfigJson(spec, tokens, settings), 2)}};
}

}  // namespace crumb
