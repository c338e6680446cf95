#include "formats/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "codecs/float_codecs.h"
#include "formats/names.h"

namespace crumb {
namespace {

constexpr int64_t kLengthBytes = 8;
constexpr int64_t kLargestHeader = 100'000'000;
constexpr std::string_view kModelFile = "model.safetensors";
constexpr std::string_view kIndexFile = "model.safetensors.index.json";
constexpr std::string_view kIndexSuffix = ".index.json";

std::optional<DType> DTypeOf(std::string_view name) {
  for (const DType dtype : {DType::kF64, DType::kF32, DType::kF16, DType::kBF16, DType::kI64,
                            DType::kI32, DType::kI16, DType::kI8, DType::kU8, DType::kBool}) {
    if (DTypeName(dtype) == name) return dtype;
  }
  return std::nullopt;
}

const Codec* CodecOf(DType dtype) {
  if (dtype == DType::kF32) return Float32Codec();
  if (dtype == DType::kF16) return Float16Codec();
  if (dtype == DType::kBF16) return Bfloat16Codec();
  return nullptr;
}

// An array of integers of the header.
Result<std::vector<int64_t>> IntsOf(const Json& entry, const char* key, const std::string& place) {
  const auto it = entry.find(key);
  if (it == entry.end() || !it->is_array()) {
    return Corrupt(fmt::format("{}: \"{}\" is not an array; get the file again", place, key));
  }
  std::vector<int64_t> values;
  for (const Json& value : *it) {
    if (!value.is_number_integer() ||
        (value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX})) {
      return Corrupt(fmt::format("{}: \"{}\" has a value that is no 63-bit integer", place, key));
    }
    values.push_back(value.get<int64_t>());
  }
  return values;
}

// A tensor of the header with the place of its bytes in the data.
struct Entry {
  TensorView tensor;
  int64_t begin = 0;
  int64_t end = 0;
};

Result<Entry> ParseEntry(const std::string& name, const Json& json, int64_t data_size,
                         const std::string& file) {
  const std::string place = fmt::format("{}: tensor {}", file, Quoted(name));
  CRUMB_ASSIGN_OR_RETURN(const std::string dtype_name, JsonString(json, "dtype", place));
  const std::optional<DType> dtype = DTypeOf(dtype_name);
  if (!dtype) {
    return Unsupported(fmt::format("{}: crumb does not read the type {}; convert it to F16 or F32",
                                   place, Quoted(dtype_name)));
  }
  Entry entry;
  CRUMB_ASSIGN_OR_RETURN(entry.tensor.shape, IntsOf(json, "shape", place));
  CRUMB_ASSIGN_OR_RETURN(const std::vector<int64_t> offsets, IntsOf(json, "data_offsets", place));
  const Result<int64_t> size = CheckedSize(entry.tensor.shape);
  if (!size.ok()) return size.status().WithContext(place);
  if (offsets.size() != 2 || offsets[0] < 0 || offsets[1] < offsets[0]) {
    return Corrupt(fmt::format("{}: \"data_offsets\" is not a begin and an end", place));
  }
  entry.begin = offsets[0];
  entry.end = offsets[1];
  if (entry.end > data_size) {
    return Corrupt(fmt::format(
        "{}: ends at byte {} of the data, which has {} bytes; the file is cut short, get it again",
        place, entry.end, data_size));
  }
  if (entry.end - entry.begin != *size * DTypeBytes(*dtype)) {
    return Corrupt(
        fmt::format("{}: has {} bytes at byte {} of the data, its type and shape need {}", place,
                    entry.end - entry.begin, entry.begin, *size * DTypeBytes(*dtype)));
  }
  entry.tensor.name = name;
  entry.tensor.dtype = *dtype;
  entry.tensor.codec = CodecOf(*dtype);
  entry.tensor.file = file;
  return entry;
}

// The data must be covered by the tensors without overlap, hole or rest.
Status CheckCover(std::vector<const Entry*> entries, int64_t data_size, const std::string& file) {
  std::sort(entries.begin(), entries.end(), [](const Entry* a, const Entry* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  int64_t covered = 0;
  for (const Entry* entry : entries) {
    if (entry->begin != covered) {
      return Corrupt(
          fmt::format("{}: tensor {} begins at byte {} of the data and the one before it "
                      "ends at {}: {}; get the file again",
                      file, Quoted(entry->tensor.name), entry->begin, covered,
                      entry->begin < covered ? "they overlap" : "there is a hole"));
    }
    covered = entry->end;
  }
  if (covered != data_size) {
    return Corrupt(
        fmt::format("{}: the tensors end at byte {} of the data, which has {} bytes; get "
                    "the file again",
                    file, covered, data_size));
  }
  return OkStatus();
}

Result<std::map<std::string, std::string>> ParseMetadata(const Json& json,
                                                         const std::string& file) {
  std::map<std::string, std::string> metadata;
  if (!json.is_object()) return Corrupt(fmt::format("{}: \"__metadata__\" is no object", file));
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) {
      return Corrupt(fmt::format("{}: \"__metadata__\": {} is no string", file, Quoted(key)));
    }
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

Result<SafetensorsFile> OpenFile(const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  return ParseSafetensors(file->bytes(), path, file);
}

// The shards that the index names, each tensor in the shard that the index says.
Result<SafetensorsFile> OpenShards(const std::string& index_path) {
  CRUMB_ASSIGN_OR_RETURN(const Json index, ReadJsonFile(index_path));
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (map == index.end() || !map->is_object()) {
    return Corrupt(fmt::format("{}: the object \"weight_map\" is missing", index_path));
  }
  std::map<std::string, std::string> shard_of;
  std::map<std::string, SafetensorsFile> shards;
  for (const auto& [tensor, shard] : map->items()) {
    if (!shard.is_string() || !IsPlainFileName(shard.get_ref<const std::string&>())) {
      return Corrupt(fmt::format("{}: \"weight_map\": {} does not name a file of this folder",
                                 index_path, Quoted(tensor)));
    }
    const std::string path = JoinPath(DirName(index_path), shard.get<std::string>());
    shard_of[tensor] = path;
    if (shards.contains(path)) continue;
    Result<SafetensorsFile> file = OpenFile(path);
    if (!file.ok()) return file.status().WithContext(BaseName(index_path));
    shards.emplace(path, std::move(file).value());
  }
  SafetensorsFile all;
  for (auto& [path, shard] : shards) {
    for (const auto& [name, tensor] : shard.tensors.tensors()) {
      const auto it = shard_of.find(name);
      if (it == shard_of.end() || it->second != path) {
        return Corrupt(fmt::format("{}: tensor {} is not where {} says; get both files again", path,
                                   Quoted(name), BaseName(index_path)));
      }
      CRUMB_RETURN_IF_ERROR(all.tensors.Add(tensor));
    }
    all.metadata.merge(shard.metadata);
  }
  for (const auto& [name, path] : shard_of) {
    if (all.tensors.Find(name) == nullptr) {
      return Corrupt(fmt::format("{}: tensor {} of {} is missing; get the file again", path,
                                 Quoted(name), BaseName(index_path)));
    }
  }
  return all;
}

}  // namespace

Result<SafetensorsFile> ParseSafetensors(std::span<const std::byte> bytes, const std::string& name,
                                         const std::shared_ptr<const void>& owner) {
  const auto file_size = static_cast<int64_t>(bytes.size());
  uint64_t length = 0;
  if (file_size < kLengthBytes) {
    return Corrupt(fmt::format("{}: has {} bytes, no safetensors file is so short; get it again",
                               name, file_size));
  }
  std::memcpy(&length, bytes.data(), sizeof(length));
  if (length > static_cast<uint64_t>(std::min(kLargestHeader, file_size - kLengthBytes))) {
    return Corrupt(
        fmt::format("{}: byte 0 gives the header {} bytes, the file has {} and {} are the "
                    "most allowed; it is cut short or no safetensors file",
                    name, length, file_size, kLargestHeader));
  }
  const auto data = bytes.subspan(kLengthBytes + length);
  const auto data_size = static_cast<int64_t>(data.size());
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length);
  CRUMB_ASSIGN_OR_RETURN(const Json header, ParseJson(text, name));
  if (!header.is_object()) return Corrupt(fmt::format("{}: the header is no JSON object", name));

  SafetensorsFile file;
  std::vector<Entry> entries;
  for (const auto& [key, value] : header.items()) {
    if (key == "__metadata__") {
      CRUMB_ASSIGN_OR_RETURN(file.metadata, ParseMetadata(value, name));
      continue;
    }
    CRUMB_ASSIGN_OR_RETURN(Entry entry, ParseEntry(key, value, data_size, name));
    entry.tensor.bytes = data.subspan(static_cast<size_t>(entry.begin),
                                      static_cast<size_t>(entry.end - entry.begin));
    entry.tensor.owner = owner;
    entries.push_back(std::move(entry));
  }
  std::vector<const Entry*> order;
  for (const Entry& entry : entries) order.push_back(&entry);
  CRUMB_RETURN_IF_ERROR(CheckCover(std::move(order), data_size, name));
  for (Entry& entry : entries) CRUMB_RETURN_IF_ERROR(file.tensors.Add(std::move(entry.tensor)));
  return file;
}

Result<SafetensorsFile> OpenSafetensors(const std::string& path) {
  if (!IsFolder(path)) return path.ends_with(kIndexSuffix) ? OpenShards(path) : OpenFile(path);
  const std::string single = JoinPath(path, kModelFile);
  if (PathExists(single)) return OpenFile(single);
  const std::string index = JoinPath(path, kIndexFile);
  if (PathExists(index)) return OpenShards(index);
  return NotFound(fmt::format("{}: has neither {} nor {}", path, kModelFile, kIndexFile));
}

}  // namespace crumb
