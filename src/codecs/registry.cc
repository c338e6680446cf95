// All codecs. A new one adds one line to the list: the name of the function that returns it.
#include <array>
#include <string_view>

#include "codecs/codec.h"

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
  static const auto codecs = std::to_array<const Codec*>({CRUMB_CODECS(CRUMB_CALL)});
#undef CRUMB_CALL
  return codecs;
}

const Codec* FindCodec(std::string_view name) {
  for (const Codec* codec : AllCodecs()) {
    if (codec->name() == name) return codec;
  }
  return nullptr;
}

double BitsPerWeight(const PackedMatrix& matrix) {
  const PartBytes bytes = matrix.codec->SizeOf(matrix.rows, matrix.cols);
  return 8.0 * static_cast<double>(bytes.total()) /
         (static_cast<double>(matrix.rows) * static_cast<double>(matrix.cols));
}

}  // namespace crumb
