// TiledCodec: the same weights as those of another codec, in the order in which some kernels
// multiply them fastest. Only in memory, for kernels that ask for it (FasterForm in
// kernels/matmul.h): no file holds it, the registry does not list it, and it goes by the name of
// the original.
#ifndef CRUMB_CODECS_TILED_CODEC_H_
#define CRUMB_CODECS_TILED_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "codecs/codec.h"

namespace crumb {

class TiledCodec : public Codec {
 public:
  virtual const Codec* original() const = 0;
  // Rows that lie together.
  virtual int64_t tile_rows() const = 0;
  // Writes the codes of a valid matrix of the original: SizeOf(rows, cols).codes bytes. Scales and
  // zeros are among them where SizeOf has none; the other parts stay as they are.
  virtual void Tile(const PackedMatrix& original, std::span<std::byte> codes) const = 0;
};

// nullptr where a codec has no such form.
const TiledCodec* FormInTiles(const Codec* codec);

// nullptr when `codec` is not one of these.
const TiledCodec* AsTiled(const Codec* codec);
// Of such a codec its original, else the codec itself.
const Codec* OriginalOf(const Codec* codec);

}  // namespace crumb

#endif  // CRUMB_CODECS_TILED_CODEC_H_
