#include "scoring/scorer.h"

#include <fmt/format.h>

#include <algorithm>

#include "measure/statistics.h"

namespace crumb {
namespace {

Status Missing(std::string_view key) { return Corrupt(fmt::format("has no \"{}\"", key)); }

}  // namespace

Scorer MeanScorer(std::string name, std::string signature,
                  std::function<Result<double>(const ScoringItem&)> of_item) {
  Scorer scorer;
  scorer.name = std::move(name);
  scorer.signature = [signature = std::move(signature)](std::span<const ScoringItem>) {
    return signature;
  };
  scorer.row = [of_item =
                    std::move(of_item)](const ScoringItem& item) -> Result<std::vector<double>> {
    CRUMB_ASSIGN_OR_RETURN(const double value, of_item(item));
    return std::vector<double>{value};
  };
  scorer.combine = [](const ScoreRows& rows) { return Mean(rows.values); };
  return scorer;
}

Scorer BestReferenceScorer(
    std::string name, std::string signature,
    std::function<double(std::string_view prediction, std::string_view reference)> score) {
  return MeanScorer(std::move(name), std::move(signature),
                    [score = std::move(score)](const ScoringItem& item) -> Result<double> {
                      CRUMB_ASSIGN_OR_RETURN(const auto prediction, NeedPrediction(item));
                      CRUMB_ASSIGN_OR_RETURN(const auto references, NeedReferences(item));
                      double best = 0;
                      for (const std::string& reference : references) {
                        best = std::max(best, score(prediction, reference));
                      }
                      return best;
                    });
}

Result<std::string_view> NeedPrediction(const ScoringItem& item) {
  if (!item.prediction.has_value()) return Missing("prediction");
  return std::string_view(*item.prediction);
}

Result<std::span<const std::string>> NeedReferences(const ScoringItem& item) {
  if (item.references.empty()) return Missing("reference");
  return std::span<const std::string>(item.references);
}

Result<double> NeedScore(const ScoringItem& item) {
  if (!item.score.has_value()) return Missing("score");
  return *item.score;
}

Result<double> NeedLabelNumber(const ScoringItem& item) {
  if (!item.label.has_value()) return Missing("label");
  if (!item.label_number.has_value()) {
    return Corrupt(fmt::format("\"label\" is \"{}\" and must be a number", *item.label));
  }
  return *item.label_number;
}

std::string ReferenceCountSignature(std::span<const ScoringItem> items) {
  const size_t count = items.empty() ? 0 : items.front().references.size();
  const bool same = std::ranges::all_of(
      items, [&](const ScoringItem& item) { return item.references.size() == count; });
  return same ? fmt::format("nrefs:{}|", count) : "nrefs:var|";
}

std::vector<double> SumOfRows(const ScoreRows& rows) {
  std::vector<double> sums(rows.width, 0.0);
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t column = 0; column < rows.width; ++column) sums[column] += rows[i][column];
  }
  return sums;
}

}  // namespace crumb
