// Inside of src/cuda, for nvcc only: one lane of a real warp (warp_tile.h). The matrix instructions
// are those of PTX ISA, mma.sync, which every GPU from compute capability 8.0 on has.
#ifndef CRUMB_CUDA_DEVICE_WARP_H_
#define CRUMB_CUDA_DEVICE_WARP_H_

#include <cuda_runtime.h>

#include <cstdint>

#include "cuda/warp_tile.h"

namespace crumb {

struct DeviceWarp {
  static constexpr int kSlots = 1;

  __device__ __forceinline__ int lane(int) const { return threadIdx.x % kWarpLanes; }

  // Kernels may start while the one before still runs (tile_kernel.h): weights do not depend on it,
  // activations and all that is written do.
  __device__ __forceinline__ void WaitForInputs() const {
#if __CUDA_ARCH__ >= 900
    cudaGridDependencySynchronize();
#endif
  }

  __device__ __forceinline__ void Multiply(const uint32_t (&a)[1][4], const uint32_t (&b)[1][2],
                                           int32_t (&c)[1][4]) const {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+r"(c[0][0]), "+r"(c[0][1]), "+r"(c[0][2]), "+r"(c[0][3])
        : "r"(a[0][0]), "r"(a[0][1]), "r"(a[0][2]), "r"(a[0][3]), "r"(b[0][0]), "r"(b[0][1]));
  }

  __device__ __forceinline__ void Multiply(const uint32_t (&a)[1][4], const uint32_t (&b)[1][2],
                                           float (&c)[1][4]) const {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(c[0][0]), "+f"(c[0][1]), "+f"(c[0][2]), "+f"(c[0][3])
        : "r"(a[0][0]), "r"(a[0][1]), "r"(a[0][2]), "r"(a[0][3]), "r"(b[0][0]), "r"(b[0][1]));
  }
};

}  // namespace crumb

#endif  // CRUMB_CUDA_DEVICE_WARP_H_
