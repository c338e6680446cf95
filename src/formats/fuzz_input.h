// What the fuzz targets of this folder share.
#ifndef CRUMB_FORMATS_FUZZ_INPUT_H_
#define CRUMB_FORMATS_FUZZ_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "codecs/codec.h"
#include "formats/tensor_store.h"

namespace crumb {

// A header and its data as the bytes of a safetensors file.
inline std::string SafetensorsBytes(const std::string& json, const std::string& data) {
  const uint64_t length = json.size();
  std::string file(sizeof(length), '\0');
  std::memcpy(file.data(), &length, sizeof(length));
  return file + json + data;
}

// Whatever passed the checks must be readable: the sanitizers watch.
inline void ReadEveryWeight(const PackedMatrix& matrix) {
  std::vector<float> row(static_cast<size_t>(matrix.cols));
  if (matrix.cols == 0) return;  // perhaps very many rows
  for (int64_t r = 0; r < matrix.rows; ++r) matrix.codec->DecodeRow(matrix, r, row);
}

inline void ReadEveryTensor(const TensorStore& tensors) {
  for (const auto& [name, tensor] : tensors.tensors()) {
    const Result<std::vector<float>> values = AsFloats(tensor);
    if (values.ok()) {
      CRUMB_CHECK(static_cast<int64_t>(values->size()) == tensor.size());
    } else {
      CRUMB_CHECK(values.status().message().find('\n') == std::string::npos);
    }
  }
}

}  // namespace crumb

#endif  // CRUMB_FORMATS_FUZZ_INPUT_H_
