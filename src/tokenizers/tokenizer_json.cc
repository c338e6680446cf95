#include "tokenizers/tokenizer_json.h"

#include <fmt/format.h>

#include <bit>
#include <functional>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tokenizers/bpe_tokenizer.h"
#include "tokenizers/byte_alphabet.h"
#include "tokenizers/post_processor.h"
#include "tokenizers/pre_tokenizer.h"
#include "tokenizers/wordpiece_tokenizer.h"

namespace crumb {
namespace {

const Json kNull;

// object[key], or null when it is not there.
const Json& Member(const Json& object, std::string_view key) {
  const auto it = object.find(key);
  return it == object.end() ? kNull : *it;
}

// Ids of the texts of the model's vocabulary (added tokens aside), which stay where they are in the
// file as it was parsed. Open addressing, since std::unordered_map waits for memory more often:
// merges look up three texts each.
class IdOfText {
 public:
  IdOfText() = default;
  explicit IdOfText(size_t texts) : slots_(std::bit_ceil(2 * texts + 1)) {}

  // No text twice, and no more texts than were said.
  void Add(std::string_view text, int32_t id) {
    const size_t hash = std::hash<std::string_view>()(text);
    size_t at = hash & (slots_.size() - 1);
    while (slots_[at].id >= 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {text, static_cast<uint32_t>(hash >> 32), id};
  }
  // -1: there is none.
  int32_t Find(std::string_view text) const {
    const size_t hash = std::hash<std::string_view>()(text);
    const auto upper = static_cast<uint32_t>(hash >> 32);
    for (size_t at = hash & (slots_.size() - 1); slots_[at].id >= 0;
         at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].upper == upper && slots_[at].text == text) return slots_[at].id;
    }
    return -1;
  }

 private:
  struct Slot {
    std::string_view text;
    uint32_t upper = 0;  // half of the hash
    int32_t id = -1;     // free
  };
  std::vector<Slot> slots_{1};
};

struct Vocabulary {
  std::vector<Token> tokens;  // by id, added tokens included, texts as in the file
  IdOfText ids;
};

Status AddAddedTokens(const Json& root, const std::string& name, TokenListBuilder* builder) {
  const Json& list = Member(root, "added_tokens");
  if (list.is_null()) return OkStatus();
  if (!list.is_array()) return Corrupt(fmt::format("{}: added_tokens is not a list", name));
  for (const Json& entry : list) {
    Token token;
    CRUMB_ASSIGN_OR_RETURN(const int64_t id, JsonInt(entry, "id", name));
    CRUMB_ASSIGN_OR_RETURN(token.text, JsonString(entry, "content", name));
    CRUMB_ASSIGN_OR_RETURN(const bool special, JsonBoolOr(entry, "special", false, name));
    CRUMB_ASSIGN_OR_RETURN(token.lstrip, JsonBoolOr(entry, "lstrip", false, name));
    CRUMB_ASSIGN_OR_RETURN(token.rstrip, JsonBoolOr(entry, "rstrip", false, name));
    token.type = special ? TokenType::kControl : TokenType::kUserDefined;
    CRUMB_RETURN_IF_ERROR(builder->Add(id, std::move(token)));
  }
  return OkStatus();
}

Result<Vocabulary> ReadVocabulary(const Json& root, const Json& model, const std::string& name) {
  const Json& vocab = Member(model, "vocab");
  if (!vocab.is_object()) return Corrupt(fmt::format("{}: model.vocab is not an object", name));
  Vocabulary vocabulary;
  vocabulary.ids = IdOfText(vocab.size());
  TokenListBuilder builder(name);
  for (const auto& [text, id] : vocab.items()) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > INT32_MAX) {
      return Corrupt(fmt::format("{}: the token \"{}\" has the id {}", name, text, DumpJson(id)));
    }
    CRUMB_RETURN_IF_ERROR(builder.Add(id.get<int64_t>(), {text, TokenType::kNormal}));
    vocabulary.ids.Add(text, id.get<int32_t>());
  }
  CRUMB_RETURN_IF_ERROR(AddAddedTokens(root, name, &builder));
  CRUMB_ASSIGN_OR_RETURN(vocabulary.tokens, std::move(builder).Finish());
  return vocabulary;
}

// "a b" or ["a", "b"]: views of `merge`.
Status SplitMerge(const Json& merge, size_t index, const std::string& name, std::string_view* left,
                  std::string_view* right) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
    *left = merge[0].get_ref<const std::string&>();
    *right = merge[1].get_ref<const std::string&>();
    return OkStatus();
  }
  if (merge.is_string()) {
    const std::string_view text = merge.get_ref<const std::string&>();
    const size_t space = text.find(' ');
    if (space != std::string::npos && text.find(' ', space + 1) == std::string::npos) {
      *left = text.substr(0, space);
      *right = text.substr(space + 1);
      return OkStatus();
    }
  }
  return Corrupt(fmt::format("{}: merge {} is {}, not two tokens", name, index, DumpJson(merge)));
}

Result<std::vector<BpeMerge>> ReadMerges(const Json& model, const IdOfText& ids,
                                         const std::string& name) {
  const Json& list = Member(model, "merges");
  if (!list.is_array()) return Corrupt(fmt::format("{}: model.merges is not a list", name));
  std::vector<BpeMerge> merges;
  merges.reserve(list.size());
  std::string_view left, right;
  std::string merged;
  for (size_t i = 0; i < list.size(); ++i) {
    CRUMB_RETURN_IF_ERROR(SplitMerge(list[i], i, name, &left, &right));
    const int32_t left_id = ids.Find(left);
    const int32_t right_id = ids.Find(right);
    merged.assign(left).append(right);
    const int32_t merged_id = ids.Find(merged);
    if (left_id < 0 || right_id < 0 || merged_id < 0) {
      return Corrupt(
          fmt::format("{}: merge {} (\"{}\" with \"{}\") names a token that is not in the "
                      "vocabulary",
                      name, i, left, right));
    }
    // Merges in a row that make the same token come from one SentencePiece score: they are equals,
    // and the leftmost in the text goes first.
    const bool equal = !merges.empty() && merges.back().merged == merged_id;
    const int32_t rank = equal ? merges.back().rank : static_cast<int32_t>(i);
    merges.push_back({left_id, right_id, merged_id, rank});
  }
  return merges;
}

bool HasDecoder(const Json& decoder, std::string_view type) {
  if (!decoder.is_object()) return false;
  if (Member(decoder, "type") == type) return true;
  const Json& parts = Member(decoder, "decoders");
  if (!parts.is_array()) return false;
  for (const Json& part : parts) {
    if (part.is_object() && Member(part, "type") == type) return true;
  }
  return false;
}

// Normal tokens of a byte-level vocabulary as the bytes that they stand for.
Status DecodeByteAlphabet(const std::string& name, std::vector<Token>* tokens) {
  for (Token& token : *tokens) {
    if (token.type != TokenType::kNormal) continue;
    std::optional<std::string> bytes = FromByteAlphabet(token.text);
    if (!bytes.has_value()) {
      return Corrupt(
          fmt::format("{}: the token \"{}\" is not in the byte alphabet", name, token.text));
    }
    token.text = *std::move(bytes);
  }
  return OkStatus();
}

void MarkByteTokens(std::vector<Token>* tokens) {
  for (Token& token : *tokens) {
    if (token.type == TokenType::kNormal && ByteOfToken(token.text)) token.type = TokenType::kByte;
  }
}

Result<int32_t> UnknownId(const Json& model, const IdOfText& ids, const std::string& name) {
  CRUMB_ASSIGN_OR_RETURN(const std::string text, JsonStringOr(model, "unk_token", "", name));
  if (text.empty()) return -1;
  const int32_t id = ids.Find(text);
  if (id < 0) {
    return Corrupt(fmt::format("{}: the unk_token \"{}\" is not in the vocabulary", name, text));
  }
  return id;
}

// The normalizer, then what the pre-tokenizer rewrites.
Normalizer Chain(Normalizer first, Normalizer second) {
  if (second.empty()) return first;
  first.Add([second](std::string_view text, TextPlace place) { return second.Apply(text, place); });
  return first;
}

Status CheckAffixes(const Json& model, const std::string& name) {
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    CRUMB_ASSIGN_OR_RETURN(const std::string affix, JsonStringOr(model, key, "", name));
    if (!affix.empty()) {
      return Unsupported(
          fmt::format("{}: BPE with {} \"{}\" is not known to crumb", name, key, affix));
    }
  }
  return OkStatus();
}

struct Parts {
  const Json& root;
  const Json& model;
  Vocabulary vocabulary;
  TokenizerConfig config;
  PostProcessor post;
  const FileMap& files;
  const std::string& name;
};

TokenizerSettings SettingsOf(const Parts& parts, const std::vector<Token>& tokens) {
  TokenizerSettings settings =
      MakeSettings(tokens, parts.config, parts.post.prefix, parts.post.suffix);
  settings.files = parts.files;
  return settings;
}

Result<std::unique_ptr<Tokenizer>> MakeBpe(Parts parts) {
  const std::string& name = parts.name;
  CRUMB_RETURN_IF_ERROR(CheckAffixes(parts.model, name));
  BpeSpec spec;
  CRUMB_ASSIGN_OR_RETURN(spec.merges, ReadMerges(parts.model, parts.vocabulary.ids, name));
  CRUMB_ASSIGN_OR_RETURN(spec.byte_fallback, JsonBoolOr(parts.model, "byte_fallback", false, name));
  CRUMB_ASSIGN_OR_RETURN(spec.ignore_merges, JsonBoolOr(parts.model, "ignore_merges", false, name));
  CRUMB_ASSIGN_OR_RETURN(spec.fuse_unknown, JsonBoolOr(parts.model, "fuse_unk", false, name));
  CRUMB_ASSIGN_OR_RETURN(spec.unknown, UnknownId(parts.model, parts.vocabulary.ids, name));
  CRUMB_ASSIGN_OR_RETURN(Normalizer normalizer,
                         Normalizer::FromJson(Member(parts.root, "normalizer"), name));
  CRUMB_ASSIGN_OR_RETURN(PreTokenizer pre,
                         PreTokenizerFromJson(Member(parts.root, "pre_tokenizer"), name));
  const Json& decoder = Member(parts.root, "decoder");
  spec.byte_level = pre.byte_level || HasDecoder(decoder, "ByteLevel");
  spec.space_mark = HasDecoder(decoder, "Metaspace") || HasDecoder(decoder, "Replace");
  spec.normalizer = Chain(std::move(normalizer), std::move(pre.rewriting));
  spec.splitter = std::move(pre.splitter);
  spec.tokens = std::move(parts.vocabulary.tokens);
  if (spec.byte_level) CRUMB_RETURN_IF_ERROR(DecodeByteAlphabet(name, &spec.tokens));
  if (spec.byte_fallback) MarkByteTokens(&spec.tokens);
  TokenizerSettings settings = SettingsOf(parts, spec.tokens);
  settings.strip_leading_space = HasDecoder(decoder, "Metaspace") || HasDecoder(decoder, "Strip");
  return std::unique_ptr<Tokenizer>(new BpeTokenizer(std::move(spec), std::move(settings)));
}

Result<std::unique_ptr<Tokenizer>> MakeWordPiece(Parts parts) {
  const std::string& name = parts.name;
  const Json& pre = Member(parts.root, "pre_tokenizer");
  if (!pre.is_object() || Member(pre, "type") != "BertPreTokenizer") {
    return Unsupported(fmt::format("{}: WordPiece without BertPreTokenizer", name));
  }
  WordPieceSpec spec;
  CRUMB_ASSIGN_OR_RETURN(spec.normalizer,
                         Normalizer::FromJson(Member(parts.root, "normalizer"), name));
  CRUMB_ASSIGN_OR_RETURN(spec.continuing_prefix,
                         JsonStringOr(parts.model, "continuing_subword_prefix", "##", name));
  CRUMB_ASSIGN_OR_RETURN(const int64_t longest,
                         JsonIntOr(parts.model, "max_input_chars_per_word", 100, name));
  CRUMB_ASSIGN_OR_RETURN(spec.unknown, UnknownId(parts.model, parts.vocabulary.ids, name));
  if (longest <= 0 || spec.unknown < 0) {
    return Corrupt(
        fmt::format("{}: WordPiece needs unk_token and max_input_chars_per_word > 0", name));
  }
  spec.max_characters_per_word = static_cast<size_t>(longest);
  spec.tokens = std::move(parts.vocabulary.tokens);
  TokenizerSettings settings = SettingsOf(parts, spec.tokens);
  settings.strip_leading_space = true;
  return std::unique_ptr<Tokenizer>(new WordPieceTokenizer(std::move(spec), std::move(settings)));
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> TokenizerFromJson(const FileMap& files,
                                                     const std::string& name) {
  const std::string file = name + "/tokenizer.json";
  const auto text = files.find("tokenizer.json");
  if (text == files.end()) return NotFound(fmt::format("{}: there is no such file", file));
  CRUMB_ASSIGN_OR_RETURN(const Json root, ParseJson(text->second, file));
  if (!root.is_object() || !Member(root, "model").is_object()) {
    return Corrupt(fmt::format("{}: has no \"model\"", file));
  }
  const Json& model = Member(root, "model");
  // Files of old versions name no type.
  CRUMB_ASSIGN_OR_RETURN(const std::string type,
                         JsonStringOr(model, "type", model.contains("merges") ? "BPE" : "", file));
  if (type != "BPE" && type != "WordPiece") {
    return Unsupported(
        fmt::format("{}: the tokenizer model \"{}\" is not known to crumb", file, type));
  }
  CRUMB_ASSIGN_OR_RETURN(Vocabulary vocabulary, ReadVocabulary(root, model, file));
  CRUMB_ASSIGN_OR_RETURN(TokenizerConfig config, ReadTokenizerConfig(files, name));
  CRUMB_ASSIGN_OR_RETURN(
      PostProcessor post,
      PostProcessorFromJson(Member(root, "post_processor"),
                            static_cast<int32_t>(vocabulary.tokens.size()), file));
  Parts parts{root, model, std::move(vocabulary), std::move(config), std::move(post), files, file};
  return type == "BPE" ? MakeBpe(std::move(parts)) : MakeWordPiece(std::move(parts));
}

}  // namespace crumb
