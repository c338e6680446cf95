// Inside of src/cuda: how a product is cut into blocks of a GPU, and the call that launches it. The
// cut is plain arithmetic, tested without a GPU.
#ifndef CRUMB_CUDA_LAUNCH_H_
#define CRUMB_CUDA_LAUNCH_H_

#include <algorithm>
#include <cstdint>

#include "base/status.h"
#include "cuda/lane_matrix.h"
#include "cuda/warp_tile.h"

namespace crumb {

inline constexpr int kMostSplits = 32;
inline constexpr int kPassColumns = 8;  // of activations; more make further passes

// A block's warps, and how many blocks a multiprocessor holds: 16 warps of 128 registers fill it.
// Trellis codes have tables in shared memory, which 16 warps share.
struct BlockShape {
  int warps = 8;
  int on_multiprocessor = 2;
};
constexpr BlockShape ShapeOfBlock(bool trellis) {
  return trellis ? BlockShape{16, 1} : BlockShape{8, 2};
}
constexpr bool IsTrellis(LaneFormat format) { return format >= LaneFormat::kTrellis1; }

// Work items are tiles x splits x passes: the groups of a tile go to `splits` items, those of an
// item to the warps of its block; the last item of a tile and pass to finish adds up the splits in
// order, so that results do not depend on which one that is. `blocks` blocks take items in turn.
struct LaunchShape {
  int64_t tiles = 0;
  int splits = 1;
  int64_t passes = 0;
  int64_t blocks = 1;
  // Whether the kernel may start before the one ahead of it on the stream has ended; it waits for
  // it before it reads activations or writes (compute capability 9.0 or more).
  bool early_start = false;

  int64_t items() const { return tiles * splits * passes; }
};

// As many splits as end soonest: rounds of items, each as long as the groups of one warp and what
// an item costs besides (sums of warps and splits), in groups.
inline LaunchShape ShapeOfLaunch(int64_t tiles, int64_t groups, int64_t columns, BlockShape block,
                                 int multiprocessors) {
  constexpr int64_t kItemGroups = 3;
  const auto ratio_up = [](int64_t a, int64_t b) { return (a + b - 1) / b; };
  LaunchShape shape;
  shape.tiles = tiles;
  shape.passes = ratio_up(columns, kPassColumns);
  const int64_t resident = int64_t{multiprocessors} * block.on_multiprocessor;
  const int64_t useful = std::clamp<int64_t>(ratio_up(groups, block.warps), 1, kMostSplits);
  int64_t least = 0;
  for (int64_t splits = 1; splits <= useful; ++splits) {
    const int64_t rounds = ratio_up(tiles * shape.passes * splits, resident);
    const int64_t cost = rounds * (ratio_up(ratio_up(groups, splits), block.warps) + kItemGroups);
    if (splits > 1 && cost >= least) continue;
    least = cost;
    shape.splits = static_cast<int>(splits);
  }
  shape.blocks = std::clamp<int64_t>(shape.items(), 1, resident);
  return shape;
}

// Floats of workspace for the sums of splits, and counters: one for each tile and pass.
inline int64_t WorkspaceFloats(const LaunchShape& shape, int64_t tile_rows) {
  return shape.splits > 1 ? shape.items() * kPassColumns * tile_rows : 0;
}
inline int64_t WorkspaceCounters(const LaunchShape& shape) { return shape.tiles * shape.passes; }

// What a launch works on; all pointers are of the GPU.
struct DeviceProduct {
  LaneFormat format = LaneFormat::kFloat16;
  bool int8 = false;
  LaneMatrixView w;
  LaneRowsView x;
  float* y = nullptr;  // y[b * y_stride + r]
  int64_t y_stride = 0;
  float* sums = nullptr;         // WorkspaceFloats
  uint32_t* counters = nullptr;  // WorkspaceCounters zeros; zeros again afterwards
  int passes = 0;                // of the LaunchShape, as the kernel needs them
  int items = 0;
  int splits = 1;
};

// Launches on `stream` (a cudaStream_t) and does not wait. kIoError with the words of CUDA.
Status LaunchInt8Grids(const DeviceProduct& product, const LaunchShape& shape, void* stream);
Status LaunchInt8Trellis(const DeviceProduct& product, const LaunchShape& shape, void* stream);
Status LaunchHalfGrids(const DeviceProduct& product, const LaunchShape& shape, void* stream);
Status LaunchHalfTrellis(const DeviceProduct& product, const LaunchShape& shape, void* stream);

// The one of these that the product needs.
inline Status Launch(const DeviceProduct& product, const LaunchShape& shape, void* stream) {
  const bool trellis = IsTrellis(product.format);
  if (product.int8) {
    return (trellis ? LaunchInt8Trellis : LaunchInt8Grids)(product, shape, stream);
  }
  return (trellis ? LaunchHalfTrellis : LaunchHalfGrids)(product, shape, stream);
}

}  // namespace crumb

#endif  // CRUMB_CUDA_LAUNCH_H_
