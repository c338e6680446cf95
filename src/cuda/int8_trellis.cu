// Trellis codes times int8 activations.
#include "cuda/tile_kernel.h"

namespace crumb {

Status LaunchInt8Trellis(const DeviceProduct& p, const LaunchShape& shape, void* stream) {
  return LaunchFormat<Int8Numbers, true>(p, shape, stream);
}

}  // namespace crumb
