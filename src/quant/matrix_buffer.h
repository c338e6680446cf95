// MatrixBuffer: memory for the parts of a new PackedMatrix, for methods that fill it row by row.
#ifndef CRUMB_QUANT_MATRIX_BUFFER_H_
#define CRUMB_QUANT_MATRIX_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "codecs/codec.h"

namespace crumb {

class MatrixBuffer {
 public:
  // All bytes zero. Parts have the sizes of codec.SizeOf(rows, cols).
  MatrixBuffer(const Codec& codec, int64_t rows, int64_t cols)
      : bytes_(codec.SizeOf(rows, cols)),
        buffer_(std::make_shared<std::vector<std::byte>>(static_cast<size_t>(bytes_.total()))) {
    matrix_.codec = &codec;
    matrix_.rows = rows;
    matrix_.cols = cols;
  }

  std::byte* codes() const { return buffer_->data(); }
  std::byte* scales() const { return codes() + bytes_.codes; }
  std::byte* zeros() const { return scales() + bytes_.scales; }
  std::byte* table() const { return zeros() + bytes_.zeros; }

  // The matrix that owns the buffer.
  PackedMatrix Take() && {
    matrix_.codes = {codes(), static_cast<size_t>(bytes_.codes)};
    matrix_.scales = {scales(), static_cast<size_t>(bytes_.scales)};
    matrix_.zeros = {zeros(), static_cast<size_t>(bytes_.zeros)};
    matrix_.table = {table(), static_cast<size_t>(bytes_.table)};
    matrix_.owner = buffer_;
    return std::move(matrix_);
  }

 private:
  PartBytes bytes_;
  std::shared_ptr<std::vector<std::byte>> buffer_;
  PackedMatrix matrix_;
};

}  // namespace crumb

#endif  // CRUMB_QUANT_MATRIX_BUFFER_H_
