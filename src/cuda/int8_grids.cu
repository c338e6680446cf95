// Integer grids, ternary and binary rows times int8 activations.
#include "cuda/tile_kernel.h"

namespace crumb {

Status LaunchInt8Grids(const DeviceProduct& p, const LaunchShape& shape, void* stream) {
  const auto launch = [&](auto code) {
    return LaunchForColumns<decltype(code), Int8Numbers>(p, shape, stream);
  };
  switch (p.format) {
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
      return InternalError("float16 weights take float16 activations");
  }
}

}  // namespace crumb
