// Weights, activations and small helpers for the tests of methods.
#ifndef CRUMB_QUANT_METHODS_FOR_TEST_H_
#define CRUMB_QUANT_METHODS_FOR_TEST_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/rng.h"
#include "codecs/float_codecs.h"
#include "quant/quantizer.h"

namespace crumb {

inline std::vector<float> GaussianValues(int64_t n, uint64_t seed, double scale = 0.05) {
  Rng rng(seed);
  std::vector<float> values(static_cast<size_t>(n));
  for (float& v : values) v = static_cast<float>(rng.Gaussian() * scale);
  return values;
}

inline PackedMatrix FloatMatrix(int64_t rows, int64_t cols, uint64_t seed) {
  return PackFloats(Float32Codec(), rows, cols, GaussianValues(rows * cols, seed));
}

// Moments of `count` activations whose columns are correlated and of different size: every column
// mixes its own noise with four shared directions, and every 16th is ten times as large. count <
// cols gives a singular H.
inline SecondMoments CorrelatedMoments(int64_t cols, int64_t count, uint64_t seed) {
  const auto n = static_cast<size_t>(cols);
  Rng rng(seed);
  std::vector<double> mix(4 * n);
  for (double& m : mix) m = rng.Gaussian();
  std::vector<double> sum(n * n, 0.0);
  std::vector<double> x(n);
  for (int64_t k = 0; k < count; ++k) {
    double shared[4];
    for (double& s : shared) s = rng.Gaussian();
    for (size_t c = 0; c < n; ++c) {
      x[c] = rng.Gaussian();
      for (size_t d = 0; d < 4; ++d) x[c] += shared[d] * mix[d * n + c];
      if (c % 16 == 3) x[c] *= 10;
    }
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < n; ++j) sum[i * n + j] += x[i] * x[j] / static_cast<double>(count);
    }
  }
  SecondMoments moments;
  moments.cols = cols;
  moments.count = count;
  moments.hessian.assign(sum.begin(), sum.end());
  moments.mean.assign(n, 0.0f);
  moments.mean_abs.assign(n, 1.0f);
  return moments;
}

// All parts, the input transform too.
inline std::string AllBytes(const PackedMatrix& m) {
  std::string all;
  for (const auto& part : {m.codes, m.scales, m.zeros, m.table, m.input.signs, m.input.scales}) {
    all.append(reinterpret_cast<const char*>(part.data()), part.size());
  }
  return all;
}

inline double LossOf(const PackedMatrix& weights, const PackedMatrix& packed,
                     const SecondMoments& moments) {
  ThreadPool pool(1);
  return MeasureOutputLoss(weights, packed, moments, {}, pool).error;
}

inline PackedMatrix QuantizeOrDie(std::string_view method, const PackedMatrix& weights,
                                  const SecondMoments* moments, std::string_view codec,
                                  int threads = 1) {
  ThreadPool pool(threads);
  const QuantizeInput input{.weights = &weights, .moments = moments, .seed = 7};
  Result<PackedMatrix> packed = FindQuantizer(method)->Quantize(input, *FindCodec(codec), pool);
  EXPECT_TRUE(packed.ok()) << packed.status().message();
  EXPECT_TRUE(ValidateMatrix(*packed).ok()) << ValidateMatrix(*packed).message();
  return std::move(packed).value();
}

}  // namespace crumb

#endif  // CRUMB_QUANT_METHODS_FOR_TEST_H_
