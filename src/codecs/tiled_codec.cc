#include "codecs/tiled_codec.h"

#include "codecs/tiled_grid.h"
#include "codecs/tiled_trellis.h"

namespace crumb {

const TiledCodec* FormInTiles(const Codec* codec) {
  const TiledCodec* trellis = TiledFormOf(codec);
  return trellis != nullptr ? trellis : TiledGridOf(codec);
}

const TiledCodec* AsTiled(const Codec* codec) { return dynamic_cast<const TiledCodec*>(codec); }

}  // namespace crumb
