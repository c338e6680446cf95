#include "kernels/layers.h"

#include "base/profile.h"
#include "kernels/kernel_table.h"

namespace crumb {
namespace {

// Numbers per piece of an elementwise operation: some microseconds of work.
constexpr int64_t kElementGrain = 1024;

const LayerKernels& Kernels() { return *CurrentKernels().layers; }

}  // namespace

void RmsNorm(const float* x, const float* weight, float eps, int64_t rows, int64_t cols, float* y,
             ThreadPool& pool) {
  const ProfileMark mark(WorkKind::kNorms);
  pool.ParallelFor(rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      Kernels().rms_norm(x + r * cols, weight, eps, cols, y + r * cols);
    }
  });
}

void LayerNorm(const float* x, const float* weight, const float* bias, float eps, int64_t rows,
               int64_t cols, float* y, ThreadPool& pool) {
  const ProfileMark mark(WorkKind::kNorms);
  pool.ParallelFor(rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      Kernels().layer_norm(x + r * cols, weight, bias, eps, cols, y + r * cols);
    }
  });
}

void AddInPlace(const float* x, int64_t n, float* y, ThreadPool& pool) {
  const ProfileMark mark(WorkKind::kLayers);
  pool.ParallelFor(n, kElementGrain, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) y[i] += x[i];
  });
}

void AddBias(const float* bias, int64_t rows, int64_t cols, float* y, ThreadPool& pool) {
  const ProfileMark mark(WorkKind::kLayers);
  pool.ParallelFor(rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t i = 0; i < cols; ++i) y[r * cols + i] += bias[i];
    }
  });
}

void GatedActivation(Activation f, const float* gate, const float* up, int64_t n, float* y,
                     ThreadPool& pool) {
  const ProfileMark mark(WorkKind::kLayers);
  pool.ParallelFor(n, kElementGrain, [&](int64_t begin, int64_t end, int) {
    Kernels().gated_activation(f, gate + begin, up + begin, end - begin, y + begin);
  });
}

void ApplyActivation(Activation f, float* x, int64_t n, ThreadPool& pool) {
  const ProfileMark mark(WorkKind::kLayers);
  pool.ParallelFor(n, kElementGrain, [&](int64_t begin, int64_t end, int) {
    Kernels().activation(f, x + begin, end - begin);
  });
}

int64_t ArgMax(const float* x, int64_t n) { return Kernels().arg_max(x, n); }

double Exponentials(const float* x, int64_t n, double largest, double factor, double* y) {
  return Kernels().exponentials(x, n, largest, factor, y);
}

void Rope(const float* cosines, const float* sines, int64_t rows, int64_t heads, int64_t dim,
          float* x, ThreadPool& pool) {
  const ProfileMark mark(WorkKind::kLayers);
  pool.ParallelFor(rows, 4, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      Kernels().rope(cosines + r * (dim / 2), sines + r * (dim / 2), heads, dim,
                     x + r * heads * dim);
    }
  });
}

}  // namespace crumb
