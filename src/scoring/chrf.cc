#include "scoring/chrf.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "text/words.h"

namespace crumb {
namespace {

constexpr size_t kCharacterOrders = 6;
constexpr double kBetaSquared = 4;

// Counts of the n-grams of one order; the key is its characters, or its words with blanks between.
using Counts = std::unordered_map<std::u32string, int64_t>;

bool IsAsciiPunctuation(char32_t c) {
  return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
         (c >= 123 && c <= 126);
}

// Words with one sign at their end, or else at their start, cut off.
std::vector<std::u32string> ChrfWords(std::string_view text) {
  std::vector<std::u32string> words;
  for (const std::string& word : SplitWords(text)) {
    const std::u32string points = CodePoints(word);
    if (points.size() > 1 && IsAsciiPunctuation(points.back())) {
      words.push_back(points.substr(0, points.size() - 1));
      words.push_back(points.substr(points.size() - 1));
    } else if (points.size() > 1 && IsAsciiPunctuation(points.front())) {
      words.push_back(points.substr(0, 1));
      words.push_back(points.substr(1));
    } else {
      words.push_back(points);
    }
  }
  return words;
}

std::vector<Counts> CountAll(std::string_view text, int word_order) {
  std::vector<Counts> all(kCharacterOrders + static_cast<size_t>(word_order));
  std::string joined;
  for (const std::string& word : SplitWords(text)) joined += word;
  const std::u32string points = CodePoints(joined);
  for (size_t n = 1; n <= kCharacterOrders; ++n) {
    for (size_t i = 0; i + n <= points.size(); ++i) ++all[n - 1][points.substr(i, n)];
  }
  if (word_order == 0) return all;
  const std::vector<std::u32string> words = ChrfWords(text);
  for (size_t begin = 0; begin < words.size(); ++begin) {
    std::u32string ngram;
    for (size_t n = 0; n < static_cast<size_t>(word_order) && begin + n < words.size(); ++n) {
      if (n > 0) ngram += U' ';
      ngram += words[begin + n];
      ++all[kCharacterOrders + n][ngram];
    }
  }
  return all;
}

int64_t Total(const Counts& counts) {
  int64_t total = 0;
  for (const auto& [ngram, count] : counts) total += count;
  return total;
}

std::vector<double> Compare(const std::vector<Counts>& mine, const std::vector<Counts>& other) {
  std::vector<double> counts;
  for (size_t order = 0; order < mine.size(); ++order) {
    int64_t matches = 0;
    for (const auto& [ngram, count] : mine[order]) {
      const auto found = other[order].find(ngram);
      if (found != other[order].end()) matches += std::min(count, found->second);
    }
    // An order that the reference is too short for asks nothing of the prediction.
    const int64_t of_mine = other[order].empty() ? 0 : Total(mine[order]);
    counts.push_back(static_cast<double>(of_mine));
    counts.push_back(static_cast<double>(Total(other[order])));
    counts.push_back(static_cast<double>(matches));
  }
  return counts;
}

}  // namespace

std::vector<double> CountChrf(std::string_view prediction, std::span<const std::string> references,
                              int word_order) {
  const std::vector<Counts> mine = CountAll(prediction, word_order);
  std::vector<double> best;
  double best_score = -1;
  for (const std::string& reference : references) {
    std::vector<double> counts = Compare(mine, CountAll(reference, word_order));
    const double score = ChrfOf(counts);
    if (score > best_score) {
      best_score = score;
      best = std::move(counts);
    }
  }
  return best;
}

double ChrfOf(std::span<const double> counts) {
  double precision = 0;
  double recall = 0;
  double orders = 0;
  for (size_t i = 0; i + 2 < counts.size(); i += 3) {
    if (counts[i] == 0 || counts[i + 1] == 0) continue;
    precision += counts[i + 2] / counts[i];
    recall += counts[i + 2] / counts[i + 1];
    ++orders;
  }
  if (precision + recall == 0) return 0;
  precision /= orders;
  recall /= orders;
  return 100 * (1 + kBetaSquared) * precision * recall / (kBetaSquared * precision + recall);
}

Scorer ChrfScorer(int word_order) {
  Scorer scorer;
  scorer.name = word_order == 0 ? "chrf" : "chrf++";
  scorer.best = 100;
  scorer.mean_of_items = false;
  scorer.signature = [word_order](std::span<const ScoringItem> items) {
    return ReferenceCountSignature(items) +
           fmt::format("case:mixed|eff:yes|nc:{}|nw:{}|space:no", kCharacterOrders, word_order);
  };
  scorer.row = [word_order](const ScoringItem& item) -> Result<std::vector<double>> {
    CRUMB_ASSIGN_OR_RETURN(const auto prediction, NeedPrediction(item));
    CRUMB_ASSIGN_OR_RETURN(const auto references, NeedReferences(item));
    return CountChrf(prediction, references, word_order);
  };
  scorer.combine = [](const ScoreRows& rows) { return ChrfOf(SumOfRows(rows)); };
  return scorer;
}

}  // namespace crumb
