// The merge step of byte pair encoding: of all neighbouring pairs of symbols that have a merge, the
// one of lowest rank (leftmost among equals) becomes one symbol, until none is left.
//
// Sennrich et al. 2016, arXiv:1508.07909; SentencePiece's BPE and llama2.c are the same with ranks
// that follow falling scores.
#ifndef CRUMB_TOKENIZERS_BPE_MERGES_H_
#define CRUMB_TOKENIZERS_BPE_MERGES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "tokenizers/token.h"

namespace crumb {

struct BpeMerge {
  int32_t left = 0;
  int32_t right = 0;
  int32_t merged = 0;
  int32_t rank = 0;  // lower goes first
};

// Immutable; safe from any thread.
class BpeMerges {
 public:
  // Of merges with the same pair the lowest rank counts.
  explicit BpeMerges(std::span<const BpeMerge> merges);

  // Applies the merges in place. O(n log n) for n symbols.
  void Apply(std::vector<int32_t>* symbols) const;

 private:
  // Open addressing over a power of two: one cache line for most look-ups.
  const BpeMerge* Find(int32_t left, int32_t right) const;

  std::vector<BpeMerge> slots_;  // rank < 0: free
};

// Merges of a vocabulary that has scores instead of a merge list: every way to cut a normal token
// into two normal tokens, ranked by falling score of the whole, by rising id where scores are
// equal. All cuts of a token have the same rank.
std::vector<BpeMerge> MergesFromScores(std::span<const Token> tokens,
                                       std::span<const float> scores);

}  // namespace crumb

#endif  // CRUMB_TOKENIZERS_BPE_MERGES_H_
