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

inline constexpr int kBlockWarps = 8;
inline constexpr int kMostSplits = 32;
inline constexpr int64_t kPassColumns = 8;  // of activations; more make further passes

// A grid of tiles x splits x passes. The groups of a tile go to `splits` blocks, those of a block
// to its warps in turn; the last block of a tile and pass to finish adds up the splits in order, so
// that results do not depend on which one that is.
struct LaunchShape {
  int64_t tiles = 0;
  int splits = 1;
  int64_t passes = 0;
};

// Splits so that there are about two blocks for each multiprocessor, but no more than there are
// groups for their warps.
inline LaunchShape ShapeOfLaunch(int64_t tiles, int64_t groups, int64_t columns,
                                 int multiprocessors) {
  LaunchShape shape;
  shape.tiles = tiles;
  shape.passes = (columns + kPassColumns - 1) / kPassColumns;
  const int64_t blocks = std::max<int64_t>(tiles * shape.passes, 1);
  const int64_t wanted = (2 * int64_t{multiprocessors} + blocks - 1) / blocks;
  const int64_t useful = (groups + kBlockWarps - 1) / kBlockWarps;
  shape.splits = static_cast<int>(std::clamp<int64_t>(std::min(wanted, useful), 1, kMostSplits));
  return shape;
}

// Floats of workspace for the sums of splits, and counters: one for each tile and pass.
inline int64_t WorkspaceFloats(const LaunchShape& shape, int64_t tile_rows) {
  return shape.splits > 1 ? shape.tiles * shape.passes * shape.splits * kPassColumns * tile_rows
                          : 0;
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
};

// Launches on `stream` (a cudaStream_t) and does not wait. kIoError with the words of CUDA.
Status LaunchInt8Grids(const DeviceProduct& product, const LaunchShape& shape, void* stream);
Status LaunchInt8Trellis(const DeviceProduct& product, const LaunchShape& shape, void* stream);
Status LaunchHalfGrids(const DeviceProduct& product, const LaunchShape& shape, void* stream);
Status LaunchHalfTrellis(const DeviceProduct& product, const LaunchShape& shape, void* stream);

// The one of these that the product needs.
inline Status Launch(const DeviceProduct& product, const LaunchShape& shape, void* stream) {
  const bool trellis = product.format >= LaneFormat::kTrellis1;
  if (product.int8) {
    return (trellis ? LaunchInt8Trellis : LaunchInt8Grids)(product, shape, stream);
  }
  return (trellis ? LaunchHalfTrellis : LaunchHalfGrids)(product, shape, stream);
}

}  // namespace crumb

#endif  // CRUMB_CUDA_LAUNCH_H_
