// Numbers of 16 bits (codecs/float_codecs.h) in tiles of rows, so that many rows are multiplied
// side by side while memory is read in the order of its addresses (codecs/tiled_codec.h).
//
// A tile is 8 rows, block after block of 32 columns: a line of 64 bytes for each row. Rows behind
// the last one and columns behind the last one are zeros.
//   codes: ceil(rows / 8) tiles of ceil(cols / 32) blocks. No other part
#ifndef CRUMB_CODECS_TILED_FLOATS_H_
#define CRUMB_CODECS_TILED_FLOATS_H_

#include "codecs/tiled_codec.h"

namespace crumb {

// nullptr but for float16 and bfloat16.
const TiledCodec* TiledFloatsOf(const Codec* codec);

}  // namespace crumb

#endif  // CRUMB_CODECS_TILED_FLOATS_H_
