// What the rows of a matrix lose by their levels, a few rows at a time.
#ifndef CRUMB_QUANT_ROW_ERRORS_H_
#define CRUMB_QUANT_ROW_ERRORS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "calibration/second_moments.h"
#include "quant/group_rows.h"
#include "quant/serial_product.h"

namespace crumb {

// Rows that go through a matrix product together. Always the same tiles, so that sums do not depend
// on the number of threads.
inline constexpr int64_t kRowTile = 48;

struct RowErrors {
  int64_t cols = 0;
  std::vector<float> error;     // tile x cols, E = W - W'
  std::vector<float> gradient;  // tile x cols, E H
  std::vector<double> loss;     // tile, E H E^T

  explicit RowErrors(int64_t col_count);
  float* Error(int64_t i) { return error.data() + i * cols; }
  float* Gradient(int64_t i) { return gradient.data() + i * cols; }

  // Of rows begin .. begin + count, count <= kRowTile. `weights`: of the whole matrix.
  void Measure(std::span<const float> weights, const GroupRows& rows, const SecondMoments& moments,
               int64_t begin, int64_t count);

 private:
  SerialProduct product_;
};

// E H E^T of every row.
std::vector<double> RowLosses(std::span<const float> weights, const GroupRows& rows,
                              const SecondMoments& moments, ThreadPool& pool);

// Calls work(begin, count) for tiles of at most kRowTile rows, in parallel.
template <typename F>
void ForRowTiles(int64_t rows, ThreadPool& pool, F&& work) {
  pool.ParallelFor(rows, kRowTile, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; r += kRowTile) work(r, std::min(kRowTile, end - r));
  });
}

}  // namespace crumb

#endif  // CRUMB_QUANT_ROW_ERRORS_H_
