// Integer grids (codecs/group_int.h) and "binary-row" in the order in which vectors of 32-bit lanes
// multiply them fastest, a lane for each row (codecs/tiled_codec.h). All that a group of 64 columns
// needs lies together, so that a matrix is read in the order of its addresses.
//
// A tile is 32 rows, group after group:
//   V vectors of 32 words (32 bits): word r is row r of the tile. Byte j of a word holds the levels
//     of columns 4 q + j of several quads q, in vector v:
//       int8     V = 16  quad v
//       int4     V = 8   quad v, and v + 8 in the upper four bits
//       int3     V = 6   bits 0 to 2: quad v; bits 3 to 5: quad v + 6; bits 6 and 7: for v < 4 the
//                        lower two bits of quad v + 12; for v = 4 the third bits of quads 12 and
//                        13, for v = 5 those of 14 and 15
//       int2     V = 4   from the lowest bits on quads v, v + 4, v + 8 and v + 12
//       ternary  V = 4   as int2: 2 bits a weight, where files have 1.625
//       int1, binary-row V = 2  bit k: quad 8 v + k
//   32 float16 scales (binary-row: none; they stay a part of their own)
//   32 zero points, for the formats that have some
// Rows behind the last one are zeros, scales too.
//   codes: ceil(rows / 32) tiles of ceil(cols / 64) groups. scales: only of binary-row, as the
//   original. zeros, table: none
#ifndef CRUMB_CODECS_TILED_GRID_H_
#define CRUMB_CODECS_TILED_GRID_H_

#include "codecs/tiled_codec.h"

namespace crumb {

// nullptr for codecs that are no grid.
const TiledCodec* TiledGridOf(const Codec* codec);

}  // namespace crumb

#endif  // CRUMB_CODECS_TILED_GRID_H_
