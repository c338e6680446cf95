// float16 weights, integer grids, ternary and binary rows times float16 activations.
#include "cuda/tile_kernel.h"

namespace crumb {

Status LaunchHalfGrids(const DeviceProduct& p, const LaunchShape& shape, void* stream) {
  return LaunchFormat<HalfNumbers, false>(p, shape, stream);
}

}  // namespace crumb
