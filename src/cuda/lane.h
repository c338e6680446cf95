// Inside of src/cuda: what code for one lane of a warp is written with. The same source is compiled
// by nvcc for the GPU and by the host compiler for tests that run it lane by lane on the CPU, so it
// keeps to plain integers and arrays whose indices are constants once loops are unrolled.
//
// A warp holds 32 lanes. Lane l is place(l) = l % 4 of team(l) = l / 4, as the matrix instructions
// of the GPU deal out their operands (PTX ISA, "Matrix Fragments for mma.m16n8k32"):
//   A (weights, 16 rows)         team: row `team` and row `team + 8`
//   B (activations, 8 columns)   team: column `team`
//   C (sums, 16 x 8)             rows as A, columns 2 place and 2 place + 1
// Which columns of the matrix make one product is free, if A and B agree: here lane l holds columns
// 16 place .. 16 place + 15 of each group of 64, as four chunks of 4. Which rows of the matrix are
// the 16 rows of A is free too: here team t holds kRows consecutive rows of a tile of 8 kRows.
#ifndef CRUMB_CUDA_LANE_H_
#define CRUMB_CUDA_LANE_H_

#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#include <cuda_fp16.h>
#define CRUMB_LANE __host__ __device__ __forceinline__
#define CRUMB_LANE_UNROLL _Pragma("unroll")
#else
#define CRUMB_LANE inline
#define CRUMB_LANE_UNROLL
#endif

#ifndef __CUDA_ARCH__
#include "base/float16.h"
#endif

namespace crumb {

inline constexpr int kWarpLanes = 32;
inline constexpr int kLanePlaces = 4;
inline constexpr int kLaneTeams = 8;
inline constexpr int kLaneChunks = 4;  // of 4 columns, in a group of 64
inline constexpr int kLaneGroup = 64;

CRUMB_LANE int PlaceOfLane(int lane) { return lane % kLanePlaces; }
CRUMB_LANE int TeamOfLane(int lane) { return lane / kLanePlaces; }

// Byte i of the result is byte n_i of the eight bytes a (0 .. 3) and b (4 .. 7), n_i the i-th
// hexadecimal digit of `choice`, lowest first; digits are below 8.
CRUMB_LANE uint32_t ChooseBytes(uint32_t a, uint32_t b, uint32_t choice) {
#ifdef __CUDA_ARCH__
  return __byte_perm(a, b, choice);
#else
  const uint64_t both = uint64_t{b} << 32 | a;
  uint32_t result = 0;
  for (uint32_t i = 0; i < 4; ++i) {
    const uint32_t from = choice >> (4 * i) & 7;
    result |= static_cast<uint32_t>(both >> (8 * from) & 0xff) << (8 * i);
  }
  return result;
#endif
}

// The lower and the upper of two float16 numbers in a word.
CRUMB_LANE float HalfOfWord(uint32_t word, int upper) {
  const auto bits = static_cast<uint16_t>(upper != 0 ? word >> 16 : word & 0xffffu);
#ifdef __CUDA_ARCH__
  return __half2float(__ushort_as_half(bits));
#else
  return HalfToFloat(bits);
#endif
}

// Four bytes as four float16 numbers byte - kCenter, exact: bytes 0, 1 in `first`, 2, 3 in
// `second`.
template <int kCenter>
CRUMB_LANE void BytesToHalves(uint32_t bytes, uint32_t& first, uint32_t& second) {
#ifdef __CUDA_ARCH__
  // 0x6400 + b is the float16 number 1024 + b, and whole numbers there are exact.
  constexpr uint32_t kMagic = 0x64646464u;
  const __half2 base = __half2half2(__ushort_as_half(static_cast<uint16_t>(0x6400 + kCenter)));
  const auto less = [&](uint32_t word) {
    const __half2 value = __hsub2(*reinterpret_cast<const __half2*>(&word), base);
    return *reinterpret_cast<const uint32_t*>(&value);
  };
  first = less(__byte_perm(bytes, kMagic, 0x4140));
  second = less(__byte_perm(bytes, kMagic, 0x4342));
#else
  const auto half = [&](int i) {
    const auto byte = static_cast<int>(bytes >> (8 * i) & 0xffu);
    return uint32_t{FloatToHalf(static_cast<float>(byte - kCenter))};
  };
  first = half(0) | half(1) << 16;
  second = half(2) | half(3) << 16;
#endif
}

// out[i] = from[i], in the widest loads that kWords allows: `from` is aligned to 16 bytes where 4
// divides kWords, to 8 where 2 does.
template <int kWords>
CRUMB_LANE void LoadWords(const uint32_t* from, uint32_t* out) {
#ifdef __CUDA_ARCH__
  if constexpr (kWords % 4 == 0) {
    CRUMB_LANE_UNROLL for (int i = 0; i < kWords; i += 4) {
      const uint4 four = __ldg(reinterpret_cast<const uint4*>(from + i));
      out[i] = four.x;
      out[i + 1] = four.y;
      out[i + 2] = four.z;
      out[i + 3] = four.w;
    }
  } else if constexpr (kWords % 2 == 0) {
    CRUMB_LANE_UNROLL for (int i = 0; i < kWords; i += 2) {
      const uint2 two = __ldg(reinterpret_cast<const uint2*>(from + i));
      out[i] = two.x;
      out[i + 1] = two.y;
    }
  } else {
    CRUMB_LANE_UNROLL for (int i = 0; i < kWords; ++i) out[i] = __ldg(from + i);
  }
#else
  std::memcpy(out, from, sizeof(uint32_t) * kWords);
#endif
}

}  // namespace crumb

#endif  // CRUMB_CUDA_LANE_H_
