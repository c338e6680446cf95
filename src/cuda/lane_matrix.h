// A PackedMatrix in the order in which the lanes of a GPU's warps read it, in host memory. What
// CudaMatrix::Upload copies to the GPU; made here, by plain C++, so that it is tested without one.
#ifndef CRUMB_CUDA_LANE_MATRIX_H_
#define CRUMB_CUDA_LANE_MATRIX_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/status.h"
#include "codecs/packed_matrix.h"
#include "cuda/lane_codes.h"
#include "cuda/lane_trellis.h"
#include "cuda/warp_tile.h"

namespace crumb {

enum class LaneFormat {
  kFloat16,
  kInt8,
  kInt4,
  kInt3,
  kInt2,
  kInt1,
  kTernary,
  kBinaryRow,
  kTrellis1,
  kTrellis2,
  kTrellis3,
  kTrellis4
};

// Calls body(code) with an object of the format's code (lane_codes.h, lane_trellis.h).
template <class Body>
auto WithLaneCode(LaneFormat format, Body&& body) {
  switch (format) {
    case LaneFormat::kFloat16:
      return body(LaneFloat16{});
    case LaneFormat::kInt8:
      return body(LaneInt8{});
    case LaneFormat::kInt4:
      return body(LaneInt4{});
    case LaneFormat::kInt3:
      return body(LaneInt3{});
    case LaneFormat::kInt2:
      return body(LaneInt2{});
    case LaneFormat::kInt1:
      return body(LaneInt1{});
    case LaneFormat::kTernary:
      return body(LaneTernary{});
    case LaneFormat::kBinaryRow:
      return body(LaneBinaryRow{});
    case LaneFormat::kTrellis1:
      return body(LaneTrellis<1>{});
    case LaneFormat::kTrellis2:
      return body(LaneTrellis<2>{});
    case LaneFormat::kTrellis3:
      return body(LaneTrellis<3>{});
    default:
      return body(LaneTrellis<4>{});
  }
}

struct LaneMatrix {
  LaneFormat format = LaneFormat::kFloat16;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t groups = 0;     // of 64 columns, the last one padded
  int64_t tile_rows = 0;  // 8 kRows
  int64_t tiles = 0;
  // As LaneMatrixView says.
  std::vector<uint32_t> codes;
  std::vector<uint32_t> scales;
  std::vector<uint32_t> zeros;
  std::vector<float> row_scales;
  std::vector<uint8_t> table;

  // Of these vectors; valid while they are.
  LaneMatrixView view() const {
    return {rows,         static_cast<int>(groups), codes.data(), scales.data(),
            zeros.data(), row_scales.data(),        table.data()};
  }
  int64_t bytes() const {
    return static_cast<int64_t>(4 * (codes.size() + scales.size() + zeros.size()) +
                                sizeof(float) * row_scales.size() + table.size());
  }
};

// kUnsupported, with the codec's name, where there is no lane code for it.
Result<LaneFormat> LaneFormatOf(const Codec* codec);

// REQUIRES: ValidateMatrix(matrix) was ok. The input transform is not part of it: activations bring
// it along. kUnsupported as LaneFormatOf, and for more than 2^24 rows or columns. On the calling
// thread, about 100 million weights a second.
Result<LaneMatrix> MakeLaneMatrix(const PackedMatrix& matrix);

}  // namespace crumb

#endif  // CRUMB_CUDA_LANE_MATRIX_H_
