// Trellis codes (codecs/trellis.h) in the order in which vectors of 64 bytes
// multiply them fastest: the same weights, scales and tables, with the codes in tiles. Only in
// memory, for kernels that ask for it (FasterForm in kernels/matmul.h): no file holds it, the
// registry does not list it, and it goes by the name of the original.
//
// A tile is 64 rows (1 bit: 128); a piece of it is 8 columns of one plane (4 bits: of two planes; 1
// bit: of the rows of one parity), a byte for each row, whose bit i is column i. The rows above
// that the weights depend on come first, so that a tile is decoded without those above it, and 8
// bytes from any place on are the bits of 8 rows: as an 8 x 8 bit matrix (gf2p8affineqb) they turn
// into the windows of 8 columns.
//   codes: ceil(rows / tile_rows()) tiles of ceil(cols / 64) groups of 8 times 8 columns of pieces,
//          plane after plane:
//            1 bit    (6 + 64) bytes of even rows, (8 + 64) of odd ones
//            2 bits   2 pieces of (6 + 64) bytes
//            3 bits   3 pieces of (4 + 64) bytes
//            4 bits   2 pieces of (3 + 64) times 2 bytes: of each row plane 2 i + 1, then plane 2 i
//          Rows above row 0 and behind the last one have zero bits.
//   scales, table: as the original. zeros: none
// That is 1.11, 2.19, 3.19 and 4.19 bits a weight, where the last tile is full.
#ifndef CRUMB_CODECS_TILED_TRELLIS_H_
#define CRUMB_CODECS_TILED_TRELLIS_H_

#include "codecs/tiled_codec.h"

namespace crumb {

// nullptr for codecs that are no trellis.
const TiledCodec* TiledTrellisOf(const Codec* codec);

}  // namespace crumb

#endif  // CRUMB_CODECS_TILED_TRELLIS_H_
