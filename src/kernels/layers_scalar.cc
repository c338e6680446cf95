// The reference for the operations between the matrix products: the formulas of kernels/layers.h.
#include <cmath>
#include <limits>

#include "kernels/kernel_table.h"
#include "kernels/layers.h"

namespace crumb {
namespace {

void RmsNormRow(const float* x, const float* weight, float eps, int64_t cols, float* y) {
  float squares = 0;
  for (int64_t c = 0; c < cols; ++c) squares += x[c] * x[c];
  const float factor = 1.0f / std::sqrt(squares / static_cast<float>(cols) + eps);
  for (int64_t c = 0; c < cols; ++c) y[c] = x[c] * factor * weight[c];
}

void LayerNormRow(const float* x, const float* weight, const float* bias, float eps, int64_t cols,
                  float* y) {
  float sum = 0;
  for (int64_t c = 0; c < cols; ++c) sum += x[c];
  const float mean = sum / static_cast<float>(cols);
  float squares = 0;
  for (int64_t c = 0; c < cols; ++c) squares += (x[c] - mean) * (x[c] - mean);
  const float factor = 1.0f / std::sqrt(squares / static_cast<float>(cols) + eps);
  for (int64_t c = 0; c < cols; ++c) y[c] = (x[c] - mean) * factor * weight[c] + bias[c];
}

void RopeRow(const float* cosines, const float* sines, int64_t heads, int64_t dim, float* x) {
  const int64_t half = dim / 2;
  for (int64_t h = 0; h < heads; ++h, x += dim) {
    for (int64_t i = 0; i < half; ++i) {
      const float a = x[i];
      const float b = x[i + half];
      x[i] = a * cosines[i] - b * sines[i];
      x[i + half] = b * cosines[i] + a * sines[i];
    }
  }
}

float Apply(Activation f, float x) {
  switch (f) {
    case Activation::kSilu:  // Elfwing et al. 2018
      return x / (1.0f + std::exp(-x));
    case Activation::kGeluTanh: {  // Hendrycks and Gimpel 2016, section 2
      constexpr float kSqrt2OverPi = 0.7978845608f;
      return 0.5f * x * (1.0f + std::tanh(kSqrt2OverPi * (x + 0.044715f * x * x * x)));
    }
    case Activation::kGeluErf:
      break;
  }
  constexpr float kSqrtHalf = 0.7071067812f;
  return 0.5f * x * (1.0f + std::erf(x * kSqrtHalf));
}

void GatedActivationRun(Activation f, const float* gate, const float* up, int64_t n, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = Apply(f, gate[i]) * up[i];
}

void ActivationRun(Activation f, float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] = Apply(f, x[i]);
}

int64_t ArgMaxRun(const float* x, int64_t n) {
  int64_t best = 0;
  float largest = -std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < n; ++i) {
    if (x[i] > largest) {
      best = i;
      largest = x[i];
    }
  }
  return best;
}

double ExponentialsRun(const float* x, int64_t n, double largest, double factor, double* y) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    y[i] = std::isnan(x[i]) ? 0 : std::exp((static_cast<double>(x[i]) - largest) * factor);
    sum += y[i];
  }
  return sum;
}

}  // namespace

const LayerKernels& ScalarLayers() {
  static constexpr LayerKernels kernels = {RmsNormRow,         LayerNormRow,  RopeRow,
                                           GatedActivationRun, ActivationRun, ArgMaxRun,
                                           ExponentialsRun};
  return kernels;
}

}  // namespace crumb
