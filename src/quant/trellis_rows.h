// TrellisRows: one matrix while its trellis codes are searched, after the input transform.
#ifndef CRUMB_QUANT_TRELLIS_ROWS_H_
#define CRUMB_QUANT_TRELLIS_ROWS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "calibration/second_moments.h"
#include "codecs/trellis.h"
#include "quant/feedback.h"
#include "quant/trellis_search.h"

namespace crumb {

// What is to be coded. Everything is meant after the input transform.
struct TrellisProblem {
  const TrellisCodec* codec = nullptr;
  std::span<const float> weights;  // rows x cols
  int64_t rows = 0;
  int64_t cols = 0;
  const SecondMoments* moments = nullptr;  // null: every column counts the same
  const Feedback* feedback = nullptr;      // of these moments; null without them
  std::span<const float> row_importance;   // or empty
};

// Scale of each row for coding: its root mean square against the codec's, and more where fed errors
// make the targets wider than the weights. Rounded to float16; Inf where that is too large.
std::vector<float> CodingScales(const TrellisProblem& problem);

// Searches the codes for these scales and sets them in `codes` (zero before). Then replaces each
// scale by the one that suits the codes best,
//   s_r = (w_r H q_r^T) / (q_r H q_r^T),
// rounded to float16.
void CodeRows(const TrellisProblem& problem, std::span<float> scales, std::byte* codes,
              ThreadPool& pool);

}  // namespace crumb

#endif  // CRUMB_QUANT_TRELLIS_ROWS_H_
