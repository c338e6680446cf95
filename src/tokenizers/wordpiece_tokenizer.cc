#include "tokenizers/wordpiece_tokenizer.h"

#include "text/unicode.h"
#include "text/utf8.h"

namespace crumb {

WordPieceTokenizer::WordPieceTokenizer(WordPieceSpec spec, TokenizerSettings settings)
    : TokenizerBase(std::move(spec.tokens), std::move(settings)), spec_(std::move(spec)) {
  for (size_t i = 0; i < tokens().size(); ++i) {
    const std::string_view text = tokens()[i].text;
    const auto id = static_cast<int32_t>(i);
    const std::string_view prefix = spec_.continuing_prefix;
    if (text.size() > prefix.size() && text.starts_with(prefix)) {
      inside_.try_emplace(text.substr(prefix.size()), id);
    }
    first_.try_emplace(text, id);
  }
}

Status WordPieceTokenizer::EncodeText(std::string_view text, bool at_start,
                                      std::vector<int32_t>* ids) const {
  const std::string normalized = spec_.normalizer.Apply(text, {at_start});
  const std::string_view whole = normalized;
  size_t word_start = 0;
  const auto end_word = [&](size_t end) {
    if (end > word_start) EncodeWord(whole.substr(word_start, end - word_start), ids);
  };
  for (size_t i = 0; i < whole.size();) {
    const size_t start = i;
    const char32_t c = NextCodePoint(whole, &i);
    const bool space = IsWhiteSpace(c);
    if (!space && !IsBertPunctuation(c)) continue;
    end_word(start);
    word_start = start;
    if (!space) end_word(i);
    word_start = i;
  }
  end_word(whole.size());
  return OkStatus();
}

void WordPieceTokenizer::EncodeWord(std::string_view word, std::vector<int32_t>* ids) const {
  std::vector<size_t> boundaries;  // byte positions behind each character
  for (size_t i = 0; i < word.size();) {
    NextCodePoint(word, &i);
    boundaries.push_back(i);
  }
  if (boundaries.size() > spec_.max_characters_per_word) {
    ids->push_back(spec_.unknown);
    return;
  }
  const size_t ids_before = ids->size();
  size_t start = 0;
  while (start < word.size()) {
    const auto& pieces = start == 0 ? first_ : inside_;
    size_t end = 0;
    for (auto it = boundaries.rbegin(); it != boundaries.rend() && *it > start; ++it) {
      const auto piece = pieces.find(word.substr(start, *it - start));
      if (piece == pieces.end()) continue;
      ids->push_back(piece->second);
      end = *it;
      break;
    }
    if (end == 0) {  // one piece that is missing makes the whole word unknown
      ids->resize(ids_before);
      ids->push_back(spec_.unknown);
      return;
    }
    start = end;
  }
}

std::string WordPieceTokenizer::PlainTokenBytes(const Token& token) const {
  if (token.text.starts_with(spec_.continuing_prefix)) {
    return token.text.substr(spec_.continuing_prefix.size());
  }
  return " " + token.text;
}

}  // namespace crumb
