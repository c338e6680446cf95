// Inside of src/kernels: rows of one product, as matmul.cc and gated_matmul.cc hand them out to
// threads.
#ifndef CRUMB_KERNELS_PRODUCT_ROWS_H_
#define CRUMB_KERNELS_PRODUCT_ROWS_H_

#include <cstdint>

#include "kernels/kernel_table.h"
#include "kernels/matmul.h"

namespace crumb {

ActivationView ViewOf(const Activations& x);

// Rows that are decoded together, a multiple of kTileRows: threads should not share them.
int64_t RowsAtOnce(const PackedMatrix& weights);

// Weight rows begin <= r < end of the product, for all rows of x, on the calling thread. `begin` is
// a multiple of kTileRows.
void ProductRows(const Product& product, const ActivationView& x, int64_t begin, int64_t end);

}  // namespace crumb

#endif  // CRUMB_KERNELS_PRODUCT_ROWS_H_
