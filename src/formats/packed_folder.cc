#include "formats/packed_folder.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "codecs/codec.h"
#include "formats/names.h"
#include "formats/packed_layout.h"
#include "formats/safetensors.h"

namespace crumb {
namespace {

constexpr size_t kSha256Digits = 64;

// The member `key` of an object, which must be an object itself.
Result<const Json*> ObjectAt(const Json& object, const char* key, const std::string& file) {
  const auto it = object.is_object() ? object.find(key) : object.end();
  if (it == object.end() || !it->is_object()) {
    return Corrupt(
        fmt::format("{}: the object \"{}\" is missing; quantize the model again", file, key));
  }
  return &*it;
}

Status CheckVersion(const Json& object, const char* key, const std::string& file) {
  CRUMB_ASSIGN_OR_RETURN(const int64_t version, JsonInt(object, key, file));
  if (version >= kOldestPackedFormatVersion && version <= kPackedFormatVersion) return OkStatus();
  return Unsupported(
      fmt::format("{}: \"{}\" is {}, this crumb reads {} to {}; quantize the model again", file,
                  key, version, kOldestPackedFormatVersion, kPackedFormatVersion));
}

// Size and SHA-256 of a file as the manifest has them.
struct FileRecord {
  int64_t size = 0;
  std::string sha256;
};

Result<std::map<std::string, FileRecord>> FilesOf(const Json& manifest, const std::string& file) {
  CRUMB_RETURN_IF_ERROR(CheckVersion(manifest, "format_version", file));
  CRUMB_ASSIGN_OR_RETURN(const Json* files, ObjectAt(manifest, "files", file));
  std::map<std::string, FileRecord> records;
  for (const auto& [name, json] : files->items()) {
    const std::string place = fmt::format("{}: files: {}", file, Quoted(name));
    if (!IsPlainFileName(name)) {
      return Corrupt(fmt::format("{} is no file of this folder", place));
    }
    FileRecord record;
    CRUMB_ASSIGN_OR_RETURN(record.size, JsonInt(json, "size", place));
    CRUMB_ASSIGN_OR_RETURN(record.sha256, JsonString(json, "sha256", place));
    if (record.size < 0 || record.sha256.size() != kSha256Digits) {
      return Corrupt(fmt::format("{}: size or sha256 can not be", place));
    }
    records.emplace(name, std::move(record));
  }
  for (const char* needed : {kConfigFile, kModelFile}) {
    if (!records.contains(needed)) {
      return Corrupt(fmt::format("{}: files: {} is missing", file, needed));
    }
  }
  return records;
}

Status CheckSizes(const std::map<std::string, FileRecord>& records,
                  const std::map<std::string, int64_t>& sizes, const std::string& path) {
  for (const auto& [name, record] : records) {
    const auto it = sizes.find(name);
    const std::string place = JoinPath(path, name);
    if (it == sizes.end()) {
      return Corrupt(
          fmt::format("{}: is missing, {} lists it; get the folder again", place, kManifestFile));
    }
    if (it->second != record.size) {
      return Corrupt(fmt::format("{}: has {} bytes, {} says {}; get the folder again", place,
                                 it->second, kManifestFile, record.size));
    }
  }
  return OkStatus();
}

// Codec and shape of the matrix as quantization_config.matrices has them; no bytes yet.
Result<PackedMatrix> ParseDescription(const Json& json, const std::string& place) {
  CRUMB_ASSIGN_OR_RETURN(const std::string codec, JsonString(json, "codec", place));
  PackedMatrix matrix{.codec = FindCodec(codec)};
  if (matrix.codec == nullptr) {
    return Unsupported(fmt::format("{}: the codec {} is unknown to this crumb; take a newer one",
                                   place, Quoted(codec)));
  }
  const auto shape = json.find("shape");
  if (shape == json.end() || !shape->is_array() || shape->size() != 2) {
    return Corrupt(fmt::format("{}: \"shape\" is not rows and columns", place));
  }
  const Json dimensions = {{"rows", (*shape)[0]}, {"columns", (*shape)[1]}};
  CRUMB_ASSIGN_OR_RETURN(matrix.rows, JsonInt(dimensions, "rows", place));
  CRUMB_ASSIGN_OR_RETURN(matrix.cols, JsonInt(dimensions, "columns", place));
  const Result<int64_t> size = CheckedSize(std::array{matrix.rows, matrix.cols});
  if (!size.ok()) return size.status().WithContext(place);
  return matrix;
}

// Finds the parts of the matrix among the tensors and takes their names out of `unused`.
Status AttachParts(const std::string& name, const TensorStore& tensors,
                   std::set<std::string>& unused, PackedMatrix& matrix) {
  for (const PackedPart& part : kPackedParts) {
    const std::string tensor_name = name + std::string(part.suffix);
    const TensorView* tensor = tensors.Find(tensor_name);
    if (tensor == nullptr) continue;  // ValidateMatrix knows whether it is needed
    if (tensor->dtype != DType::kU8) {
      return Corrupt(
          fmt::format("tensor {} is {}, not U8", Quoted(tensor_name), DTypeName(tensor->dtype)));
    }
    part.bytes(matrix) = tensor->bytes;
    matrix.owner = tensor->owner;
    unused.erase(tensor_name);
  }
  return ValidateMatrix(matrix).WithContext(fmt::format("matrix {}", Quoted(name)));
}

// Everything that is no part of a matrix must be a float32 tensor without NaN or Inf.
Status AddPlainTensors(const TensorStore& all, const std::set<std::string>& names,
                       TensorStore& plain) {
  for (const std::string& name : names) {
    const TensorView& tensor = *all.Find(name);
    if (tensor.dtype != DType::kF32) {
      return Corrupt(fmt::format("{}: tensor {} is {} and part of no matrix; get the folder again",
                                 tensor.file, Quoted(name), DTypeName(tensor.dtype)));
    }
    CRUMB_RETURN_IF_ERROR(AsMatrix(tensor).status());
    CRUMB_RETURN_IF_ERROR(plain.Add(tensor));
  }
  return OkStatus();
}

Result<std::map<std::string, int64_t>> SizesOf(const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(path));
  std::map<std::string, int64_t> sizes;
  for (const std::string& name : names) {
    if (IsFolder(JoinPath(path, name))) continue;
    CRUMB_ASSIGN_OR_RETURN(sizes[name], FileSize(JoinPath(path, name)));
  }
  return sizes;
}

}  // namespace

bool IsPackedFolder(const std::string& path) {
  const Result<Json> config = ReadJsonFile(JoinPath(path, kConfigFile));
  if (!config.ok()) return false;
  const Result<const Json*> quantization = ObjectAt(*config, "quantization_config", path);
  if (!quantization.ok()) return false;
  const Result<std::string> method = JsonString(**quantization, "quant_method", path);
  return method.ok() && *method == kQuantMethod;
}

Result<PackedFolder> ParsePackedFolder(const PackedFolderBytes& bytes, const std::string& path) {
  const std::string config_path = JoinPath(path, kConfigFile);
  const std::string manifest_path = JoinPath(path, kManifestFile);
  const std::string model_path = JoinPath(path, kModelFile);
  CRUMB_ASSIGN_OR_RETURN(Json config, ParseJson(bytes.config, config_path));
  CRUMB_ASSIGN_OR_RETURN(Json manifest, ParseJson(bytes.manifest, manifest_path));
  CRUMB_ASSIGN_OR_RETURN(const auto records, FilesOf(manifest, manifest_path));
  CRUMB_RETURN_IF_ERROR(CheckSizes(records, bytes.sizes, path));

  CRUMB_ASSIGN_OR_RETURN(const Json* quantization,
                         ObjectAt(config, "quantization_config", config_path));
  CRUMB_ASSIGN_OR_RETURN(const std::string method,
                         JsonString(*quantization, "quant_method", config_path));
  if (method != kQuantMethod) {
    return Unsupported(fmt::format("{}: \"quant_method\" is {}, not \"{}\"", config_path,
                                   Quoted(method), kQuantMethod));
  }
  CRUMB_RETURN_IF_ERROR(CheckVersion(*quantization, "format_version", config_path));
  CRUMB_ASSIGN_OR_RETURN(const Json* matrices, ObjectAt(*quantization, "matrices", config_path));
  CRUMB_ASSIGN_OR_RETURN(const SafetensorsFile file,
                         ParseSafetensors(bytes.model, model_path, bytes.owner));

  PackedFolder folder;
  folder.path = path;
  std::set<std::string> unused;
  for (const auto& [name, tensor] : file.tensors.tensors()) unused.insert(name);
  unused.erase(kPaddingTensor);
  for (const auto& [name, json] : matrices->items()) {
    const std::string place = fmt::format("{}: matrix {}", config_path, Quoted(name));
    CRUMB_ASSIGN_OR_RETURN(PackedMatrix matrix, ParseDescription(json, place));
    CRUMB_RETURN_IF_ERROR(AttachParts(name, file.tensors, unused, matrix).WithContext(model_path));
    folder.matrices.emplace(name, std::move(matrix));
  }
  CRUMB_RETURN_IF_ERROR(AddPlainTensors(file.tensors, unused, folder.tensors));
  folder.config = std::make_shared<const Json>(std::move(config));
  folder.manifest = std::make_shared<const Json>(std::move(manifest));
  return folder;
}

Result<PackedFolder> OpenPackedFolder(const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(const std::string config, ReadFile(JoinPath(path, kConfigFile)));
  CRUMB_ASSIGN_OR_RETURN(const std::string manifest, ReadFile(JoinPath(path, kManifestFile)));
  CRUMB_ASSIGN_OR_RETURN(const auto model, MappedFile::Open(JoinPath(path, kModelFile)));
  CRUMB_ASSIGN_OR_RETURN(auto sizes, SizesOf(path));
  return ParsePackedFolder({.config = config,
                            .manifest = manifest,
                            .model = model->bytes(),
                            .sizes = std::move(sizes),
                            .owner = model},
                           path);
}

Status VerifyPackedFolder(const std::string& path) {
  CRUMB_RETURN_IF_ERROR(OpenPackedFolder(path).status());
  const std::string manifest_path = JoinPath(path, kManifestFile);
  CRUMB_ASSIGN_OR_RETURN(const Json manifest, ReadJsonFile(manifest_path));
  CRUMB_ASSIGN_OR_RETURN(const auto records, FilesOf(manifest, manifest_path));
  CRUMB_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(path));
  for (const std::string& name : names) {
    if (name == kManifestFile) continue;
    const std::string file = JoinPath(path, name);
    const auto record = records.find(name);
    if (record == records.end()) {
      return Corrupt(fmt::format("{}: is not listed in {}; remove it or get the folder again", file,
                                 kManifestFile));
    }
    CRUMB_ASSIGN_OR_RETURN(const std::string sha256, Sha256OfPath(file, /*use_cache=*/false));
    if (sha256 != record->second.sha256) {
      return Corrupt(fmt::format("{}: has SHA-256 {}, {} says {}; get the folder again", file,
                                 sha256, kManifestFile, record->second.sha256));
    }
  }
  return OkStatus();
}

}  // namespace crumb
