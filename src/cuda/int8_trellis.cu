// Trellis codes times int8 activations.
#include "cuda/tile_kernel.h"

namespace crumb {

Status LaunchInt8Trellis(const DeviceProduct& p, const LaunchShape& shape, void* stream) {
  const auto launch = [&](auto code) {
    return LaunchForColumns<decltype(code), Int8Numbers>(p, shape, stream);
  };
  switch (p.format) {
    case LaneFormat::kTrellis1:
      return launch(LaneTrellis<1>{});
    case LaneFormat::kTrellis2: {
      // Sixteen copies of the table where the GPU has not the memory for 32.
      CRUMB_ASSIGN_OR_RETURN(const int64_t memory, SharedMemoryOfBlock());
      constexpr auto kMost =
          TileBlock<LaneTrellis<2>, Int8Numbers, 8>::kBytes + kReservedSharedBytes;
      return memory >= kMost ? launch(LaneTrellis<2>{}) : launch(LaneTrellis<2, 16>{});
    }
    case LaneFormat::kTrellis3:
      return launch(LaneTrellis<3>{});
    default:
      return launch(LaneTrellis<4>{});
  }
}

}  // namespace crumb
