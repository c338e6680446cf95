// The float operations between the matrix products. All work on float32 rows and use the thread
// pool over rows or heads; sums inside a row are taken in an order that does not depend on the
// threads.
#ifndef CRUMB_KERNELS_LAYERS_H_
#define CRUMB_KERNELS_LAYERS_H_

#include <cstdint>

#include "base/thread_pool.h"

namespace crumb {

// y[r] = x[r] / sqrt(mean(x[r]^2) + eps) * weight   (Zhang and Sennrich 2019, eq. 4). In place
// allowed.
void RmsNorm(const float* x, const float* weight, float eps, int64_t rows, int64_t cols, float* y,
             ThreadPool& pool);

// y[r] = (x[r] - mean) / sqrt(var + eps) * weight + bias   (Ba et al. 2016, eq. 4). In place
// allowed.
void LayerNorm(const float* x, const float* weight, const float* bias, float eps, int64_t rows,
               int64_t cols, float* y, ThreadPool& pool);

// y += x, n numbers.
void AddInPlace(const float* x, int64_t n, float* y, ThreadPool& pool);
// y[r] += bias for each of the rows.
void AddBias(const float* bias, int64_t rows, int64_t cols, float* y, ThreadPool& pool);

enum class Activation { kSilu, kGeluTanh, kGeluErf };

// y = f(gate) * up elementwise, n numbers (y may be gate or up).
void GatedActivation(Activation f, const float* gate, const float* up, int64_t n, float* y,
                     ThreadPool& pool);
// x = f(x).
void ApplyActivation(Activation f, float* x, int64_t n, ThreadPool& pool);

// Where the largest of n >= 1 numbers is, of equal ones the first; NaN counts as minus infinity. 0
// when all are. The same in every kernel set.
int64_t ArgMax(const float* x, int64_t n);

// y[i] = e^(factor (x[i] - largest)) within two units in the last place, 0 where x[i] is NaN or
// minus infinity; returns their sum. For x[i] <= largest, largest finite, factor >= 0.
double Exponentials(const float* x, int64_t n, double largest, double factor, double* y);

// Rotary position embedding on pairs (i, i + dim/2) of each head (Su et al. 2021, eq. 34; the
// half-split order of GPT-NeoX). cosines and sines hold rows x dim/2 numbers; x is rows x heads x
// dim.
void Rope(const float* cosines, const float* sines, int64_t rows, int64_t heads, int64_t dim,
          float* x, ThreadPool& pool);

}  // namespace crumb

#endif  // CRUMB_KERNELS_LAYERS_H_
