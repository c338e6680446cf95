// Integer grids, ternary and binary rows times int8 activations.
#include "cuda/tile_kernel.h"

namespace crumb {

Status LaunchInt8Grids(const DeviceProduct& p, const LaunchShape& shape, void* stream) {
  return LaunchFormat<Int8Numbers, false>(p, shape, stream);
}

}  // namespace crumb
