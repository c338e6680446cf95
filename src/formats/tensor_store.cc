#include "formats/tensor_store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "base/check.h"
#include "codecs/codec.h"
#include "formats/names.h"

namespace crumb {
namespace {

std::string Place(const TensorView& tensor) {
  return fmt::format("{}: tensor {}", tensor.file, Quoted(tensor.name));
}

}  // namespace

std::string_view DTypeName(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return "F64";
    case DType::kF32:
      return "F32";
    case DType::kF16:
      return "F16";
    case DType::kBF16:
      return "BF16";
    case DType::kI64:
      return "I64";
    case DType::kI32:
      return "I32";
    case DType::kI16:
      return "I16";
    case DType::kI8:
      return "I8";
    case DType::kU8:
      return "U8";
    case DType::kBool:
      return "BOOL";
    case DType::kBlocks:
      return "blocks";
  }
  return "unknown";
}

int64_t DTypeBytes(DType dtype) {
  switch (dtype) {
    case DType::kF64:
    case DType::kI64:
      return 8;
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kF16:
    case DType::kBF16:
    case DType::kI16:
      return 2;
    case DType::kI8:
    case DType::kU8:
    case DType::kBool:
      return 1;
    case DType::kBlocks:
      return 0;
  }
  return 0;
}

Result<int64_t> CheckedSize(std::span<const int64_t> shape) {
  int64_t size = 1;
  for (const int64_t dimension : shape) {
    if (dimension < 0 || __builtin_mul_overflow(size, dimension, &size)) {
      return Corrupt(fmt::format("the shape [{}] can not be", fmt::join(shape, ", ")));
    }
  }
  // A zero among huge dimensions must not hide them.
  constexpr int64_t kMost = int64_t{1} << 56;
  for (const int64_t dimension : shape) {
    if (dimension > kMost) {
      return Corrupt(fmt::format("the shape [{}] can not be", fmt::join(shape, ", ")));
    }
  }
  if (size > kMost) return Corrupt(fmt::format("{} elements can not be", size));
  return size;
}

int64_t TensorView::size() const {
  int64_t product = 1;
  for (const int64_t dimension : shape) product *= dimension;
  return product;
}

Status TensorStore::Add(TensorView tensor) {
  const auto [at, inserted] = tensors_.try_emplace(tensor.name);
  if (!inserted) {
    return Corrupt(fmt::format("{} stands there twice (first in {}); get the file again",
                               Place(tensor), at->second.file));
  }
  at->second = std::move(tensor);
  return OkStatus();
}

const TensorView* TensorStore::Find(std::string_view name) const {
  const auto it = tensors_.find(name);
  return it == tensors_.end() ? nullptr : &it->second;
}

Result<PackedMatrix> AsMatrix(const TensorView& tensor) {
  if (tensor.codec == nullptr) {
    return Unsupported(fmt::format("{} is {}, weights must be floating point or GGUF blocks",
                                   Place(tensor), DTypeName(tensor.dtype)));
  }
  const size_t dimensions = tensor.shape.size();
  if (dimensions != 1 && dimensions != 2) {
    return Corrupt(fmt::format("{} has the shape [{}], a vector or a matrix is needed",
                               Place(tensor), fmt::join(tensor.shape, ", ")));
  }
  PackedMatrix matrix{.codec = tensor.codec,
                      .rows = dimensions == 2 ? tensor.shape[0] : 1,
                      .cols = tensor.shape.back(),
                      .codes = tensor.bytes,
                      .owner = tensor.owner};
  CRUMB_RETURN_IF_ERROR(ValidateMatrix(matrix).WithContext(Place(tensor)));
  return matrix;
}

Result<std::vector<float>> AsFloats(const TensorView& tensor) {
  CRUMB_ASSIGN_OR_RETURN(const PackedMatrix matrix, AsMatrix(tensor));
  std::vector<float> values(static_cast<size_t>(matrix.rows * matrix.cols));
  if (values.empty()) return values;  // perhaps very many rows of no columns
  const auto cols = static_cast<size_t>(matrix.cols);
  for (int64_t row = 0; row < matrix.rows; ++row) {
    matrix.codec->DecodeRow(matrix, row,
                            std::span(values).subspan(static_cast<size_t>(row) * cols, cols));
  }
  return values;
}

}  // namespace crumb
