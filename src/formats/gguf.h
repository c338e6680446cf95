// GGUF versions 2 and 3, little-endian, read by memory map (gguf.md among the documents of the ggml
// project).
#ifndef CRUMB_FORMATS_GGUF_H_
#define CRUMB_FORMATS_GGUF_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "formats/tensor_store.h"

namespace crumb {

// Integers of all widths are int64 (a uint64 above 2^63 - 1 is kCorrupt), floats are double.
using GgufArray = std::variant<std::vector<int64_t>, std::vector<double>, std::vector<bool>,
                               std::vector<std::string>>;
using GgufValue = std::variant<int64_t, double, bool, std::string, GgufArray>;

struct GgufFile {
  std::string path;
  int version = 0;
  std::map<std::string, GgufValue, std::less<>> metadata;
  // GGUF stores dimensions innermost first; the shapes here are outermost first.
  TensorStore tensors;

  // Typed look-ups. A missing key is kNotFound, another type kCorrupt; both name file and key.
  Result<std::string> String(std::string_view key) const;
  Result<int64_t> Int(std::string_view key) const;
  Result<double> Number(std::string_view key) const;  // accepts integers
  Result<bool> Bool(std::string_view key) const;
  bool Has(std::string_view key) const { return metadata.find(key) != metadata.end(); }
  // nullptr when missing or of another type.
  const std::vector<std::string>* Strings(std::string_view key) const;
  const std::vector<int64_t>* Ints(std::string_view key) const;
  const std::vector<double>* Numbers(std::string_view key) const;
};

Result<GgufFile> OpenGguf(const std::string& path);
Result<GgufFile> ParseGguf(std::span<const std::byte> bytes, const std::string& name,
                           const std::shared_ptr<const void>& owner);

}  // namespace crumb

#endif  // CRUMB_FORMATS_GGUF_H_
