// Trellis codes times int8 activations.
#include "cuda/tile_kernel.h"

namespace crumb {

Status LaunchInt8Trellis(const DeviceProduct& p, const LaunchShape& shape, void* stream) {
  const auto launch = [&](auto code) {
    using Code = decltype(code);
    return p.x.columns == 1 ? LaunchTiles<Code, Int8Numbers, 1>(p, shape, stream)
                            : LaunchTiles<Code, Int8Numbers, 8>(p, shape, stream);
  };
  switch (p.format) {
    case LaneFormat::kTrellis1:
      return launch(LaneTrellis<1>{});
    case LaneFormat::kTrellis2:
      return launch(LaneTrellis<2>{});
    case LaneFormat::kTrellis3:
      return launch(LaneTrellis<3>{});
    default:
      return launch(LaneTrellis<4>{});
  }
}

}  // namespace crumb
