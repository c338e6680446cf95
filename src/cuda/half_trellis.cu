// Trellis codes times float16 activations.
#include "cuda/tile_kernel.h"

namespace crumb {

Status LaunchHalfTrellis(const DeviceProduct& p, const LaunchShape& shape, void* stream) {
  return LaunchFormat<HalfNumbers, true>(p, shape, stream);
}

}  // namespace crumb
