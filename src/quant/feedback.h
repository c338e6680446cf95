// Error feedback: how the rounding error of one column is best made up for by the columns that are
// rounded after it. One factorization serves GPTQ (Frantar et al. 2022), LDLQ (Chee et al. 2023)
// and the trellis.
//
// With columns taken in `order` (position i is column order[i]) and H permuted accordingly,
// H^-1 = U^T U with U upper triangular. When position i is rounded with error e = w - q (w after
// all earlier feedback), every later position j > i becomes w_j - e U_ij / U_ii, and the loss sum_r
// E_r H E_r^T is sum over i, r of e_ir^2 / U_ii^2.
#ifndef CRUMB_QUANT_FEEDBACK_H_
#define CRUMB_QUANT_FEEDBACK_H_

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "calibration/second_moments.h"

namespace crumb {

enum class ColumnOrder {
  kNatural,
  kActivation,  // largest diagonal of H first ("act-order")
};

struct FeedbackOptions {
  ColumnOrder order = ColumnOrder::kActivation;
  double damping = 0.01;  // added to the diagonal, as a share of its mean
};

struct Feedback {
  std::vector<int32_t> order;    // position -> column
  std::vector<float> factors;    // cols x cols by positions: U_ij / U_ii for j > i, else 0
  std::vector<double> diagonal;  // 1 / U_ii^2: what an error at position i costs
  double damping = 0;            // share that was needed: doubled until the factorization held
  int64_t dead_columns = 0;      // columns whose input was always zero; their weights do not matter
};

// kNumerics with counts when H holds NaN, Inf or negative squares, kInvalidArgument when it has
// another size. A singular H is damped until it is positive definite; that is told by `damping`.
// Dead columns get the mean of the diagonal and feed nothing. In float64: 8 cols^2 bytes beside the
// result. Not for two threads at once (the serial OpenBLAS shares buffers).
Result<Feedback> MakeFeedback(const SecondMoments& moments, const FeedbackOptions& options);

}  // namespace crumb

#endif  // CRUMB_QUANT_FEEDBACK_H_
