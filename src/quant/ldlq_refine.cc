#include "quant/ldlq_refine.h"

#include <algorithm>
#include <cmath>

namespace crumb {
namespace {

constexpr int kRounds = 6;
constexpr int kSweeps = 8;
// Rounds end when a tile gains less than this share of its loss.
constexpr double kLeastGain = 1e-3;

// Scales of a row before a refit.
struct SavedRows {
  std::vector<GroupScale> scales;
  SavedRows(const GroupRows& rows, int64_t begin, int64_t count)
      : scales(rows.scales.begin() + begin * rows.groups,
               rows.scales.begin() + (begin + count) * rows.groups) {}
  void Restore(GroupRows& rows, int64_t begin, int64_t i) const {
    std::copy_n(scales.begin() + i * rows.groups, rows.groups,
                rows.scales.begin() + (begin + i) * rows.groups);
  }
};

double Sum(std::span<const double> losses, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += losses[static_cast<size_t>(i)];
  return sum;
}

// One refit of a tile; rows that it makes worse keep their scales. `errors` is of the rows before
// and after.
void RefitTile(std::span<const float> weights, const SecondMoments& moments,
               const ScaleRefit& refit, int64_t begin, int64_t count, GroupRows& rows,
               RowErrors& errors) {
  const SavedRows saved(rows, begin, count);
  const std::vector<double> before = errors.loss;
  refit.Run(weights, begin, count, rows);
  errors.Measure(weights, rows, moments, begin, count);
  bool restored = false;
  for (int64_t i = 0; i < count; ++i) {
    if (errors.loss[static_cast<size_t>(i)] <= before[static_cast<size_t>(i)]) continue;
    saved.Restore(rows, begin, i);
    restored = true;
  }
  if (restored) errors.Measure(weights, rows, moments, begin, count);
}

void RefineTile(std::span<const float> weights, const SecondMoments& moments,
                const ScaleRefit& refit, int64_t begin, int64_t count, GroupRows& rows) {
  RowErrors errors(rows.cols);
  errors.Measure(weights, rows, moments, begin, count);
  for (int round = 0; round < kRounds; ++round) {
    const double before = Sum(errors.loss, count);
    RefitTile(weights, moments, refit, begin, count, rows, errors);
    for (int64_t i = 0; i < count; ++i) DescendRow(moments, begin, i, kSweeps, rows, errors);
    errors.Measure(weights, rows, moments, begin, count);
    if (before - Sum(errors.loss, count) <= kLeastGain * before) break;
  }
}

}  // namespace

void RefineRows(std::span<const float> weights, const SecondMoments& moments, GroupRows& rows,
                ThreadPool& pool) {
  const ScaleRefit refit(moments, rows.grid);
  ForRowTiles(rows.rows, pool, [&](int64_t begin, int64_t count) {
    RefineTile(weights, moments, refit, begin, count, rows);
  });
}

// Moving a level by d changes E_c by -x, x = scale step d, and the loss by -2 x G_c + x^2 H_cc:
// best is x = G_c / H_cc, and the nearest d to it is the best of all.
void DescendRow(const SecondMoments& moments, int64_t begin, int64_t i, int sweeps, GroupRows& rows,
                RowErrors& errors) {
  const int64_t n = rows.cols;
  float* error = errors.Error(i);
  float* gradient = errors.Gradient(i);
  uint8_t* levels = rows.RowLevels(begin + i);
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    bool moved = false;
    for (int64_t g = 0; g < rows.groups; ++g) {
      const GroupValues values = rows.Values(begin + i, g);
      if (values.scale == 0) continue;
      const float step = values.scale * values.step;
      for (int64_t c = rows.GroupBegin(g); c < rows.GroupEnd(g); ++c) {
        const float* h = moments.hessian.data() + c * n;
        if (!(h[c] > 0)) continue;
        const float now = levels[c];
        const float best =
            std::clamp(std::nearbyint(now + gradient[c] / (step * h[c])), 0.0f, values.top);
        if (best == now) continue;
        const float x = step * (best - now);
        levels[c] = static_cast<uint8_t>(best);
        error[c] -= x;
        for (int64_t k = 0; k < n; ++k) gradient[k] -= x * h[k];
        moved = true;
      }
    }
    if (!moved) return;
  }
}

}  // namespace crumb
