// float16 weights, integer grids, ternary and binary rows times float16 activations.
#include "cuda/tile_kernel.h"

namespace crumb {

Status LaunchHalfGrids(const DeviceProduct& p, const LaunchShape& shape, void* stream) {
  const auto launch = [&](auto code) {
    return LaunchForColumns<decltype(code), HalfNumbers>(p, shape, stream);
  };
  switch (p.format) {
    case LaneFormat::kFloat16:
      return launch(LaneFloat16{});
    case LaneFormat::kInt8:
      return launch(LaneInt8{});
    case LaneFormat::kInt4:
      return launch(LaneInt4{});
    case LaneFormat::kInt3:
      return launch(LaneInt3{});
    case LaneFormat::kInt2:
      return launch(LaneInt2{});
    case LaneFormat::kInt1:
      return launch(LaneInt1{});
    case LaneFormat::kTernary:
      return launch(LaneTernary{});
    case LaneFormat::kBinaryRow:
      return launch(LaneBinaryRow{});
    default:
      return InternalError("trellis codes have a launch of their own");
  }
}

}  // namespace crumb
