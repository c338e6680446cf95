#include "quant/group_rows.h"

#include <cmath>
#include <cstring>

#include "base/check.h"
#include "codecs/binary_row.h"
#include "quant/matrix_buffer.h"

namespace crumb {

bool HasLevels(const Codec& codec) {
  return AsGroupInt(&codec) != nullptr || &codec == BinaryRowCodec();
}

LevelGrid LevelGrid::Of(const Codec& codec, int64_t cols) {
  if (&codec == BinaryRowCodec()) return {.levels = 2, .group_size = cols};
  const GroupIntCodec* group = AsGroupInt(&codec);
  CRUMB_CHECK(group != nullptr);
  return {.levels = group->levels(), .zero_point = group->has_zero_point()};
}

GroupRows::GroupRows(const LevelGrid& level_grid, int64_t row_count, int64_t col_count)
    : grid(level_grid),
      rows(row_count),
      cols(col_count),
      groups((col_count + level_grid.group_size - 1) / level_grid.group_size),
      levels(static_cast<size_t>(row_count * col_count)),
      scales(static_cast<size_t>(row_count * groups)) {}

void GroupRows::RoundRow(int64_t row, const float* weights) {
  uint8_t* out = RowLevels(row);
  for (int64_t g = 0; g < groups; ++g) {
    const GroupValues values = Values(row, g);
    for (int64_t c = GroupBegin(g); c < GroupEnd(g); ++c) out[c] = values.Round(weights[c]);
  }
}

void GroupRows::DecodeRow(int64_t row, float* out) const {
  const uint8_t* in = RowLevels(row);
  for (int64_t g = 0; g < groups; ++g) {
    const GroupValues values = Values(row, g);
    for (int64_t c = GroupBegin(g); c < GroupEnd(g); ++c) out[c] = values.Value(in[c]);
  }
}

PackedMatrix GroupRows::Pack(const Codec& codec) const {
  const GroupIntCodec* group = AsGroupInt(&codec);
  return group != nullptr ? PackGroups(*group) : PackBinaryRows();
}

PackedMatrix GroupRows::PackBinaryRows() const {
  MatrixBuffer out(*BinaryRowCodec(), rows, cols);
  const int64_t bytes = (cols + 63) / 64 * 8;
  for (int64_t r = 0; r < rows; ++r) {
    PackBinaryRow({RowLevels(r), static_cast<size_t>(cols)},
                  {out.codes() + r * bytes, static_cast<size_t>(bytes)});
    std::memcpy(out.scales() + r * 2, &scales[static_cast<size_t>(r)].scale, 2);
  }
  return std::move(out).Take();
}

PackedMatrix GroupRows::PackGroups(const GroupIntCodec& codec) const {
  MatrixBuffer out(codec, rows, cols);
  const int64_t bytes = codec.group_bytes();
  uint8_t group_levels[kGroupSize];
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t index = r * groups + g;
      const GroupScale& chosen = scales[static_cast<size_t>(index)];
      std::ranges::fill(group_levels, GroupValues(grid, chosen).Round(0));
      std::memcpy(group_levels, RowLevels(r) + GroupBegin(g),
                  static_cast<size_t>(GroupEnd(g) - GroupBegin(g)));
      codec.PackGroup(group_levels, {out.codes() + index * bytes, static_cast<size_t>(bytes)});
      std::memcpy(out.scales() + index * 2, &chosen.scale, 2);
      if (grid.zero_point) out.zeros()[index] = static_cast<std::byte>(chosen.zero);
    }
  }
  return std::move(out).Take();
}

}  // namespace crumb
