// Making up for the errors of the blocks before: a matrix of a quantized model reads activations
// x' instead of the float model's x, and there is a best linear answer to that.
//
// With H = mean of x' x'^T, D = mean of (x - x') x'^T and, for matrices that add to the residual
// stream, S = mean of (s - s') x'^T (s: the stream before the sum), the weights
//   W* = W + (W D + S) (H + lambda I)^-1
// minimise the mean of |W x + s - W* x' - s'|^2 + lambda |W* - W|^2. Quantizing W* under H then
// minimises the same error over the codes (Li et al. 2025, GPTAQ, eq. 7, without the residual
// term).
//
// Where what W makes goes through a norm on its way to the stream (Gemma 3) there is no S: the
// stream's errors are not in the norm's units, and the more of them is put in front of it, the more
// of W x it takes away. The norm divides each token by the size of W x, so that a token's error
// counts by the inverse square of that: x and x' are divided by it above.
//
// Where W x is at hand, one product takes the place of two: with T = mean of (W x + s - s') x'^T,
// W D + S = T - W H.
#ifndef CRUMB_QUANT_CORRECTION_H_
#define CRUMB_QUANT_CORRECTION_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "calibration/second_moments.h"
#include "codecs/packed_matrix.h"

namespace crumb {

// Mean of a b^T over rows of activations, in float64 over blocks of float32 products. The result
// does not depend on the threads.
class CrossMoments {
 public:
  CrossMoments(int64_t a_width, int64_t b_width);
  // Row i of a at a + i * a_width, of b at b + i * b_width.
  void Add(const float* a, const float* b, int64_t rows, ThreadPool& pool);
  // a_width x b_width; zeros when nothing was added.
  std::vector<float> Mean() const;
  // a_width: mean of a itself.
  std::vector<float> MeanOfA() const;

 private:
  int64_t a_width_;
  int64_t b_width_;
  int64_t count_ = 0;
  std::vector<double> sums_;
  std::vector<double> a_sums_;
  std::vector<float> block_;  // product of the rows at hand
};

// W D, rows x cols, with D (cols x cols) as `input_error`.
std::vector<float> ChangeForInputs(const PackedMatrix& weights, std::span<const float> input_error,
                                   ThreadPool& pool);
// T - W H, rows x cols, with T (rows x cols) as `target`.
std::vector<float> ChangeForTarget(const PackedMatrix& weights, const SecondMoments& moments,
                                   std::span<const float> target, ThreadPool& pool);

// W*, in float32, for `weights` of any codec without input transform. `change`: W D + S, rows x
// cols. lambda = damping * mean of H's diagonal. kNumerics when H + lambda I can not be factored.
Result<PackedMatrix> CorrectedWeights(const PackedMatrix& weights, const SecondMoments& moments,
                                      std::vector<float> change, double damping, ThreadPool& pool);

// One matrix that reads a norm's output, before and after.
struct NormReader {
  const PackedMatrix* target;  // W*: what the output should be made of
  const PackedMatrix* packed;
  std::span<const float> row_importance = {};  // empty: 1
};

// Factors d of the inputs that minimise sum over the readers of the mean of |W* x' - Q diag(d)
// x'|^2
// + lambda |d - 1|^2, Q being the packed weights: the normal equations have the matrix
// (Q^T Q) o H and the right side diag(Q^T W* H). The factors are then folded into the norm's
// weights.
Result<std::vector<float>> NormFactors(std::span<const NormReader> readers,
                                       const SecondMoments& moments, double damping,
                                       ThreadPool& pool);

// What a bias is retuned from. Means are over the calibration's tokens.
struct BiasReader {
  const PackedMatrix* packed;          // Q
  std::span<const float> bias;         // b of the float model
  std::span<const float> target_mean;  // of W x + s - s'; of W x where nothing is added to
  std::span<const float> packed_mean;  // of x' as Q reads it, after norms were retuned
};

// The bias b' that makes the mean of W x + b + s - (Q x' + b' + s') zero,
//   b' = b + W mean(x) - Q mean(x') + mean(s - s'),
// and so the mean of its square least for this Q (Nagel et al. 2019,
// https://arxiv.org/abs/1906.04721, section 4.2, where s and s' are equal and x and x' are too).
std::vector<float> TunedBias(const BiasReader& reader, ThreadPool& pool);

// W times the mean of x.
std::vector<float> MeanOutput(const PackedMatrix& weights, std::span<const float> mean,
                              ThreadPool& pool);

}  // namespace crumb

#endif  // CRUMB_QUANT_CORRECTION_H_
