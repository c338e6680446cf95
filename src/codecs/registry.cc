// All codecs. A new one adds one line to the list: the name of the function that returns it.
#include <array>
#include <string_view>

#include "codecs/codec.h"
#include "codecs/codec_checks.h"
#include "codecs/tiled_codec.h"
#include "codecs/trellis.h"

#define CRUMB_CODECS(X)  \
  X(Float32Codec)        \
  X(Float16Codec)        \
  X(Bfloat16Codec)       \
  X(Int8Group64Codec)    \
  X(Int4Group64Codec)    \
  X(Int3Group64Codec)    \
  X(Int2Group64Codec)    \
  X(Int1Group64Codec)    \
  X(TernaryGroup64Codec) \
  X(BinaryRowCodec)      \
  X(GgufQ40Codec)        \
  X(GgufQ41Codec)        \
  X(GgufQ50Codec)        \
  X(GgufQ51Codec)        \
  X(GgufQ80Codec)        \
  X(GgufQ10Codec)        \
  X(GgufQ20Codec)        \
  X(GgufMxfp4Codec)      \
  X(GgufQ2KCodec)        \
  X(GgufQ3KCodec)        \
  X(GgufQ4KCodec)        \
  X(GgufQ5KCodec)        \
  X(GgufQ6KCodec)        \
  X(GgufTq10Codec)       \
  X(GgufTq20Codec)

namespace crumb {

#define CRUMB_DECLARE(function) const Codec* function();
CRUMB_CODECS(CRUMB_DECLARE)
#undef CRUMB_DECLARE

std::span<const Codec* const> AllCodecs() {
#define CRUMB_CALL(function) function(),
  static const auto codecs = std::to_array<const Codec*>({
      CRUMB_CODECS(CRUMB_CALL)  //
      Trellis1Codec(),
      Trellis2Codec(),
      Trellis3Codec(),
      Trellis4Codec(),
  });
#undef CRUMB_CALL
  return codecs;
}

const Codec* FindCodec(std::string_view name) {
  for (const Codec* codec : AllCodecs()) {
    if (codec->name() == name) return codec;
  }
  return nullptr;
}

int64_t StoredBytes(const PackedMatrix& matrix) {
  const TiledCodec* tiled = AsTiled(matrix.codec);
  const Codec* stored = tiled != nullptr ? tiled->original() : matrix.codec;
  const PartBytes parts = stored->SizeOf(matrix.rows, matrix.cols);
  return parts.total() + static_cast<int64_t>(matrix.input.signs.size()) +
         static_cast<int64_t>(matrix.input.scales.size());
}

double BitsPerWeight(const PackedMatrix& matrix) {
  return 8.0 * static_cast<double>(StoredBytes(matrix)) /
         (static_cast<double>(matrix.rows) * static_cast<double>(matrix.cols));
}

Status ValidateMatrix(const PackedMatrix& matrix) {
  CRUMB_RETURN_IF_ERROR(matrix.codec->Validate(matrix));
  return CheckInputTransform(matrix.input, matrix.cols);
}

}  // namespace crumb
