#include "tokenizers/bpe_merges.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <queue>
#include <string_view>
#include <tuple>
#include <unordered_map>

namespace crumb {
namespace {

size_t PairHash(int32_t left, int32_t right) {
  uint64_t key =
      (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32) | static_cast<uint32_t>(right);
  key *= 0x9E3779B97F4A7C15u;  // Fibonacci hashing; the high bits are the mixed ones
  return static_cast<size_t>(key >> 20);
}

// A merge that may happen at `position`, unless one of its two symbols was merged before.
struct Candidate {
  const BpeMerge* merge;
  int32_t position;  // of the left symbol
};

struct GoesLater {
  bool operator()(const Candidate& a, const Candidate& b) const {
    return std::tie(a.merge->rank, a.position) > std::tie(b.merge->rank, b.position);
  }
};

}  // namespace

BpeMerges::BpeMerges(std::span<const BpeMerge> merges) {
  slots_.resize(std::bit_ceil(merges.size() * 2 + 1), BpeMerge{0, 0, 0, -1});
  const size_t mask = slots_.size() - 1;
  for (const BpeMerge& merge : merges) {
    size_t at = PairHash(merge.left, merge.right) & mask;
    while (slots_[at].rank >= 0 &&
           (slots_[at].left != merge.left || slots_[at].right != merge.right)) {
      at = (at + 1) & mask;
    }
    if (slots_[at].rank < 0 || merge.rank < slots_[at].rank) slots_[at] = merge;
  }
}

const BpeMerge* BpeMerges::Find(int32_t left, int32_t right) const {
  const size_t mask = slots_.size() - 1;
  for (size_t at = PairHash(left, right) & mask; slots_[at].rank >= 0; at = (at + 1) & mask) {
    if (slots_[at].left == left && slots_[at].right == right) return &slots_[at];
  }
  return nullptr;
}

void BpeMerges::Apply(std::vector<int32_t>* symbols) const {
  std::vector<int32_t>& ids = *symbols;
  const auto count = static_cast<int32_t>(ids.size());
  // The symbols that are left form a linked list; a merged right half keeps the id -1.
  std::vector<int32_t> next(ids.size());
  std::vector<int32_t> previous(ids.size());
  std::iota(next.begin(), next.end(), 1);
  std::iota(previous.begin(), previous.end(), -1);
  const auto at = [](auto& list, int32_t i) -> auto& { return list[static_cast<size_t>(i)]; };

  std::priority_queue<Candidate, std::vector<Candidate>, GoesLater> queue;
  const auto consider = [&](int32_t left) {
    if (left < 0 || at(next, left) >= count) return;
    const BpeMerge* merge = Find(at(ids, left), at(ids, at(next, left)));
    if (merge != nullptr) queue.push({merge, left});
  };
  for (int32_t i = 0; i + 1 < count; ++i) consider(i);
  while (!queue.empty()) {
    const auto [merge, left] = queue.top();
    queue.pop();
    const int32_t right = at(next, left);
    if (at(ids, left) != merge->left || right >= count || at(ids, right) != merge->right) continue;
    at(ids, left) = merge->merged;
    at(ids, right) = -1;
    at(next, left) = at(next, right);
    if (at(next, left) < count) at(previous, at(next, left)) = left;
    consider(at(previous, left));
    consider(left);
  }
  std::erase(ids, -1);
}

std::vector<BpeMerge> MergesFromScores(std::span<const Token> tokens,
                                       std::span<const float> scores) {
  std::unordered_map<std::string_view, int32_t> ids;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].type == TokenType::kNormal)
      ids.try_emplace(tokens[i].text, static_cast<int32_t>(i));
  }
  std::vector<int32_t> by_score;
  for (const auto& [text, id] : ids) by_score.push_back(id);
  const auto score = [&](int32_t id) { return scores[static_cast<size_t>(id)]; };
  std::sort(by_score.begin(), by_score.end(), [&](int32_t a, int32_t b) {
    return score(a) != score(b) ? score(a) > score(b) : a < b;
  });
  std::vector<BpeMerge> merges;
  for (size_t rank = 0; rank < by_score.size(); ++rank) {
    const int32_t merged = by_score[rank];
    const std::string_view text = tokens[static_cast<size_t>(merged)].text;
    for (size_t cut = 1; cut < text.size(); ++cut) {
      if ((static_cast<uint8_t>(text[cut]) & 0xC0) == 0x80) continue;  // inside a character
      const auto left = ids.find(text.substr(0, cut));
      if (left == ids.end()) continue;
      const auto right = ids.find(text.substr(cut));
      if (right != ids.end()) {
        merges.push_back({left->second, right->second, merged, static_cast<int32_t>(rank)});
      }
    }
  }
  return merges;
}

}  // namespace crumb
