// For tests: random matrices, rows and input transforms.
#ifndef CRUMB_KERNELS_TESTING_MATRICES_H_
#define CRUMB_KERNELS_TESTING_MATRICES_H_

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "base/float16.h"
#include "base/rng.h"
#include "codecs/binary_row.h"
#include "codecs/codec.h"
#include "codecs/float_codecs.h"
#include "codecs/group_int.h"
#include "codecs/tiled_codec.h"
#include "codecs/trellis.h"

namespace crumb {

inline size_t Index(int64_t i) { return static_cast<size_t>(i); }

// Of a trellis codec, in tiles or not; empty for others.
inline std::span<const uint8_t> DefaultTables(const Codec* codec) {
  const TrellisCodec* trellis = AsTrellis(OriginalOf(codec));
  return trellis != nullptr ? trellis->default_tables() : std::span<const uint8_t>();
}

// A matrix of random valid bits: any bytes are valid codes and zeros (for ternary too: a byte
// decodes to some digits); scales are positive halves between 2^-8 and 2^-4, some of them negative.
inline PackedMatrix RandomMatrix(const Codec* codec, int64_t rows, int64_t cols, Rng& rng) {
  const PartBytes bytes = codec->SizeOf(rows, cols);
  struct Buffers {
    std::vector<std::byte> codes, scales, zeros, table;
  };
  auto buffers = std::make_shared<Buffers>();
  const auto fill = [&](int64_t size, std::vector<std::byte>& part) {
    part.resize(Index(size));
    for (std::byte& b : part) b = static_cast<std::byte>(rng.Next() & 0xff);
  };
  fill(bytes.codes, buffers->codes);
  fill(bytes.zeros, buffers->zeros);
  fill(bytes.scales, buffers->scales);
  for (size_t i = 0; i + 1 < buffers->scales.size(); i += 2) {
    const uint16_t half = FloatToHalf(static_cast<float>(std::exp2(-8 + 4 * rng.Uniform())) *
                                      (rng.Below(8) == 0 ? -1.0f : 1.0f));
    std::memcpy(buffers->scales.data() + i, &half, 2);
  }
  const auto tables = std::as_bytes(DefaultTables(codec));
  buffers->table.assign(tables.begin(), tables.end());
  PackedMatrix m{.codec = codec, .rows = rows, .cols = cols};
  m.codes = buffers->codes;
  m.scales = buffers->scales;
  m.zeros = buffers->zeros;
  m.table = buffers->table;
  m.owner = std::move(buffers);
  return m;
}

// The same weights in tiles.
inline PackedMatrix Tiled(const PackedMatrix& m) {
  const TiledCodec* codec = FormInTiles(m.codec);
  const PartBytes size = codec->SizeOf(m.rows, m.cols);
  auto codes = std::make_shared<std::vector<std::byte>>(Index(size.codes));
  codec->Tile(m, *codes);
  PackedMatrix tiled = m;
  tiled.codec = codec;
  tiled.codes = *codes;
  if (size.scales == 0) tiled.scales = {};
  if (size.zeros == 0) tiled.zeros = {};
  tiled.owner = std::make_shared<std::pair<decltype(codes), decltype(m.owner)>>(codes, m.owner);
  return tiled;
}

// Whether products with int8 activations use their codes.
inline bool HasInt8Kernel(const Codec* codec) {
  codec = OriginalOf(codec);
  return AsGroupInt(codec) != nullptr || AsTrellis(codec) != nullptr || codec == BinaryRowCodec();
}

// Random bits of a codec with an integer kernel, normal numbers of a float codec.
inline PackedMatrix RandomWeights(const Codec* codec, int64_t rows, int64_t cols, Rng& rng) {
  if (HasInt8Kernel(codec)) return RandomMatrix(codec, rows, cols, rng);
  std::vector<float> values(Index(rows * cols));
  for (float& v : values) v = static_cast<float>(rng.Gaussian());
  return PackFloats(codec, rows, cols, values);
}

inline std::vector<float> RandomRows(int64_t batch, int64_t cols, Rng& rng) {
  std::vector<float> x(Index(batch * cols));
  for (float& v : x) v = static_cast<float>(rng.Gaussian());
  return x;
}

// Signs and scales at random; float16 scales near 1. The bytes lie in `buffer`.
inline InputTransform RandomTransform(int64_t cols, Rng& rng, std::vector<std::byte>& buffer) {
  const size_t signs = Index((cols + 7) / 8);
  buffer.resize(signs + Index(2 * cols));
  for (std::byte& b : buffer) b = static_cast<std::byte>(rng.Next() & 0xff);
  for (int64_t c = 0; c < cols; ++c) {
    const uint16_t half = FloatToHalf(static_cast<float>(0.5 + rng.Uniform()));
    std::memcpy(buffer.data() + signs + 2 * c, &half, 2);
  }
  const std::span<const std::byte> all(buffer);
  return {all.first(signs), all.subspan(signs)};
}

}  // namespace crumb

#endif  // CRUMB_KERNELS_TESTING_MATRICES_H_
