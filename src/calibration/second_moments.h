// Second moments of the inputs of a matrix: what calibrated quantizers know of the data. The output
// error of a weight error E is then sum_r E_r H E_r^T, H = mean of x x^T (LeCun et al. 1990; GPTQ).
#ifndef CRUMB_CALIBRATION_SECOND_MOMENTS_H_
#define CRUMB_CALIBRATION_SECOND_MOMENTS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "kernels/matmul.h"

namespace crumb {

struct SecondMoments {
  int64_t cols = 0;
  int64_t count = 0;            // rows of activations that were added
  std::vector<float> hessian;   // cols x cols, mean of x x^T, exactly symmetric
  std::vector<float> mean;      // cols, mean of x
  std::vector<float> mean_abs;  // cols, mean of |x|
  int64_t not_finite = 0;       // rows that were left out because they held NaN or Inf
};

// Numbers in the triangle of a symmetric cols x cols matrix, rows 0 .. cols - 1 up to the diagonal.
constexpr int64_t TriangleSize(int64_t cols) { return cols * (cols + 1) / 2; }
// The whole matrix (cols x cols) of its triangle.
std::vector<float> FillSquare(std::span<const float> triangle, int64_t cols);

// Sums the triangle of H in float64 over blocks of 512 rows, whose products are summed in float32.
// The result depends on the rows and their order, neither on the split into calls nor on the
// threads.
class MomentsAccumulator {
 public:
  explicit MomentsAccumulator(int64_t cols);
  // Rows x[i * stride .. + cols). Rows with NaN, Inf or a number above 1e17, whose square is near
  // the end of float32, are left out.
  void Add(const float* x, int64_t rows, int64_t stride, ThreadPool& pool);
  // kNumerics when every row was left out or none was added. Takes in what does not fill a block
  // yet.
  Result<SecondMoments> Finish();
  // The same, but `hessian` holds the triangle only.
  Result<SecondMoments> FinishTriangle();

  int64_t bytes() const;                  // held
  static int64_t BytesFor(int64_t cols);  // the most that one for `cols` columns ever holds

 private:
  // Puts rows behind those that wait in block_.
  void Store(std::span<const float* const> rows, ThreadPool& pool);
  // Adds the products of the rows that wait.
  void AddProducts(ThreadPool& pool);

  int64_t cols_;
  int64_t count_ = 0;
  int64_t not_finite_ = 0;
  int64_t waiting_ = 0;           // rows in block_
  std::vector<double> products_;  // triangle
  std::vector<double> sums_;
  std::vector<double> abs_sums_;
  std::vector<float>
      block_;  // the rows of a block as columns: cols x 512, zeros behind those there
  std::vector<float> strip_;  // products of a few columns with all before them
  Activations strip_input_;
};

}  // namespace crumb

#endif  // CRUMB_CALIBRATION_SECOND_MOMENTS_H_
