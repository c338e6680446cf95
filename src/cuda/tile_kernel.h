// Inside of src/cuda, for nvcc only: the kernel that one block of a LaunchShape runs, and its
// launch.
#ifndef CRUMB_CUDA_TILE_KERNEL_H_
#define CRUMB_CUDA_TILE_KERNEL_H_

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <string>

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

// Words of shared memory: the tables while weights are decoded, then the sums of all warps.
template <class Code, int kColumns>
constexpr int SharedWords() {
  constexpr int kSums = kBlockWarps * kColumns * kLaneTeams * Code::kRows;
  if constexpr (Code::kHistory) {
    return kSums > Code::kTableWords ? kSums : Code::kTableWords;
  } else {
    return kSums;
  }
}

template <class Code>
__device__ __forceinline__ void FillTables(const uint8_t* tables, uint32_t* words) {
  for (int e = threadIdx.x; e < Code::kEntries; e += blockDim.x) {
    const uint32_t entry = Code::Entry(tables, e);
    auto* copies = reinterpret_cast<uint4*>(words + e * Code::kCopies);
#pragma unroll
    for (int c = 0; c < Code::kCopies / 4; ++c) copies[c] = make_uint4(entry, entry, entry, entry);
  }
}

// Adds to `shared` (sums of this block, kColumns x tile rows) those of the other splits. False in
// all blocks of the tile and pass but the last one.
__device__ __forceinline__ bool AddSplits(const DeviceProduct& p, int sums, float* shared) {
  __shared__ bool last;
  const int64_t pair = blockIdx.z * int64_t{gridDim.x} + blockIdx.x;
  float* of_tile = p.sums + pair * gridDim.y * sums;
  for (int i = threadIdx.x; i < sums; i += blockDim.x) {
    of_tile[blockIdx.y * int64_t{sums} + i] = shared[i];
  }
  __threadfence();
  __syncthreads();
  // The counter is zero again after the last block.
  if (threadIdx.x == 0) last = atomicInc(p.counters + pair, gridDim.y - 1) == gridDim.y - 1;
  __syncthreads();
  if (!last) return false;
  __threadfence();
  for (int i = threadIdx.x; i < sums; i += blockDim.x) {
    float total = 0;
    for (uint32_t s = 0; s < gridDim.y; ++s) total += __ldcg(of_tile + s * int64_t{sums} + i);
    shared[i] = total;
  }
  __syncthreads();
  return true;
}

template <class Code, class Numbers, int kColumns>
__global__ void __launch_bounds__(kBlockWarps* kWarpLanes, 2)
    TileKernel(const __grid_constant__ DeviceProduct p) {
  extern __shared__ uint4 shared_vectors[];
  auto* words = reinterpret_cast<uint32_t*>(shared_vectors);
  constexpr int kTileRows = kLaneTeams * Code::kRows;
  constexpr int kSums = kColumns * kTileRows;
  const int warp = threadIdx.x / kWarpLanes;
  const int64_t tile = blockIdx.x;
  const int64_t first = blockIdx.z * kPassColumns;
  const int64_t begin = p.w.groups * blockIdx.y / gridDim.y;
  const int64_t end = p.w.groups * (blockIdx.y + 1) / gridDim.y;
  if constexpr (Code::kHistory) {
    FillTables<Code>(p.w.table, words);
    __syncthreads();
  }
  LaneSums<Code, kColumns> sums[1];
#pragma unroll
  for (int r = 0; r < Code::kRows; ++r) {
#pragma unroll
    for (int n = 0; n < LaneSums<Code, kColumns>::kKeep; ++n) sums[0].value[r][n] = 0;
  }
  AddTile<Code, Numbers, kColumns>(DeviceWarp{}, p.w, p.x, tile, first, begin + warp, end,
                                   kBlockWarps, words, sums);
  if constexpr (Code::kHistory) __syncthreads();  // the tables are done with
  auto* shared = reinterpret_cast<float*>(words);
  StoreSums<Code>(sums[0], threadIdx.x % kWarpLanes, shared + warp * kSums);
  __syncthreads();
  for (int i = threadIdx.x; i < kSums; i += blockDim.x) {
    float total = shared[i];
#pragma unroll
    for (int w = 1; w < kBlockWarps; ++w) total += shared[w * kSums + i];
    shared[i] = total;
  }
  __syncthreads();
  if (gridDim.y > 1 && !AddSplits(p, kSums, shared)) return;
  for (int i = threadIdx.x; i < kSums; i += blockDim.x) {
    const int n = i / kTileRows;
    const int64_t row = tile * kTileRows + i % kTileRows;
    if (n % p.x.columns_of_row != 0 || first + n >= p.x.columns || row >= p.w.rows) continue;
    p.y[(first + n) / p.x.columns_of_row * p.y_stride + row] =
        FinishRow<Code>(p.w, p.x, row, first + n, shared + i, kTileRows);
  }
}

template <class Code, class Numbers, int kColumns>
Status LaunchTiles(const DeviceProduct& p, const LaunchShape& shape, void* stream) {
  constexpr int kBytes = 4 * SharedWords<Code, kColumns>();
  auto* kernel = TileKernel<Code, Numbers, kColumns>;
  if constexpr (kBytes > 48 * 1024) {
    CRUMB_RETURN_IF_ERROR(CudaStatus(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes),
        "shared memory of a block"));
  }
  const dim3 grid(static_cast<uint32_t>(shape.tiles), static_cast<uint32_t>(shape.splits),
                  static_cast<uint32_t>(shape.passes));
  kernel<<<grid, kBlockWarps * kWarpLanes, kBytes, static_cast<cudaStream_t>(stream)>>>(p);
  return CudaStatus(cudaGetLastError(), "launch of a product");
}

}  // namespace crumb

#endif  // CRUMB_CUDA_TILE_KERNEL_H_
