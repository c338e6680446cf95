#include "kernels/gated_matmul.h"

#include <algorithm>

#include "base/check.h"
#include "base/profile.h"
#include "kernels/product_rows.h"

namespace crumb {

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
  const int64_t grain = std::max(RowsAtOnce(*gate.weights), RowsAtOnce(*up.weights));
  pool.ParallelFor(up.weights->rows, grain, [&](int64_t begin, int64_t end, int) {
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

}  // namespace crumb
