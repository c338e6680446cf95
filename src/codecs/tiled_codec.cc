#include "codecs/tiled_codec.h"

#include "codecs/tiled_floats.h"
#include "codecs/tiled_grid.h"
#include "codecs/tiled_trellis.h"

namespace crumb {

const TiledCodec* FormInTiles(const Codec* codec) {
  for (const auto form_of : {TiledGridOf, TiledTrellisOf, TiledFloatsOf}) {
    if (const TiledCodec* form = form_of(codec)) return form;
  }
  return nullptr;
}

const TiledCodec* AsTiled(const Codec* codec) { return dynamic_cast<const TiledCodec*>(codec); }

const Codec* OriginalOf(const Codec* codec) {
  const TiledCodec* tiled = AsTiled(codec);
  return tiled != nullptr ? tiled->original() : codec;
}

}  // namespace crumb
