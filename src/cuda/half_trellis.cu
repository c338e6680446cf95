// Trellis codes times float16 activations.
#include "cuda/tile_kernel.h"

namespace crumb {

Status LaunchHalfTrellis(const DeviceProduct& p, const LaunchShape& shape, void* stream) {
  switch (p.format) {
    case LaneFormat::kTrellis1:
      return LaunchTiles<LaneTrellis<1>, HalfNumbers, 8>(p, shape, stream);
    case LaneFormat::kTrellis2:
      return LaunchTiles<LaneTrellis<2>, HalfNumbers, 8>(p, shape, stream);
    case LaneFormat::kTrellis3:
      return LaunchTiles<LaneTrellis<3>, HalfNumbers, 8>(p, shape, stream);
    default:
      return LaunchTiles<LaneTrellis<4>, HalfNumbers, 8>(p, shape, stream);
  }
}

}  // namespace crumb
