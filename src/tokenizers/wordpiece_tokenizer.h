// WordPiece as BERT uses it: words from white space and punctuation, each cut greedily into the
// longest pieces of the vocabulary, "##" before pieces inside a word (google-research/bert,
// tokenization.py).
#ifndef CRUMB_TOKENIZERS_WORDPIECE_TOKENIZER_H_
#define CRUMB_TOKENIZERS_WORDPIECE_TOKENIZER_H_

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizers/normalizer.h"
#include "tokenizers/tokenizer_base.h"

namespace crumb {

struct WordPieceSpec {
  std::vector<Token> tokens;
  Normalizer normalizer;
  std::string continuing_prefix = "##";
  int32_t unknown = -1;                  // in the vocabulary
  size_t max_characters_per_word = 100;  // a longer word is unknown
};

// Decode joins words with one space: white space, case and accents do not come back.
class WordPieceTokenizer : public TokenizerBase {
 public:
  WordPieceTokenizer(WordPieceSpec spec, TokenizerSettings settings);

  std::string_view kind() const override { return "wordpiece"; }

 private:
  Status EncodeText(std::string_view text, bool at_start, std::vector<int32_t>* ids) const override;
  std::string PlainTokenBytes(const Token& token) const override;
  void EncodeWord(std::string_view word, std::vector<int32_t>* ids) const;

  WordPieceSpec spec_;                                    // tokens moved out
  std::unordered_map<std::string_view, int32_t> first_;   // pieces that start a word
  std::unordered_map<std::string_view, int32_t> inside_;  // the others, without their prefix
};

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_WORDPIECE_TOKENIZER_H_
