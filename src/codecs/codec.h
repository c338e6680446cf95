// Codec: what the bits of one number format mean. One file pair per format; the registry
// (codecs/registry.cc) has one line for each. No search for good codes here (src/quant) and no SIMD
// (src/kernels): DecodeRow is the definition that every fast kernel is tested against.
#ifndef CRUMB_CODECS_CODEC_H_
#define CRUMB_CODECS_CODEC_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "base/status.h"
#include "codecs/packed_matrix.h"

namespace crumb {

// Codecs are stateless, live for ever and are compared by address.
class Codec {
 public:
  virtual ~Codec() = default;

  // Name as written in files and reports, for example "int4-g64", "f16", "gguf-q4_1".
  virtual std::string_view name() const = 0;

  // Bits of one code, without scales and tables: 4 for int4-g64, log2(3) for ternary-g64.
  virtual double code_bits() const = 0;

  // Bytes of every part for a matrix of this shape, padding included. rows, cols >= 0.
  virtual PartBytes SizeOf(int64_t rows, int64_t cols) const = 0;

  // Checks an untrusted matrix: part sizes against SizeOf (kCorrupt), and that every scale, or
  // every weight of a float codec, is finite (kNumerics). The message names the part and the place
  // in it. After Validate, DecodeRow and all kernels are safe on the matrix. About as fast as
  // memory.
  virtual Status Validate(const PackedMatrix& matrix) const = 0;

  // out[c] = weight (row, c), out.size() == cols. REQUIRES: Validate was ok, 0 <= row < rows.
  virtual void DecodeRow(const PackedMatrix& matrix, int64_t row, std::span<float> out) const = 0;
};

// nullptr when there is no codec of that name.
const Codec* FindCodec(std::string_view name);
std::span<const Codec* const> AllCodecs();

// codec->Validate and the same for the input transform (sizes, finite scales). What readers of
// files call.
Status ValidateMatrix(const PackedMatrix& matrix);

// Everything that is stored for the matrix, its input transform too.
int64_t StoredBytes(const PackedMatrix& matrix);
// Bits per weight with everything counted: 8 * StoredBytes / (rows * cols).
double BitsPerWeight(const PackedMatrix& matrix);

}  // namespace crumb

#endif  // CRUMB_CODECS_CODEC_H_
