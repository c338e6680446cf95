// The first half of a gated MLP in one pass over the threads.
#ifndef CRUMB_KERNELS_GATED_MATMUL_H_
#define CRUMB_KERNELS_GATED_MATMUL_H_

#include "base/thread_pool.h"
#include "kernels/layers.h"
#include "kernels/matmul.h"

namespace crumb {

// up.y = f(gate.y) * up.y, both products first: whoever computes a row of one computes it of the
// other. The same bits as MatMul and GatedActivation one after the other. gate.y is scratch.
// REQUIRES: as MatMul; both matrices have the same shape and both products the same stride.
void GatedMatMul(Activation f, const Product& gate, const Product& up, const Activations& x,
                 ThreadPool& pool);

}  // namespace crumb

#endif  // CRUMB_KERNELS_GATED_MATMUL_H_
