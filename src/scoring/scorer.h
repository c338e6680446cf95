// What a metric is: how one item becomes a row of numbers, and how the rows of all items become one
// score. Resampling whole rows is then enough for the interval of any metric, also of one that is
// no mean of items (BLEU, AUC).
#ifndef CRUMB_SCORING_SCORER_H_
#define CRUMB_SCORING_SCORER_H_

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "scoring/item.h"

namespace crumb {

// The numbers of all items, `width` of them each.
struct ScoreRows {
  size_t width = 1;
  std::vector<double> values;

  size_t size() const { return values.size() / width; }
  std::span<const double> operator[](size_t i) const {
    return std::span(values).subspan(i * width, width);
  }
};

struct Scorer {
  std::string name;
  // What decides the number beside the texts, in the form of sacrebleu's signatures where it has
  // one. `items` are those that are scored.
  std::function<std::string(std::span<const ScoringItem> items)> signature;
  double best = 1;  // what a perfect system gets: 1 or 100
  // kCorrupt when a key that the metric needs is missing or has no use: `the message` begins with
  // what is wrong, and the caller puts file and line before it. Always the same width.
  std::function<Result<std::vector<double>>(const ScoringItem& item)> row;
  // NaN where the rows have no score (an AUC of one class alone). REQUIRES: at least one row.
  std::function<double(const ScoreRows& rows)> combine;
  bool mean_of_items = true;   // combine is the mean of rows of width 1
  std::string undefined = "";  // why combine gave NaN, for people
};

// A metric that is the mean over the items of one number each.
Scorer MeanScorer(std::string name, std::string signature,
                  std::function<Result<double>(const ScoringItem&)> of_item);

// The mean over items of the best that any of their references gives the prediction.
Scorer BestReferenceScorer(
    std::string name, std::string signature,
    std::function<double(std::string_view prediction, std::string_view reference)> score);

// What the item has, or kCorrupt naming the key.
Result<std::string_view> NeedPrediction(const ScoringItem& item);
Result<std::span<const std::string>> NeedReferences(const ScoringItem& item);
Result<double> NeedScore(const ScoringItem& item);
Result<double> NeedLabelNumber(const ScoringItem& item);

// "nrefs:2|", or "nrefs:var|" where items differ in how many they have.
std::string ReferenceCountSignature(std::span<const ScoringItem> items);

// Sums of the columns.
std::vector<double> SumOfRows(const ScoreRows& rows);

}  // namespace crumb

#endif  // CRUMB_SCORING_SCORER_H_
