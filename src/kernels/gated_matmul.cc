#include "kernels/gated_matmul.h"

#include <algorithm>

#include "base/check.h"
#include "base/profile.h"
#include "kernels/product_rows.h"

namespace crumb {
namespace {

// As much as a thread can fetch in the gaps of a layer, and far less than an L2 cache.
constexpr int64_t kFetchBytes = 64 << 10;

}  // namespace

void GatedMatMul(Activation f, const Product& gate, const Product& up, const Activations& x,
                 ThreadPool& pool) {
  if (x.batch() == 0) return;
  const ProfileMark mark(WorkKind::kMatrices);
  const ActivationView view = ViewOf(x);
  for (const Product* product : {&gate, &up}) {
    CRUMB_CHECK(product->weights->cols == x.cols());
    CRUMB_CHECK(product->weights->input == x.transform());
  }
  CRUMB_CHECK(gate.weights->rows == up.weights->rows && gate.y_stride == up.y_stride);
  pool.ParallelChunks(up.weights->rows, kTileRows, [&](int64_t begin, int64_t end, int) {
    ProductRows(gate, view, begin, end);
    ProductRows(up, view, begin, end);
    const ProfileMark activating(WorkKind::kLayers);
    for (int64_t b = 0; b < view.batch; ++b) {
      float* y = up.y + b * up.y_stride + begin;
      CurrentKernels().layers->gated_activation(f, gate.y + b * gate.y_stride + begin, y,
                                                end - begin, y);
    }
  });
}

void FetchAhead(std::span<const PackedMatrix* const> next, ThreadPool& pool) {
  if (pool.size() == 1) return;
  int64_t bytes = 0;
  for (const PackedMatrix* matrix : next) bytes += std::ssize(matrix->codes);
  for (int worker = 0; worker < pool.size(); ++worker) {
    int64_t at = bytes * worker / pool.size();
    for (const PackedMatrix* matrix : next) {
      const int64_t size = std::ssize(matrix->codes);
      if (at < size) {
        pool.FetchWhileWaiting(worker, matrix->codes.data() + at, std::min(size - at, kFetchBytes));
        break;
      }
      at -= size;
    }
  }
}

}  // namespace crumb
