// Places where no merge can ever join two neighbouring characters, so that the text may be cut
// there without changing a single token. It turns a long text into words that are encoded once
// each.
#ifndef CRUMB_TOKENIZERS_BPE_CUTS_H_
#define CRUMB_TOKENIZERS_BPE_CUTS_H_

#include <span>
#include <string_view>
#include <vector>

#include "tokenizers/bpe_merges.h"
#include "tokenizers/token.h"

namespace crumb {

class BpeCuts {
 public:
  // `tokens`: the texts that the ids of `merges` stand for, in UTF-8.
  BpeCuts(std::span<const Token> tokens, std::span<const BpeMerge> merges);

  // `text` in parts, one after another and none empty.
  std::vector<std::string_view> Cut(std::string_view text) const;

 private:
  static size_t Bit(char32_t left, char32_t right);

  // Pairs of characters at the seam of some merge, hashed into a bitmap: a collision only costs a
  // cut.
  std::vector<bool> joined_;
  bool possible_ = true;
};

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_BPE_CUTS_H_
