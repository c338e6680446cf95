// float16 weights, integer grids, ternary and binary rows times float16 activations.
#include "cuda/tile_kernel.h"

namespace crumb {

Status LaunchHalfGrids(const DeviceProduct& p, const LaunchShape& shape, void* stream) {
  switch (p.format) {
    case LaneFormat::kFloat16:
      return LaunchTiles<LaneFloat16, HalfNumbers, 8>(p, shape, stream);
    case LaneFormat::kInt8:
      return LaunchTiles<LaneInt8, HalfNumbers, 8>(p, shape, stream);
    case LaneFormat::kInt4:
      return LaunchTiles<LaneInt4, HalfNumbers, 8>(p, shape, stream);
    case LaneFormat::kInt3:
      return LaunchTiles<LaneInt3, HalfNumbers, 8>(p, shape, stream);
    case LaneFormat::kInt2:
      return LaunchTiles<LaneInt2, HalfNumbers, 8>(p, shape, stream);
    case LaneFormat::kInt1:
      return LaunchTiles<LaneInt1, HalfNumbers, 8>(p, shape, stream);
    case LaneFormat::kTernary:
      return LaunchTiles<LaneTernary, HalfNumbers, 8>(p, shape, stream);
    case LaneFormat::kBinaryRow:
      return LaunchTiles<LaneBinaryRow, HalfNumbers, 8>(p, shape, stream);
    default:
      return InternalError("trellis codes have a launch of their own");
  }
}

}  // namespace crumb
