// Byte pair encoding: over bytes (GPT-2, Llama 3, Qwen2, SmolLM), or over characters with single
// bytes for those that the vocabulary lacks (Llama 2, Gemma, llama2.c).
#ifndef CRUMB_TOKENIZERS_BPE_TOKENIZER_H_
#define CRUMB_TOKENIZERS_BPE_TOKENIZER_H_

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizers/bpe_cuts.h"
#include "tokenizers/bpe_merges.h"
#include "tokenizers/normalizer.h"
#include "tokenizers/splitter.h"
#include "tokenizers/tokenizer_base.h"

namespace crumb {

// The parts of a BPE tokenizer. Text goes through normalizer, splitter and merges in that order.
struct BpeSpec {
  std::string kind = "bpe";
  // With byte_level the texts of normal tokens are the bytes themselves, not their alphabet.
  std::vector<Token> tokens;
  std::vector<BpeMerge> merges;
  Normalizer normalizer;
  Splitter splitter;
  bool byte_level = false;
  bool byte_fallback = false;  // "<0xE4>" tokens stand in for unknown characters
  bool ignore_merges = false;  // a word that is a token as a whole is that token
  bool space_mark = false;     // U+2581 in a token is a space
  int32_t unknown = -1;        // stands in for what is left; < 0: such characters are dropped
  bool fuse_unknown = false;   // one unknown token for several in a row
  // The JSON of normalizer, pre_tokenizer and decoder, for Files() of a tokenizer that came
  // without.
  std::map<std::string, std::string> json_parts;
};

class BpeTokenizer : public TokenizerBase {
 public:
  BpeTokenizer(BpeSpec spec, TokenizerSettings settings);

  std::string_view kind() const override { return spec_.kind; }
  std::map<std::string, std::string> Files() const override;

 private:
  Status EncodeText(std::string_view text, bool at_start, std::vector<int32_t>* ids) const override;
  std::string PlainTokenBytes(const Token& token) const override;

  void EncodeWord(std::string_view word, std::vector<int32_t>* ids) const;
  void AppendSymbols(std::string_view word, std::vector<int32_t>* symbols) const;
  // The symbols of a character that is no token.
  void AppendUnknown(std::string_view character, std::vector<int32_t>* symbols) const;

  BpeSpec spec_;  // tokens and merges moved out
  BpeMerges merges_;
  BpeCuts cuts_;
  std::unordered_map<std::string_view, int32_t> ids_;  // normal tokens, views into tokens()
  std::array<int32_t, 256> byte_ids_;                  // -1: the vocabulary lacks this byte
};

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_BPE_TOKENIZER_H_
