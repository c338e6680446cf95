#include "scoring/score.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/rng.h"

namespace crumb {
namespace {

constexpr int kRounds = 1000;
constexpr uint64_t kSeed = 20021;

// Scores of resampled items; of `other` minus those of `rows`, with the same draws, where it is
// given. Draws without a score are left out: they hold one class alone, or one number.
std::vector<double> Resample(const Scorer& scorer, const ScoreRows& rows, const ScoreRows* other) {
  Rng rng(kSeed);
  ScoreRows drawn = rows;
  ScoreRows other_drawn = other != nullptr ? *other : ScoreRows();
  const auto copy = [](const ScoreRows& from, size_t pick, size_t to, ScoreRows& out) {
    std::ranges::copy(from[pick], out.values.begin() + static_cast<ptrdiff_t>(to * from.width));
  };
  std::vector<double> scores;
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto pick = static_cast<size_t>(rng.Below(rows.size()));
      copy(rows, pick, i, drawn);
      if (other != nullptr) copy(*other, pick, i, other_drawn);
    }
    const double score = scorer.combine(drawn);
    const double value = other != nullptr ? scorer.combine(other_drawn) - score : score;
    if (!std::isnan(value)) scores.push_back(value);
  }
  return scores;
}

Interval PercentileInterval(const std::vector<double>& draws) {
  return {Quantile(draws, 0.025), Quantile(draws, 0.975)};
}

std::vector<bool> Verdicts(const ScoreRows& rows) {
  std::vector<bool> right;
  for (const double value : rows.values) right.push_back(value == 1);
  return right;
}

}  // namespace

Result<ScoreRows> MakeRows(const Scorer& scorer, std::span<const ScoringItem> items,
                           std::string_view file) {
  ScoreRows rows;
  for (const ScoringItem& item : items) {
    const Result<std::vector<double>> row = scorer.row(item);
    if (!row.ok()) {
      return Corrupt(fmt::format("{}: line {}: {} (metric {})", file, item.line,
                                 row.status().message(), scorer.name));
    }
    rows.width = row->size();
    rows.values.insert(rows.values.end(), row->begin(), row->end());
  }
  return rows;
}

bool IsRightOrWrong(const Scorer& scorer, const ScoreRows& rows) {
  return scorer.mean_of_items &&
         std::ranges::all_of(rows.values, [](double value) { return value == 0 || value == 1; });
}

Result<FileScore> ScoreFile(const Scorer& scorer, const ScoreRows& rows) {
  CRUMB_CHECK(rows.size() > 0);
  FileScore score;
  score.n = static_cast<int64_t>(rows.size());
  score.value = scorer.combine(rows);
  if (std::isnan(score.value)) return Corrupt(fmt::format("{}: {}", scorer.name, scorer.undefined));
  score.wilson = IsRightOrWrong(scorer, rows);
  if (score.wilson) {
    score.interval = WilsonInterval(std::ranges::count(rows.values, 1.0), score.n);
  } else if (scorer.mean_of_items) {
    score.interval = BootstrapMeanInterval(rows.values, kRounds, kSeed);
  } else {
    const std::vector<double> draws = Resample(scorer, rows, nullptr);
    score.interval = draws.empty() ? Interval{score.value, score.value} : PercentileInterval(draws);
  }
  return score;
}

PairedScore CompareScores(const Scorer& scorer, const ScoreRows& reference, const ScoreRows& rows) {
  CRUMB_CHECK(rows.size() > 0 && rows.values.size() == reference.values.size());
  PairedScore paired;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!std::ranges::equal(rows[i], reference[i])) ++paired.changed;
  }
  const auto n = static_cast<int64_t>(rows.size());
  if (IsRightOrWrong(scorer, rows) && IsRightOrWrong(scorer, reference)) {
    const PairedCounts counts = CountPairs(Verdicts(reference), Verdicts(rows));
    const Estimate estimate = PairedShareDifference(counts);
    paired.difference = estimate.value;
    paired.interval = estimate.interval;
    paired.standard_error = estimate.standard_error;
    paired.detectable = DetectableShareDifference(counts.flips(), n);
    paired.counts = counts;
    paired.p = McNemarExact(counts.only_a, counts.only_b);
    return paired;
  }
  paired.difference = scorer.combine(rows) - scorer.combine(reference);
  if (scorer.mean_of_items) {
    std::vector<double> differences;
    for (size_t i = 0; i < rows.size(); ++i) {
      differences.push_back(rows.values[i] - reference.values[i]);
    }
    paired.standard_error = StandardError(differences);
    paired.interval = BootstrapMeanInterval(differences, kRounds, kSeed);
  } else {
    const std::vector<double> draws = Resample(scorer, reference, &rows);
    paired.interval = {paired.difference, paired.difference};
    if (!draws.empty()) {
      paired.standard_error = std::sqrt(Variance(draws));
      paired.interval = PercentileInterval(draws);
    }
  }
  if (paired.standard_error > 0) {
    paired.detectable = DetectableMeanDifference(paired.standard_error);
  }
  return paired;
}

}  // namespace crumb
