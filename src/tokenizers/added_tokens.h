// Tokens that are found in the text itself before any other rule: "<|im_start|>", "[MASK]", a run
// of newlines. Leftmost match first, of several the longest.
#ifndef CRUMB_TOKENIZERS_ADDED_TOKENS_H_
#define CRUMB_TOKENIZERS_ADDED_TOKENS_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizers/token.h"

namespace crumb {

// A token, or (token < 0) text between tokens; never empty.
struct TextSegment {
  std::string_view text;
  int32_t token = -1;
};

class AddedTokens {
 public:
  // Takes the control, unknown and user-defined ones of `tokens` (by index = id), empty texts
  // aside.
  explicit AddedTokens(const std::vector<Token>& tokens);
  AddedTokens(const AddedTokens&) = delete;  // entries_ looks into texts_
  AddedTokens& operator=(const AddedTokens&) = delete;

  // User-defined tokens are always found, control and unknown tokens only with `parse_special`.
  std::vector<TextSegment> Split(std::string_view text, bool parse_special) const;

 private:
  struct Entry {
    int32_t id;
    bool special, lstrip, rstrip;
  };
  // The longest entry at the start of `text` and its length; nullptr for none.
  const Entry* Match(std::string_view text, bool parse_special, size_t* length) const;

  std::unordered_map<std::string_view, Entry> entries_;  // views into texts_
  std::vector<std::string> texts_;
  std::array<std::vector<size_t>, 256> lengths_;  // by first byte, longest first
};

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_ADDED_TOKENS_H_
