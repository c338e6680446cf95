#include "cuda/lane_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/float16.h"
#include "codecs/binary_row.h"
#include "codecs/codec.h"
#include "codecs/float_codecs.h"
#include "codecs/group_int.h"
#include "codecs/trellis.h"

namespace crumb {
namespace {

size_t Index(int64_t i) { return static_cast<size_t>(i); }

uint16_t HalfAt(std::span<const std::byte> part, int64_t i) {
  uint16_t half;
  std::memcpy(&half, part.data() + 2 * i, sizeof(half));
  return half;
}

// The words of a lane and chunk as they are packed, before they go to their place.
template <class Code>
using ChunkWords = uint32_t[Code::kChunkWords];

template <class Code>
void StoreChunk(const ChunkWords<Code>& words, int64_t tile, int64_t group, int lane, int chunk,
                LaneMatrix& out) {
  constexpr int64_t kWords = kLaneChunks * Code::kChunkWords;
  uint32_t* of_tile = out.codes.data() + (tile * out.groups + group) * kWords * kWarpLanes;
  for (int i = 0; i < Code::kChunkWords; ++i) {
    const int word = chunk * Code::kChunkWords + i;
    of_tile[word / 4 * (4 * kWarpLanes) + 4 * lane + word % 4] = words[i];
  }
}

// Calls pack(first_row, first_column, words) for each lane and chunk of each tile.
template <class Code, class Pack>
void PackChunks(const Pack& pack, LaneMatrix& out) {
  for (int64_t tile = 0; tile < out.tiles; ++tile) {
    for (int64_t group = 0; group < out.groups; ++group) {
      for (int lane = 0; lane < kWarpLanes; ++lane) {
        for (int chunk = 0; chunk < kLaneChunks; ++chunk) {
          ChunkWords<Code> words = {};
          pack(tile * out.tile_rows + int64_t{TeamOfLane(lane)} * Code::kRows,
               group * kLaneGroup + int64_t{PlaceOfLane(lane)} * 16 + int64_t{chunk} * 4, words);
          StoreChunk<Code>(words, tile, group, lane, chunk, out);
        }
      }
    }
  }
}

// Levels of group-int rows, or bits of binary rows, one byte each and as many as groups * 64.
void UnpackLevels(const PackedMatrix& m, int64_t row, std::span<uint8_t> levels) {
  const GroupIntCodec* codec = AsGroupInt(m.codec);
  const auto groups = static_cast<int64_t>(levels.size()) / kLaneGroup;
  for (int64_t g = 0; g < groups; ++g) {
    const std::span<uint8_t, kLaneGroup> group(levels.data() + g * kLaneGroup, kLaneGroup);
    if (codec != nullptr) {
      const int64_t bytes = codec->group_bytes();
      codec->UnpackGroup(m.codes.subspan(Index((row * groups + g) * bytes), Index(bytes)), group);
    } else {
      const auto words = m.codes.subspan(Index((row * groups + g) * 8), 8);
      for (size_t i = 0; i < group.size(); ++i) {
        group[i] = std::to_integer<uint8_t>(words[i / 8]) >> (i % 8) & 1;
      }
    }
  }
}

template <class Code>
void PackLevels(const PackedMatrix& m, LaneMatrix& out) {
  constexpr bool kSigns = Code::kCenter == 1 && Code::kChunkWords == 1;
  const int64_t stride = out.groups * kLaneGroup;
  // One tile of rows at a time.
  std::vector<uint8_t> levels(Index(out.tile_rows * stride));
  int64_t unpacked = -1;
  const auto pack = [&](int64_t row, int64_t column, ChunkWords<Code>& words) {
    const int64_t tile = row / out.tile_rows;
    if (tile != unpacked) {
      unpacked = tile;
      std::ranges::fill(levels, uint8_t{0});
      const int64_t first = tile * out.tile_rows;
      for (int64_t r = first; r < std::min(first + out.tile_rows, m.rows); ++r) {
        const auto of_row = std::span(levels).subspan(Index((r - first) * stride), Index(stride));
        UnpackLevels(m, r, of_row);
      }
    }
    uint32_t rows[Code::kRows];
    for (int r = 0; r < Code::kRows; ++r) {
      std::memcpy(&rows[r], levels.data() + (row % out.tile_rows + r) * stride + column, 4);
      if constexpr (kSigns) rows[r] <<= 1;
    }
    Code::Pack(rows, words);
  };
  PackChunks<Code>(pack, out);
}

template <class Code>
void PackTrellis(const PackedMatrix& m, LaneMatrix& out) {
  const int planes = AsTrellis(m.codec)->bits();
  const auto* codes = reinterpret_cast<const uint8_t*>(m.codes.data());
  PackChunks<Code>(
      [&](int64_t row, int64_t column, ChunkWords<Code>& words) {
        Code::Pack(
            [&](int plane, int r, int c) {
              if (row + r >= m.rows) return 0u;
              const int64_t word = ((row + r) * out.groups + column / kLaneGroup) * planes + plane;
              const int64_t bit = column % kLaneGroup + c;
              return static_cast<uint32_t>(codes[8 * word + bit / 8] >> (bit % 8) & 1);
            },
            words);
      },
      out);
  out.table.assign(reinterpret_cast<const uint8_t*>(m.table.data()),
                   reinterpret_cast<const uint8_t*>(m.table.data()) + m.table.size());
}

void PackHalves(const PackedMatrix& m, LaneMatrix& out) {
  PackChunks<LaneFloat16>(
      [&](int64_t row, int64_t column, ChunkWords<LaneFloat16>& words) {
        for (int r = 0; r < LaneFloat16::kRows && row + r < m.rows; ++r) {
          const int64_t there = std::clamp<int64_t>(m.cols - column, 0, 4);
          std::memcpy(words + int64_t{r} * 2, m.codes.data() + 2 * ((row + r) * m.cols + column),
                      Index(2 * there));
        }
      },
      out);
}

// Scales of rows and groups turned from row after row to tile, group, row.
template <class Code>
void PackScales(const PackedMatrix& m, LaneMatrix& out) {
  if constexpr (Code::kScales == LaneScales::kRow) {
    out.row_scales.assign(Index(out.tiles * out.tile_rows), 0.0f);
    for (int64_t r = 0; r < m.rows; ++r)
      out.row_scales[Index(r)] = HalfToFloat(HalfAt(m.scales, r));
  } else if constexpr (LaneScaleWords<Code>::kScaled) {
    out.scales.assign(Index(out.tiles * out.groups * out.tile_rows / 2), 0);
    if (LaneScaleWords<Code>::kZero) {
      out.zeros.assign(Index(out.tiles * out.groups * out.tile_rows / 4), 0);
    }
    for (int64_t r = 0; r < m.rows; ++r) {
      for (int64_t g = 0; g < out.groups; ++g) {
        const int64_t at = (r / out.tile_rows * out.groups + g) * out.tile_rows + r % out.tile_rows;
        const int64_t from = r * out.groups + g;
        out.scales[Index(at / 2)] |= uint32_t{HalfAt(m.scales, from)} << (16 * (at % 2));
        if (!LaneScaleWords<Code>::kZero) continue;
        out.zeros[Index(at / 4)] |= std::to_integer<uint32_t>(m.zeros[Index(from)])
                                    << (8 * (at % 4));
      }
    }
  }
}

}  // namespace

Result<LaneFormat> LaneFormatOf(const Codec* codec) {
  if (codec == Float16Codec()) return LaneFormat::kFloat16;
  if (codec == BinaryRowCodec()) return LaneFormat::kBinaryRow;
  if (const TrellisCodec* trellis = AsTrellis(codec)) {
    constexpr LaneFormat kFormats[] = {LaneFormat::kTrellis1, LaneFormat::kTrellis2,
                                       LaneFormat::kTrellis3, LaneFormat::kTrellis4};
    return kFormats[trellis->bits() - 1];
  }
  if (const GroupIntCodec* group = AsGroupInt(codec)) {
    switch (group->levels()) {
      case 256:
        return LaneFormat::kInt8;
      case 16:
        return LaneFormat::kInt4;
      case 8:
        return LaneFormat::kInt3;
      case 4:
        return LaneFormat::kInt2;
      case 3:
        return LaneFormat::kTernary;
      default:
        return LaneFormat::kInt1;
    }
  }
  return Unsupported(fmt::format(
      "{}: no kernel for the GPU; use f16, an integer grid, ternary, binary-row or a trellis code",
      codec->name()));
}

Result<LaneMatrix> MakeLaneMatrix(const PackedMatrix& matrix) {
  LaneMatrix out;
  CRUMB_ASSIGN_OR_RETURN(out.format, LaneFormatOf(matrix.codec));
  constexpr int64_t kMost = int64_t{1} << 24;
  if (matrix.rows > kMost || matrix.cols > kMost) {
    return Unsupported(
        fmt::format("a matrix of {} x {}: kernels for the GPU count rows and columns to "
                    "2^24",
                    matrix.rows, matrix.cols));
  }
  out.rows = matrix.rows;
  out.cols = matrix.cols;
  out.groups = (matrix.cols + kLaneGroup - 1) / kLaneGroup;
  WithLaneCode(out.format, [&](auto code) {
    using Code = decltype(code);
    out.tile_rows = kLaneTeams * Code::kRows;
    out.tiles = (out.rows + out.tile_rows - 1) / out.tile_rows;
    out.codes.assign(Index(out.tiles * out.groups * kLaneChunks * Code::kChunkWords * kWarpLanes),
                     0);
    if constexpr (Code::kScales == LaneScales::kNone) {
      PackHalves(matrix, out);
    } else if constexpr (Code::kHistory) {
      PackTrellis<Code>(matrix, out);
    } else {
      PackLevels<Code>(matrix, out);
    }
    PackScales<Code>(matrix, out);
  });
  return out;
}

}  // namespace crumb
