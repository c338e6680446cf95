// Derivatives against finite differences in float64 of plain formulas.
#include "model/backward_layers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/rng.h"
#include "codecs/float_codecs.h"

namespace crumb {
namespace {

std::vector<float> RandomFloats(size_t count, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(rng.Gaussian());
  return values;
}

// d/dx_i of sum_j dy_j f(x)_j by central differences.
std::vector<double> Differences(const std::function<std::vector<double>(std::vector<double>)>& f,
                                std::span<const float> x, std::span<const float> dy) {
  std::vector<double> at(x.begin(), x.end());
  std::vector<double> slopes;
  constexpr double kStep = 1e-4;
  for (double& value : at) {
    const double keep = value;
    double difference = 0;
    for (const double sign : {1.0, -1.0}) {
      value = keep + sign * kStep;
      const std::vector<double> y = f(at);
      for (size_t j = 0; j < y.size(); ++j) difference += sign * dy[j] * y[j];
    }
    value = keep;
    slopes.push_back(difference / (2 * kStep));
  }
  return slopes;
}

void ExpectClose(std::span<const float> actual, std::span<const double> expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], 1e-5 * (1 + std::abs(expected[i]))) << i;
  }
}

TEST(BackwardLayers, RmsNormIsItsFiniteDifference) {
  ThreadPool pool(2);
  const auto x = RandomFloats(3 * 10, 1);
  const auto w = RandomFloats(10, 2);
  const auto dy = RandomFloats(30, 3);
  const auto norm = [&](const std::vector<double>& at) {
    std::vector<double> y(30);
    for (size_t r = 0; r < 3; ++r) {
      double squares = 0;
      for (size_t c = 0; c < 10; ++c) squares += at[r * 10 + c] * at[r * 10 + c];
      for (size_t c = 0; c < 10; ++c) {
        y[r * 10 + c] = at[r * 10 + c] / std::sqrt(squares / 10 + 0.1) * w[c];
      }
    }
    return y;
  };
  std::vector<float> dx = dy;  // in place
  RmsNormBackward(x.data(), w.data(), 0.1f, 3, 10, dx.data(), dx.data(), pool);
  ExpectClose(dx, Differences(norm, x, dy));
}

TEST(BackwardLayers, LayerNormIsItsFiniteDifference) {
  ThreadPool pool(2);
  const auto x = RandomFloats(3 * 10, 4);
  const auto w = RandomFloats(10, 5);
  const auto dy = RandomFloats(30, 6);
  const auto norm = [&](const std::vector<double>& at) {
    std::vector<double> y(30);
    for (size_t r = 0; r < 3; ++r) {
      double sum = 0, squares = 0;
      for (size_t c = 0; c < 10; ++c) sum += at[r * 10 + c];
      for (size_t c = 0; c < 10; ++c) squares += std::pow(at[r * 10 + c] - sum / 10, 2);
      for (size_t c = 0; c < 10; ++c) {
        y[r * 10 + c] = (at[r * 10 + c] - sum / 10) / std::sqrt(squares / 10 + 0.1) * w[c];
      }
    }
    return y;
  };
  std::vector<float> dx = dy;
  LayerNormBackward(x.data(), w.data(), 0.1f, 3, 10, dx.data(), dx.data(), pool);
  ExpectClose(dx, Differences(norm, x, dy));
}

TEST(BackwardLayers, ActivationsAreTheirFiniteDifferences) {
  ThreadPool pool(2);
  const auto x = RandomFloats(40, 7);
  const auto up = RandomFloats(40, 8);
  const auto dy = RandomFloats(40, 9);
  for (const Activation f : {Activation::kSilu, Activation::kGeluTanh, Activation::kGeluErf}) {
    const auto value = [f](double v) {
      if (f == Activation::kSilu) return v / (1 + std::exp(-v));
      if (f == Activation::kGeluErf) return 0.5 * v * (1 + std::erf(v / std::sqrt(2.0)));
      return 0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
    };
    const auto plain = [&](std::vector<double> at) {
      for (double& v : at) v = value(v);
      return at;
    };
    std::vector<float> dx(40);
    ActivationBackward(f, x.data(), 40, dy.data(), dx.data(), pool);
    ExpectClose(dx, Differences(plain, x, dy));
    const auto gated = [&](std::vector<double> at) {
      for (size_t i = 0; i < at.size(); ++i) at[i] = value(at[i]) * up[i];
      return at;
    };
    std::vector<float> dgate(40), dup(40);
    GatedActivationBackward(f, x.data(), up.data(), 40, dy.data(), dgate.data(), dup.data(), pool);
    ExpectClose(dgate, Differences(gated, x, dy));
    for (size_t i = 0; i < 40; ++i) EXPECT_NEAR(dup[i], dy[i] * value(x[i]), 1e-5);
  }
}

// Shapes that fill neither tiles nor groups, at once and in parts.
TEST(BackwardLayers, TransposedProductMultipliesByTheMatrixItself) {
  ThreadPool pool(2);
  constexpr int64_t kRows = 83, kCols = 70, kBatch = 5;
  const auto values = RandomFloats(kRows * kCols, 10);
  const auto dy = RandomFloats(kBatch * kRows, 11);
  PackedMatrix w;
  w.codec = Float32Codec();
  w.rows = kRows;
  w.cols = kCols;
  w.codes = std::as_bytes(std::span(values));
  std::vector<double> expected(kBatch * kCols, 0.0);
  for (size_t b = 0; b < kBatch; ++b) {
    for (size_t r = 0; r < kRows; ++r) {
      for (size_t c = 0; c < kCols; ++c) {
        expected[b * kCols + c] += static_cast<double>(dy[b * kRows + r]) * values[r * kCols + c];
      }
    }
  }
  TransposedProduct product;
  std::vector<float> whole(kBatch * kCols);
  product.Multiply(w, dy.data(), kBatch, whole.data(), pool);
  ExpectClose(whole, expected);
  std::vector<float> parts(kBatch * kCols, 0.0f);
  for (int64_t first = 0; first < kRows; first += 40) {
    product.AddRows(w, first, std::min<int64_t>(40, kRows - first), dy.data(), kBatch, kRows,
                    parts.data(), pool);
  }
  ExpectClose(parts, expected);
}

// q, k and v in one vector, attention in float64, with grouped queries, with and without a window.
TEST(BackwardLayers, AttentionIsItsFiniteDifference) {
  ThreadPool pool(2);
  constexpr size_t kTokens = 7, kHeads = 4, kKv = 2, kDim = 6;
  constexpr size_t kQ = kTokens * kHeads * kDim, kK = kTokens * kKv * kDim;
  const auto x = RandomFloats(kQ + 2 * kK, 12);
  const auto dy = RandomFloats(kQ, 13);
  for (const int64_t window : {0, 3}) {
    const AttentionShape shape = {.heads = kHeads,
                                  .kv_heads = kKv,
                                  .head_dim = kDim,
                                  .scale = 0.7f,
                                  .window = window,
                                  .causal = true};
    const auto attention = [&](const std::vector<double>& at) {
      std::vector<double> out(kQ, 0.0);
      for (size_t t = 0; t < kTokens; ++t) {
        for (size_t h = 0; h < kHeads; ++h) {
          const double* q = at.data() + (t * kHeads + h) * kDim;
          const size_t from = window > 0 && t + 1 > static_cast<size_t>(window)
                                  ? t + 1 - static_cast<size_t>(window)
                                  : 0;
          double total = 0;
          std::vector<double> p(kTokens, 0.0);
          for (size_t s = from; s <= t; ++s) {
            const double* k = at.data() + kQ + (s * kKv + h / 2) * kDim;
            double score = 0;
            for (size_t d = 0; d < kDim; ++d) score += q[d] * k[d];
            total += p[s] = std::exp(static_cast<double>(shape.scale) * score);
          }
          for (size_t s = from; s <= t; ++s) {
            const double* v = at.data() + kQ + kK + (s * kKv + h / 2) * kDim;
            for (size_t d = 0; d < kDim; ++d) {
              out[(t * kHeads + h) * kDim + d] += p[s] / total * v[d];
            }
          }
        }
      }
      return out;
    };
    std::vector<float> dx(x.size());
    AttentionBackward backward;
    backward.Run(shape, kTokens, x.data(), x.data() + kQ, x.data() + kQ + kK, dy.data(), dx.data(),
                 dx.data() + kQ, dx.data() + kQ + kK, pool);
    ExpectClose(dx, Differences(attention, x, dy));
  }
}

}  // namespace
}  // namespace crumb
