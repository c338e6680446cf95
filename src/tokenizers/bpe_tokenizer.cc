#include "tokenizers/bpe_tokenizer.h"

#include <algorithm>

#include "text/utf8.h"
#include "tokenizers/byte_alphabet.h"
#include "tokenizers/tokenizer_json_writer.h"

namespace crumb {

BpeTokenizer::BpeTokenizer(BpeSpec spec, TokenizerSettings settings)
    : TokenizerBase(std::move(spec.tokens), std::move(settings)),
      spec_(std::move(spec)),
      merges_(spec_.merges),
      cuts_(tokens(), spec_.byte_level ? std::span<const BpeMerge>() : spec_.merges) {
  byte_ids_.fill(-1);
  ids_.reserve(tokens().size());
  for (size_t i = 0; i < tokens().size(); ++i) {
    const Token& token = tokens()[i];
    const auto id = static_cast<int32_t>(i);
    if (token.type == TokenType::kNormal) ids_.try_emplace(token.text, id);
    if (spec_.byte_level && token.type == TokenType::kNormal && token.text.size() == 1) {
      byte_ids_[static_cast<uint8_t>(token.text[0])] = id;
    } else if (const auto byte = ByteOfToken(token.text);
               byte.has_value() && token.type == TokenType::kByte) {
      byte_ids_[*byte] = id;
    }
  }
  if (!this->settings().files.empty()) spec_.merges = {};  // only Files() would need them again
}

std::map<std::string, std::string> BpeTokenizer::Files() const {
  if (!settings().files.empty()) return settings().files;
  return WriteTokenizerFiles(spec_, tokens(), settings());
}

Status BpeTokenizer::EncodeText(std::string_view text, bool at_start,
                                std::vector<int32_t>* ids) const {
  const std::string normalized = spec_.normalizer.Apply(text, {at_start});
  CRUMB_ASSIGN_OR_RETURN(std::vector<std::string_view> words, spec_.splitter.Split(normalized));
  // A text repeats most of its words: each is encoded once, into a range of `known`.
  struct IdRange {
    size_t begin, end;
  };
  std::unordered_map<std::string_view, IdRange> ranges;
  std::vector<int32_t> known;
  const auto add_word = [&](std::string_view word, bool continues) {
    const auto [it, is_new] = ranges.try_emplace(word);
    if (is_new) {
      const size_t begin = known.size();
      EncodeWord(word, &known);
      it->second = {begin, known.size()};
    }
    auto [begin, end] = it->second;
    // Unknown characters that only a cut keeps apart are one unknown token.
    if (continues && spec_.fuse_unknown && begin < end && !ids->empty() &&
        ids->back() == spec_.unknown && known[begin] == spec_.unknown) {
      ++begin;
    }
    ids->insert(ids->end(), known.begin() + static_cast<ptrdiff_t>(begin),
                known.begin() + static_cast<ptrdiff_t>(end));
  };
  for (const std::string_view word : words) {
    if (spec_.byte_level || spec_.ignore_merges) {
      add_word(word, false);
      continue;
    }
    for (const std::string_view part : cuts_.Cut(word)) {
      add_word(part, part.data() != word.data());
    }
  }
  return OkStatus();
}

void BpeTokenizer::EncodeWord(std::string_view word, std::vector<int32_t>* ids) const {
  if (spec_.ignore_merges) {
    if (const auto it = ids_.find(word); it != ids_.end()) {
      ids->push_back(it->second);
      return;
    }
  }
  std::vector<int32_t> symbols;
  AppendSymbols(word, &symbols);
  merges_.Apply(&symbols);
  ids->insert(ids->end(), symbols.begin(), symbols.end());
}

void BpeTokenizer::AppendSymbols(std::string_view word, std::vector<int32_t>* symbols) const {
  symbols->reserve(word.size());
  if (spec_.byte_level) {
    for (size_t i = 0; i < word.size(); ++i) {
      const int32_t id = byte_ids_[static_cast<uint8_t>(word[i])];
      if (id >= 0) {
        symbols->push_back(id);
      } else {
        AppendUnknown(word.substr(i, 1), symbols);
      }
    }
    return;
  }
  for (size_t i = 0; i < word.size();) {
    const size_t start = i;
    NextCodePoint(word, &i);
    const std::string_view character = word.substr(start, i - start);
    const auto it = ids_.find(character);
    if (it != ids_.end()) {
      symbols->push_back(it->second);
    } else {
      AppendUnknown(character, symbols);
    }
  }
}

void BpeTokenizer::AppendUnknown(std::string_view character, std::vector<int32_t>* symbols) const {
  const auto id_of = [this](char byte) { return byte_ids_[static_cast<uint8_t>(byte)]; };
  if (spec_.byte_fallback && std::all_of(character.begin(), character.end(),
                                         [&](char byte) { return id_of(byte) >= 0; })) {
    for (const char byte : character) symbols->push_back(id_of(byte));
    return;
  }
  if (spec_.unknown < 0) return;
  if (spec_.fuse_unknown && !symbols->empty() && symbols->back() == spec_.unknown) return;
  symbols->push_back(spec_.unknown);
}

std::string BpeTokenizer::PlainTokenBytes(const Token& token) const {
  if (token.type == TokenType::kByte) {
    if (const auto byte = ByteOfToken(token.text)) return std::string(1, static_cast<char>(*byte));
  }
  return spec_.space_mark ? ReplaceAll(token.text, kSpaceMark, " ") : token.text;
}

}  // namespace crumb
