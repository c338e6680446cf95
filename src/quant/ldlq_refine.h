// Refinement of rounded rows against the whole of H: two steps in turn, neither of which can make a
// row worse.
//   descent  every level moves to where sum E H E^T is least while the others stay (coordinate
//            descent; the greedy updates of QuIP, Chee et al. 2023, section 4)
//   refit    the scales and zero points of all groups of a row together, by least squares in the
//            metric of H, for the levels as they are
#ifndef CRUMB_QUANT_LDLQ_REFINE_H_
#define CRUMB_QUANT_LDLQ_REFINE_H_

#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "calibration/second_moments.h"
#include "quant/group_rows.h"
#include "quant/row_errors.h"

namespace crumb {

void RefineRows(std::span<const float> weights, const SecondMoments& moments, GroupRows& rows,
                ThreadPool& pool);

// Moves the levels of row begin + i, keeping errors.Error(i) and Gradient(i) up to date, until none
// moves or `sweeps` are over.
void DescendRow(const SecondMoments& moments, int64_t begin, int64_t i, int sweeps, GroupRows& rows,
                RowErrors& errors);

// Least squares for the scales of rows.
class ScaleRefit {
 public:
  ScaleRefit(const SecondMoments& moments, const LevelGrid& grid);
  // New scales of rows begin .. begin + count in `rows`; a group whose best scale is not positive
  // keeps what it has. Losses may rise by that and by rounding: the caller compares.
  void Run(std::span<const float> weights, int64_t begin, int64_t count, GroupRows& rows) const;

 private:
  const LevelGrid grid_;
  int64_t groups_ = 0;
  std::vector<PackedMatrix> columns_;  // of each group: cols x group size, its columns of H
  std::vector<float> ones_;            // groups x cols: 1_g H
  std::vector<double> ones_ones_;      // groups x groups: 1_g H 1_g'
};

}  // namespace crumb

#endif  // CRUMB_QUANT_LDLQ_REFINE_H_
