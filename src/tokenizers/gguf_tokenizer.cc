// The tokenizer in a GGUF file's metadata: byte-level BPE ("gpt2") with a merge list, and
// SentencePiece's BPE ("llama") with scores.
#include <fmt/format.h>

#include <unordered_map>

#include "base/json.h"
#include "formats/gguf.h"
#include "text/utf8.h"
#include "tokenizers/bpe_tokenizer.h"
#include "tokenizers/byte_alphabet.h"
#include "tokenizers/pre_tokenizer.h"
#include "tokenizers/tokenizer.h"
#include "tokenizers/tokenizer_config.h"

namespace crumb {
namespace {

// What the files say, or what llama.cpp takes where they say nothing.
Result<bool> BoolOr(const GgufFile& gguf, std::string_view key, bool fallback) {
  return gguf.Has(key) ? gguf.Bool(key) : Result<bool>(fallback);
}

Result<std::string> StringOr(const GgufFile& gguf, std::string_view key,
                             std::string_view fallback) {
  return gguf.Has(key) ? gguf.String(key) : Result<std::string>(std::string(fallback));
}

// The id under `key`, -1 when the file names none.
Result<int32_t> TokenId(const GgufFile& gguf, std::string_view key, size_t vocabulary_size) {
  if (!gguf.Has(key)) return -1;
  CRUMB_ASSIGN_OR_RETURN(const int64_t id, gguf.Int(key));
  if (id < 0 || id >= static_cast<int64_t>(vocabulary_size)) {
    return Corrupt(fmt::format("{}: {} is {}, outside the vocabulary of {}", gguf.path, key, id,
                               vocabulary_size));
  }
  return static_cast<int32_t>(id);
}

// The tokens with their types, texts as in the file; texts are unique and valid UTF-8.
Result<std::vector<Token>> ReadTokens(const GgufFile& gguf) {
  const std::vector<std::string>* texts = gguf.Strings("tokenizer.ggml.tokens");
  if (texts == nullptr || texts->empty()) {
    return Corrupt(fmt::format("{}: has no tokenizer.ggml.tokens", gguf.path));
  }
  const std::vector<int64_t>* types = gguf.Ints("tokenizer.ggml.token_type");
  if (types != nullptr && types->size() != texts->size()) {
    return Corrupt(
        fmt::format("{}: {} token types for {} tokens", gguf.path, types->size(), texts->size()));
  }
  std::vector<Token> tokens;
  std::unordered_map<std::string_view, size_t> ids;
  for (size_t i = 0; i < texts->size(); ++i) {
    const int64_t type = types == nullptr ? 1 : (*types)[i];
    const std::string& text = (*texts)[i];
    if (type < 1 || type > 6 || !IsValidUtf8(text)) {
      return Corrupt(fmt::format("{}: the token {} has the type {} and {} UTF-8", gguf.path, i,
                                 type, IsValidUtf8(text) ? "valid" : "invalid"));
    }
    const auto [it, is_new] = ids.try_emplace(text, i);
    if (!is_new) {
      return Corrupt(fmt::format("{}: the tokens {} and {} have the same text \"{}\"", gguf.path,
                                 it->second, i, text));
    }
    tokens.push_back({text, static_cast<TokenType>(type)});
  }
  return tokens;
}

// Sets a part of the tokenizer both for use and for Files().
Status SetParts(const Json& normalizer, const Json& pre_tokenizer, const Json& decoder,
                const std::string& name, BpeSpec* spec) {
  CRUMB_ASSIGN_OR_RETURN(spec->normalizer, Normalizer::FromJson(normalizer, name));
  CRUMB_ASSIGN_OR_RETURN(PreTokenizer pre, PreTokenizerFromJson(pre_tokenizer, name));
  spec->splitter = std::move(pre.splitter);
  spec->byte_level = pre.byte_level;
  spec->json_parts = {{"normalizer", DumpJson(normalizer)},
                      {"pre_tokenizer", DumpJson(pre_tokenizer)},
                      {"decoder", DumpJson(decoder)}};
  return OkStatus();
}

Result<std::vector<BpeMerge>> ReadMerges(const GgufFile& gguf, const std::vector<Token>& tokens) {
  const std::vector<std::string>* texts = gguf.Strings("tokenizer.ggml.merges");
  if (texts == nullptr) {
    return Corrupt(fmt::format("{}: has no tokenizer.ggml.merges", gguf.path));
  }
  std::unordered_map<std::string, int32_t> ids;
  for (size_t i = 0; i < tokens.size(); ++i) ids.emplace(tokens[i].text, static_cast<int32_t>(i));
  std::vector<BpeMerge> merges;
  for (size_t i = 0; i < texts->size(); ++i) {
    const std::string& text = (*texts)[i];
    const size_t space = text.find(' ', 1);  // the alphabet has no space
    const auto find = [&](const std::string& part) {
      const auto it = ids.find(part);
      return it == ids.end() ? -1 : it->second;
    };
    BpeMerge merge;
    if (space != std::string::npos) {
      merge.left = find(text.substr(0, space));
      merge.right = find(text.substr(space + 1));
      merge.merged = find(text.substr(0, space) + text.substr(space + 1));
    }
    if (space == std::string::npos || merge.left < 0 || merge.right < 0 || merge.merged < 0) {
      return Corrupt(fmt::format("{}: merge {} (\"{}\") is not two tokens that make a third",
                                 gguf.path, i, text));
    }
    merge.rank = static_cast<int32_t>(i);
    merges.push_back(merge);
  }
  return merges;
}

Result<BpeSpec> ByteLevelSpec(const GgufFile& gguf, std::vector<Token> tokens,
                              const std::string& pre) {
  BpeSpec spec;
  CRUMB_ASSIGN_OR_RETURN(const Json pre_tokenizer, PreTokenizerJsonOfGguf(pre, gguf.path));
  const Json decoder = {{"type", "ByteLevel"},
                        {"add_prefix_space", true},
                        {"trim_offsets", true},
                        {"use_regex", true}};
  CRUMB_RETURN_IF_ERROR(SetParts(nullptr, pre_tokenizer, decoder, gguf.path, &spec));
  CRUMB_ASSIGN_OR_RETURN(spec.merges, ReadMerges(gguf, tokens));
  for (Token& token : tokens) {
    if (token.type != TokenType::kNormal) continue;
    std::optional<std::string> bytes = FromByteAlphabet(token.text);
    if (!bytes.has_value()) {
      return Corrupt(
          fmt::format("{}: the token \"{}\" is not in the byte alphabet", gguf.path, token.text));
    }
    token.text = *std::move(bytes);
  }
  spec.tokens = std::move(tokens);
  spec.ignore_merges = pre == "llama-bpe" || pre == "llama3" || pre == "llama-v3";
  return spec;
}

Result<BpeSpec> SentencePieceSpec(const GgufFile& gguf, std::vector<Token> tokens, bool add_space) {
  const std::vector<double>* numbers = gguf.Numbers("tokenizer.ggml.scores");
  if (numbers == nullptr || numbers->size() != tokens.size()) {
    return Corrupt(fmt::format("{}: tokenizer.ggml.scores has not one number for each of {} tokens",
                               gguf.path, tokens.size()));
  }
  std::vector<float> scores;
  for (const double number : *numbers) {
    if (!(number == number)) return Corrupt(fmt::format("{}: a token's score is NaN", gguf.path));
    scores.push_back(static_cast<float>(number));
  }
  Json normalizers = Json::array();
  Json decoders = Json::array();
  if (add_space) normalizers.push_back({{"type", "Prepend"}, {"prepend", kSpaceMark}});
  normalizers.push_back(
      {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kSpaceMark}});
  decoders.push_back(
      {{"type", "Replace"}, {"pattern", {{"String", kSpaceMark}}}, {"content", " "}});
  decoders.push_back({{"type", "ByteFallback"}});
  decoders.push_back({{"type", "Fuse"}});
  if (add_space) {
    decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  BpeSpec spec;
  CRUMB_RETURN_IF_ERROR(SetParts({{"type", "Sequence"}, {"normalizers", normalizers}}, nullptr,
                                 {{"type", "Sequence"}, {"decoders", decoders}}, gguf.path, &spec));
  spec.kind = "sentencepiece";
  spec.byte_fallback = true;
  spec.space_mark = true;
  spec.fuse_unknown = true;
  spec.merges = MergesFromScores(tokens, scores);
  spec.tokens = std::move(tokens);
  return spec;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> LoadTokenizer(const GgufFile& gguf) {
  CRUMB_ASSIGN_OR_RETURN(const std::string model, gguf.String("tokenizer.ggml.model"));
  const bool sentencepiece = model == "llama";
  if (!sentencepiece && model != "gpt2") {
    return Unsupported(
        fmt::format("{}: the tokenizer \"{}\" (tokenizer.ggml.model) is not known to "
                    "crumb",
                    gguf.path, model));
  }
  CRUMB_ASSIGN_OR_RETURN(const std::string pre, StringOr(gguf, "tokenizer.ggml.pre", "default"));
  CRUMB_ASSIGN_OR_RETURN(std::vector<Token> tokens, ReadTokens(gguf));
  const size_t size = tokens.size();
  CRUMB_ASSIGN_OR_RETURN(const int32_t unknown,
                         TokenId(gguf, "tokenizer.ggml.unknown_token_id", size));
  CRUMB_ASSIGN_OR_RETURN(const int32_t bos, TokenId(gguf, "tokenizer.ggml.bos_token_id", size));
  CRUMB_ASSIGN_OR_RETURN(const int32_t eos, TokenId(gguf, "tokenizer.ggml.eos_token_id", size));
  CRUMB_ASSIGN_OR_RETURN(const int32_t eot, TokenId(gguf, "tokenizer.ggml.eot_token_id", size));
  CRUMB_ASSIGN_OR_RETURN(const bool add_space,
                         BoolOr(gguf, "tokenizer.ggml.add_space_prefix", sentencepiece));
  CRUMB_ASSIGN_OR_RETURN(BpeSpec spec, sentencepiece
                                           ? SentencePieceSpec(gguf, std::move(tokens), add_space)
                                           : ByteLevelSpec(gguf, std::move(tokens), pre));
  if (sentencepiece) spec.unknown = unknown;  // byte-level BPE knows every byte
  const auto text_of = [&](int32_t id) {
    return id < 0 ? std::string() : spec.tokens[static_cast<size_t>(id)].text;
  };
  TokenizerConfig config;
  config.bos = text_of(bos);
  config.eos = text_of(eos);
  config.eot = text_of(eot);
  CRUMB_ASSIGN_OR_RETURN(config.add_bos, BoolOr(gguf, "tokenizer.ggml.add_bos_token",
                                                sentencepiece || spec.ignore_merges));
  CRUMB_ASSIGN_OR_RETURN(config.add_eos, BoolOr(gguf, "tokenizer.ggml.add_eos_token", false));
  CRUMB_ASSIGN_OR_RETURN(config.chat_template, StringOr(gguf, "tokenizer.chat_template", ""));
  TokenizerSettings settings = MakeSettings(spec.tokens, config, {}, {});
  settings.strip_leading_space = sentencepiece && add_space;
  return std::unique_ptr<Tokenizer>(new BpeTokenizer(std::move(spec), std::move(settings)));
}

}  // namespace crumb
