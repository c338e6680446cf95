#include <fmt/format.h>

#include <cstring>

#include "base/files.h"
#include "base/json.h"
#include "formats/names.h"
#include "formats/safetensors.h"
#include "formats/safetensors_header.h"

namespace crumb {

Result<std::string> SafetensorsHeader(std::span<const SafetensorsEntry> entries,
                                      const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  int64_t offset = 0;
  for (const SafetensorsEntry& entry : entries) {
    const std::string place = fmt::format("tensor {}", Quoted(entry.name));
    if (entry.name == "__metadata__" || header.contains(entry.name)) {
      return InvalidArgument(fmt::format("{}: this name is taken", place));
    }
    if (entry.dtype == DType::kBlocks) {
      return InvalidArgument(fmt::format("{}: safetensors has no GGUF blocks", place));
    }
    const Result<int64_t> size = CheckedSize(entry.shape);
    if (!size.ok()) return InvalidArgument(size.status().message()).WithContext(place);
    const int64_t end = offset + *size * DTypeBytes(entry.dtype);
    header[entry.name] = {
        {"dtype", DTypeName(entry.dtype)}, {"shape", entry.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string json = DumpJson(header);
  constexpr size_t kAlignment = 64;
  while ((sizeof(uint64_t) + json.size()) % kAlignment != 0) json += ' ';
  const uint64_t length = json.size();
  std::string text(sizeof(length), '\0');
  std::memcpy(text.data(), &length, sizeof(length));
  return text + json;
}

Status WriteSafetensors(const std::string& path, const std::vector<TensorView>& tensors,
                        const std::map<std::string, std::string>& metadata) {
  std::vector<SafetensorsEntry> entries;
  for (const TensorView& tensor : tensors) {
    entries.push_back({tensor.name, tensor.dtype, tensor.shape});
  }
  const Result<std::string> header = SafetensorsHeader(entries, metadata);
  if (!header.ok()) return header.status().WithContext(path);
  CRUMB_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  CRUMB_RETURN_IF_ERROR(file.Append(*header));
  for (const TensorView& tensor : tensors) {
    if (static_cast<int64_t>(tensor.bytes.size()) != tensor.size() * DTypeBytes(tensor.dtype)) {
      return InvalidArgument(fmt::format("{}: tensor {} has {} bytes, its shape needs {}", path,
                                         Quoted(tensor.name), tensor.bytes.size(),
                                         tensor.size() * DTypeBytes(tensor.dtype)));
    }
    CRUMB_RETURN_IF_ERROR(file.Append(tensor.bytes));
  }
  return file.Commit();
}

}  // namespace crumb
