// Named tensors over mapped files: what safetensors and GGUF have in common. Nothing is copied.
#ifndef CRUMB_FORMATS_TENSOR_STORE_H_
#define CRUMB_FORMATS_TENSOR_STORE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "codecs/packed_matrix.h"

namespace crumb {

enum class DType { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU8, kBool, kBlocks };
std::string_view DTypeName(DType dtype);
// Bytes of one element; 0 for kBlocks.
int64_t DTypeBytes(DType dtype);

// Product of an untrusted shape. kCorrupt when a dimension is negative or the product is above
// 2^56.
Result<int64_t> CheckedSize(std::span<const int64_t> shape);

// One tensor. `shape` is outermost first, so a matrix is {rows, cols}; elements follow row-major.
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  const Codec* codec = nullptr;  // f32, f16, bf16 or a gguf-* block codec; null for other types
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;  // keeps the bytes alive
  std::string file;                   // for messages

  int64_t size() const;  // product of shape
};

// Tensors by name. Names are unique; views stay valid while the store or a copy of a view lives.
class TensorStore {
 public:
  // kCorrupt on a repeated name.
  Status Add(TensorView tensor);
  // nullptr when missing.
  const TensorView* Find(std::string_view name) const;
  const std::map<std::string, TensorView, std::less<>>& tensors() const { return tensors_; }

 private:
  std::map<std::string, TensorView, std::less<>> tensors_;
};

// The tensor as a matrix of its codec (a vector is one row). kUnsupported for integer types,
// kCorrupt when the shape has not one or two dimensions. Validates: kNumerics on NaN and Inf.
Result<PackedMatrix> AsMatrix(const TensorView& tensor);

// All elements as float32. The same errors.
Result<std::vector<float>> AsFloats(const TensorView& tensor);

}  // namespace crumb

#endif  // CRUMB_FORMATS_TENSOR_STORE_H_
