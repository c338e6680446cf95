// GroupRows: a matrix of integer levels and group scales while a method works on it, before it is
// packed; and the grid of values that a level stands for.
#ifndef CRUMB_QUANT_GROUP_ROWS_H_
#define CRUMB_QUANT_GROUP_ROWS_H_

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "base/float16.h"
#include "codecs/group_int.h"
#include "quant/rtn.h"

namespace crumb {

// What a group of levels can stand for: w' = scale * (step * level - offset), as in
// codecs/group_int.h.
struct LevelGrid {
  int levels = 0;
  bool zero_point = false;
  int64_t group_size = kGroupSize;  // columns that share a scale

  // Of a group integer codec or binary-row. REQUIRES: HasLevels(codec).
  static LevelGrid Of(const Codec& codec, int64_t cols);
  float top() const { return static_cast<float>(levels - 1); }
  float step() const { return levels == 2 ? 2.0f : 1.0f; }
  float Offset(uint8_t zero) const {
    return zero_point ? static_cast<float>(zero) * top() / 255.0f : 1.0f;
  }
};

// Whether a codec stores levels on grids: the group integers and binary-row.
bool HasLevels(const Codec& codec);

// One group's grid, ready for arithmetic.
struct GroupValues {
  float scale = 0;
  float inverse = 0;  // 1 / scale; 0 where the scale is 0: all weights then get the level at zero
  float offset = 0;
  float step = 1;
  float top = 0;

  GroupValues() = default;
  GroupValues(const LevelGrid& grid, GroupScale stored)
      : scale(HalfToFloat(stored.scale)),
        inverse(scale == 0 ? 0 : 1 / scale),
        offset(grid.Offset(stored.zero)),
        step(grid.step()),
        top(grid.top()) {}

  float Value(uint8_t level) const { return scale * (step * static_cast<float>(level) - offset); }
  // The nearest level.
  uint8_t Round(float w) const {
    const float place = std::clamp((w * inverse + offset) / step, 0.0f, top);
    return static_cast<uint8_t>(place + 0.5f);
  }
};

struct GroupRows {
  LevelGrid grid;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t groups = 0;              // of a row
  std::vector<uint8_t> levels;     // rows x cols
  std::vector<GroupScale> scales;  // rows x groups

  GroupRows(const LevelGrid& level_grid, int64_t row_count, int64_t col_count);

  GroupValues Values(int64_t row, int64_t group) const {
    return {grid, scales[static_cast<size_t>(row * groups + group)]};
  }
  uint8_t* RowLevels(int64_t row) { return levels.data() + row * cols; }
  const uint8_t* RowLevels(int64_t row) const { return levels.data() + row * cols; }
  std::span<GroupScale> RowScales(int64_t row) {
    return std::span(scales).subspan(static_cast<size_t>(row * groups),
                                     static_cast<size_t>(groups));
  }
  // Columns of a group: the last one of a row may be short.
  int64_t GroupBegin(int64_t group) const { return group * grid.group_size; }
  int64_t GroupEnd(int64_t group) const { return std::min(cols, (group + 1) * grid.group_size); }

  // The nearest level of each weight of a row.
  void RoundRow(int64_t row, const float* weights);
  // The weights that the levels of a row stand for.
  void DecodeRow(int64_t row, float* out) const;

  // REQUIRES: the grid is of `codec`.
  PackedMatrix Pack(const Codec& codec) const;

 private:
  PackedMatrix PackGroups(const GroupIntCodec& codec) const;
  PackedMatrix PackBinaryRows() const;
};

}  // namespace crumb

#endif  // CRUMB_QUANT_GROUP_ROWS_H_
