// Inside of src/cuda, for nvcc only: the kernel that one block of a LaunchShape runs, and its
// launch.
#ifndef CRUMB_CUDA_TILE_KERNEL_H_
#define CRUMB_CUDA_TILE_KERNEL_H_

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <type_traits>

#include "base/status.h"
#include "cuda/device_warp.h"
#include "cuda/launch.h"
#include "cuda/warp_tile.h"

namespace crumb {

// Every launch and copy of crumb is checked with this.
inline Status CudaStatus(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return OkStatus();
  const std::string message = std::string(what) + ": " + cudaGetErrorString(error);
  return error == cudaErrorMemoryAllocation ? Unsupported(message) : IoError(message);
}

// What a kernel's static variables take at most, and so dynamic ones may not.
inline constexpr int kReservedSharedBytes = 64;

// The shared memory that a block may have on the current device, in bytes.
inline Result<int64_t> SharedMemoryOfBlock() {
  int device = 0, bytes = 0;
  CRUMB_RETURN_IF_ERROR(CudaStatus(cudaGetDevice(&device), "device"));
  CRUMB_RETURN_IF_ERROR(CudaStatus(
      cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "device"));
  return int64_t{bytes};
}

// A kernel's block and its shared memory: the sums of all warps, then the tables.
template <class Code, class Numbers, int kColumns>
struct TileBlock {
  using Tile = TileOf<Code, Numbers, kColumns>;
  static constexpr int kWarps = ShapeOfBlock(Code::kHistory).warps;
  static constexpr int kThreads = kWarps * kWarpLanes;
  static constexpr int kOnMultiprocessor = ShapeOfBlock(Code::kHistory).on_multiprocessor;
  static constexpr int kTileRows = kLaneTeams * Code::kRows;
  static constexpr int kSums = kColumns * kTileRows;
  static constexpr int kWarpSums = Tile::kValues * kWarpLanes;
  static constexpr int kSumBytes = 4 * (kWarps * kWarpSums + kSums);

  static constexpr int TableBytes() {
    if constexpr (Code::kHistory) return Code::kTableAlignment + 4 * Code::kTableWords;
    return 0;
  }
  static constexpr int kBytes = kSumBytes + TableBytes();
};

// Fills the table at the next aligned place behind `from`, and says where a lane reads it.
template <class Code>
__device__ __forceinline__ LaneTable FillTable(const uint8_t* tables, char* from) {
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(from));
  const uint32_t begin =
      (address + Code::kTableAlignment - 1) / Code::kTableAlignment * Code::kTableAlignment;
  auto* words = reinterpret_cast<uint32_t*>(from + (begin - address));
  // Neighbouring threads write neighbouring copies.
  constexpr int kVectors = Code::kCopies / 4;
  for (int i = threadIdx.x; i < Code::kEntries * kVectors; i += blockDim.x) {
    const uint32_t entry = Code::Entry(tables, i / kVectors);
    reinterpret_cast<uint4*>(words)[i] = make_uint4(entry, entry, entry, entry);
  }
  __syncthreads();
  // Look-ups are known by their address alone: it comes into being behind the barrier.
  uint32_t own;
  asm volatile("mov.u32 %0, %1;" : "=r"(own) : "r"(begin + threadIdx.x % Code::kCopies * 4));
  return {nullptr, own};
}

// Adds to `shared` (sums of this item, kColumns x tile rows) those of the other splits. False for
// all items of the tile and pass but the last one.
__device__ __forceinline__ bool AddSplits(const DeviceProduct& p, int64_t pair, int split, int sums,
                                          float* shared) {
  __shared__ bool last;
  float* of_tile = p.sums + pair * p.splits * sums;
  for (int i = threadIdx.x; i < sums; i += blockDim.x) {
    of_tile[split * int64_t{sums} + i] = shared[i];
  }
  __threadfence();
  __syncthreads();
  // The counter is zero again after the last item.
  const auto most = static_cast<uint32_t>(p.splits - 1);
  if (threadIdx.x == 0) last = atomicInc(p.counters + pair, most) == most;
  __syncthreads();
  if (!last) return false;
  __threadfence();
  for (int i = threadIdx.x; i < sums; i += blockDim.x) {
    float total = 0;
    for (int s = 0; s < p.splits; ++s) total += __ldcg(of_tile + s * int64_t{sums} + i);
    shared[i] = total;
  }
  __syncthreads();
  return true;
}

template <class Code, class Numbers, int kColumns>
__global__ void __launch_bounds__(TileBlock<Code, Numbers, kColumns>::kThreads,
                                  TileBlock<Code, Numbers, kColumns>::kOnMultiprocessor)
    TileKernel(const __grid_constant__ DeviceProduct p) {
  using Block = TileBlock<Code, Numbers, kColumns>;
  using Tile = typename Block::Tile;
  extern __shared__ uint4 shared_vectors[];
  auto* shared = reinterpret_cast<float*>(shared_vectors);
#if __CUDA_ARCH__ >= 900
  // The kernel behind this one may start as soon as there is room for its blocks.
  cudaTriggerProgrammaticLaunchCompletion();
#endif
  LaneTable table[1] = {};
  if constexpr (Code::kHistory) {
    table[0] = FillTable<Code>(p.w.table, reinterpret_cast<char*>(shared) + Block::kSumBytes);
  }
  const int warp = threadIdx.x / kWarpLanes;
  for (int item = blockIdx.x; item < p.items; item += gridDim.x) {
    const int pass = item % p.passes;
    const int split = item / p.passes % p.splits;
    const int tile = item / p.passes / p.splits;
    const int first = pass * kPassColumns;
    const int share = split * Block::kWarps + warp;
    const int shares = p.splits * Block::kWarps;
    typename Tile::Sums sums[1] = {};
    AddTile<Tile, Code>(DeviceWarp{}, p.w, p.x, tile, first,
                        static_cast<int>(int64_t{p.w.groups} * share / shares),
                        static_cast<int>(int64_t{p.w.groups} * (share + 1) / shares), table, sums);
    __syncthreads();  // the sums of the item before are done with
    StoreSums<Tile>(sums[0], threadIdx.x % kWarpLanes,
                    shared + Block::kSums + warp * Block::kWarpSums);
    __syncthreads();
    for (int i = threadIdx.x; i < Block::kSums; i += blockDim.x) {
      float total = 0;
#pragma unroll
      for (int k = 0; k < Block::kWarps; ++k) {
        total += SumOfWarp<Tile>(shared + Block::kSums + k * Block::kWarpSums, i / Block::kTileRows,
                                 i % Block::kTileRows);
      }
      shared[i] = total;
    }
    __syncthreads();
    if (p.splits > 1 &&
        !AddSplits(p, int64_t{tile} * p.passes + pass, split, Block::kSums, shared)) {
      continue;
    }
    for (int i = threadIdx.x; i < Block::kSums; i += blockDim.x) {
      const int n = i / Block::kTileRows;
      const int64_t row = int64_t{tile} * Block::kTileRows + i % Block::kTileRows;
      if (n % p.x.columns_of_row != 0 || first + n >= p.x.columns || row >= p.w.rows) continue;
      p.y[(first + n) / p.x.columns_of_row * p.y_stride + row] =
          FinishRow<Code>(p.w, p.x, row, first + n, shared + i, Block::kTileRows);
    }
  }
}

template <class Code, class Numbers, int kColumns>
Status LaunchTiles(const DeviceProduct& p, const LaunchShape& shape, void* stream) {
  using Block = TileBlock<Code, Numbers, kColumns>;
  auto* kernel = TileKernel<Code, Numbers, kColumns>;
  // 48 KiB are there without asking.
  if constexpr (Block::kBytes + kReservedSharedBytes > 48 * 1024) {
    CRUMB_RETURN_IF_ERROR(CudaStatus(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Block::kBytes),
        "shared memory of a block"));
  }
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<uint32_t>(shape.blocks));
  config.blockDim = dim3(Block::kThreads);
  config.dynamicSmemBytes = Block::kBytes;
  config.stream = static_cast<cudaStream_t>(stream);
  cudaLaunchAttribute early = {};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  config.attrs = &early;
  if (shape.early_start) {
    // Only code that was compiled for such GPUs waits for the kernel before it (device_warp.h).
    cudaFuncAttributes compiled = {};
    CRUMB_RETURN_IF_ERROR(CudaStatus(cudaFuncGetAttributes(&compiled, kernel), "kernel"));
    config.numAttrs = compiled.ptxVersion >= 90 ? 1 : 0;
  }
  return CudaStatus(cudaLaunchKernelEx(&config, kernel, p), "launch of a product");
}

// The kernel for as few columns of a pass as there are.
template <class Code, class Numbers>
Status LaunchForColumns(const DeviceProduct& p, const LaunchShape& shape, void* stream) {
  if constexpr (Code::kScales != LaneScales::kNone) {
    if (p.x.columns == 1) return LaunchTiles<Code, Numbers, 1>(p, shape, stream);
    if (p.x.columns == 2) return LaunchTiles<Code, Numbers, 2>(p, shape, stream);
  }
  return LaunchTiles<Code, Numbers, 8>(p, shape, stream);
}

// The product's format among the trellis codes, or among all others.
template <class Numbers, bool kTrellis>
Status LaunchFormat(const DeviceProduct& p, const LaunchShape& shape, void* stream) {
  return WithLaneCode(p.format, [&](auto code) -> Status {
    using Code = decltype(code);
    constexpr bool kFloatsByCodes = Numbers::kScaled && Code::kScales == LaneScales::kNone;
    if constexpr (Code::kHistory != kTrellis || kFloatsByCodes) {
      return InternalError("a format of another launch");
    } else if constexpr (std::is_same_v<Code, LaneTrellis<2>> ||
                         std::is_same_v<Code, LaneTrellis<3>>) {
      // Sixteen copies of the table where the GPU has not the memory for 32.
      CRUMB_ASSIGN_OR_RETURN(const int64_t memory, SharedMemoryOfBlock());
      constexpr auto kMost = TileBlock<Code, Numbers, 8>::kBytes + kReservedSharedBytes;
      if (memory < kMost) {
        return LaunchForColumns<typename Code::FewerCopies, Numbers>(p, shape, stream);
      }
      return LaunchForColumns<Code, Numbers>(p, shape, stream);
    } else {
      return LaunchForColumns<Code, Numbers>(p, shape, stream);
    }
  });
}

}  // namespace crumb

#endif  // CRUMB_CUDA_TILE_KERNEL_H_
