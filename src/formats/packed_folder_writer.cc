#include <fmt/format.h>

#include <array>
#include <optional>
#include <set>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "codecs/codec.h"
#include "formats/names.h"
#include "formats/packed_folder.h"
#include "formats/packed_layout.h"
#include "formats/safetensors_header.h"
#include "formats/spool_file.h"

namespace crumb {
namespace {

constexpr int64_t kCodesAlignment = 64;

// A run of tensors of model.safetensors: their descriptions and, in a spool, their bytes.
struct SectionData {
  std::vector<SafetensorsEntry> entries;
  std::optional<SpoolFile> bytes;
};

// Bytes and weights, for bits per weight.
struct Tally {
  int64_t bytes = 0;
  int64_t weights = 0;
  Json bits() const {
    if (weights == 0) return nullptr;
    return 8.0 * static_cast<double>(bytes) / static_cast<double>(weights);
  }
};

Json FileRecord(int64_t size, const std::string& sha256) {
  return {{"size", size}, {"sha256", sha256}};
}

}  // namespace

struct PackedFolderWriter::State {
  explicit State(AtomicFolder target) : folder(std::move(target)) {}

  AtomicFolder folder;
  std::array<SectionData, kPackedSections> sections;
  std::set<std::string> names;  // of matrices and tensors
  Json matrices = Json::object();
  Json files = Json::object();
  Tally blocks;
  int64_t parameters = 0;

  // A new tensor of the section.
  Status AddBytes(PackedSection place, std::string name, DType dtype, std::vector<int64_t> shape,
                  std::span<const std::byte> bytes) {
    SectionData& section = sections[static_cast<size_t>(place)];
    section.entries.push_back({std::move(name), dtype, std::move(shape)});
    return section.bytes->Append(bytes);
  }

  Status TakeName(const std::string& name) {
    if (names.insert(name).second) return OkStatus();
    return InvalidArgument(fmt::format("{} was written before", Quoted(name)));
  }

  Status AddFile(const std::string& name, std::string_view content) {
    if (!IsPlainFileName(name) || files.contains(name)) {
      return InvalidArgument(fmt::format("{} can not be added as a file", Quoted(name)));
    }
    CRUMB_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(folder.temporary(), name), content));
    files[name] = FileRecord(static_cast<int64_t>(content.size()), Sha256Hex(content));
    return OkStatus();
  }

  // Joins header and sections to model.safetensors. Returns its size.
  Result<int64_t> WriteModel() {
    int64_t before_codes = 0;
    for (size_t s = 0; s < static_cast<size_t>(PackedSection::kPadding); ++s) {
      before_codes += sections[s].bytes->size();
    }
    const int64_t pad = (kCodesAlignment - before_codes % kCodesAlignment) % kCodesAlignment;
    if (pad > 0) {
      const std::vector<std::byte> zeros(static_cast<size_t>(pad));
      CRUMB_RETURN_IF_ERROR(
          AddBytes(PackedSection::kPadding, kPaddingTensor, DType::kU8, {pad}, zeros));
    }
    std::vector<SafetensorsEntry> entries;
    for (const SectionData& section : sections) {
      entries.insert(entries.end(), section.entries.begin(), section.entries.end());
    }
    CRUMB_ASSIGN_OR_RETURN(const std::string header,
                           SafetensorsHeader(entries, {{"format", std::string(kQuantMethod)}}));
    CRUMB_ASSIGN_OR_RETURN(AtomicFile file,
                           AtomicFile::Create(JoinPath(folder.temporary(), kModelFile)));
    Sha256 hash;
    hash.Update(header);
    CRUMB_RETURN_IF_ERROR(file.Append(header));
    for (SectionData& section : sections) {
      CRUMB_RETURN_IF_ERROR(section.bytes->Drain([&](std::span<const std::byte> piece) {
        hash.Update(piece);
        return file.Append(piece);
      }));
      section.bytes.reset();  // gives its room on the disk back
    }
    files[kModelFile] = FileRecord(file.size(), hash.HexDigest());
    const int64_t size = file.size();
    CRUMB_RETURN_IF_ERROR(file.Commit());
    return size;
  }
};

PackedFolderWriter::PackedFolderWriter() = default;
PackedFolderWriter::~PackedFolderWriter() = default;

Result<std::unique_ptr<PackedFolderWriter>> PackedFolderWriter::Create(const std::string& path,
                                                                       bool replace) {
  CRUMB_ASSIGN_OR_RETURN(AtomicFolder folder, AtomicFolder::Create(path, replace));
  std::unique_ptr<PackedFolderWriter> writer(new PackedFolderWriter());
  writer->state_ = std::make_unique<State>(std::move(folder));
  State& state = *writer->state_;
  for (size_t s = 0; s < kPackedSections; ++s) {
    CRUMB_ASSIGN_OR_RETURN(SpoolFile spool,
                           SpoolFile::Create(state.folder.temporary(), fmt::format("spool-{}", s)));
    state.sections[s].bytes.emplace(std::move(spool));
  }
  return writer;
}

Status PackedFolderWriter::AddMatrix(const std::string& name, const PackedMatrix& matrix) {
  State& state = *state_;
  CRUMB_RETURN_IF_ERROR(ValidateMatrix(matrix).WithContext(fmt::format("matrix {}", Quoted(name))));
  if (FindCodec(matrix.codec->name()) != matrix.codec) {
    return InternalError(fmt::format("matrix {}: its {} codes are in an order for memory only",
                                     Quoted(name), matrix.codec->name()));
  }
  CRUMB_RETURN_IF_ERROR(state.TakeName(name));
  PackedMatrix view = matrix;
  for (const PackedPart& part : kPackedParts) {
    const std::span<const std::byte> bytes = part.bytes(view);
    if (bytes.empty()) continue;
    const std::string tensor = name + std::string(part.suffix);
    CRUMB_RETURN_IF_ERROR(state.TakeName(tensor));
    CRUMB_RETURN_IF_ERROR(state.AddBytes(part.section, tensor, DType::kU8,
                                         {static_cast<int64_t>(bytes.size())}, bytes));
  }
  const int64_t weights = matrix.rows * matrix.cols;
  state.parameters += weights;
  if (name.find(".layers.") != std::string::npos) {
    state.blocks.bytes += StoredBytes(matrix);
    state.blocks.weights += weights;
  }
  state.matrices[name] = {{"codec", matrix.codec->name()}, {"shape", {matrix.rows, matrix.cols}}};
  return OkStatus();
}

Status PackedFolderWriter::AddTensor(const std::string& name, std::span<const int64_t> shape,
                                     std::span<const float> values) {
  State& state = *state_;
  const Result<int64_t> size = CheckedSize(shape);
  if (!size.ok() || *size != static_cast<int64_t>(values.size())) {
    return InvalidArgument(
        fmt::format("tensor {}: its shape does not have {} values", Quoted(name), values.size()));
  }
  CRUMB_RETURN_IF_ERROR(state.TakeName(name));
  state.parameters += *size;
  return state.AddBytes(PackedSection::kFloats, name, DType::kF32, {shape.begin(), shape.end()},
                        std::as_bytes(values));
}

Status PackedFolderWriter::AddFile(const std::string& name, std::string_view content) {
  if (name == kConfigFile || name == kManifestFile || name == kModelFile) {
    return InvalidArgument(fmt::format("{} is written by Finish", name));
  }
  return state_->AddFile(name, content);
}

Status PackedFolderWriter::Finish(const Json& config, const Json& manifest) {
  State& state = *state_;
  CRUMB_ASSIGN_OR_RETURN(const int64_t model_bytes, state.WriteModel());
  Json full_config = config;
  full_config["quantization_config"] = {{"quant_method", kQuantMethod},
                                        {"format_version", kPackedFormatVersion},
                                        {"matrices", state.matrices}};
  CRUMB_RETURN_IF_ERROR(state.AddFile(kConfigFile, DumpJson(full_config, 2) + "\n"));
  Json full_manifest = manifest;
  full_manifest["format_version"] = kPackedFormatVersion;
  full_manifest["parameters"] = state.parameters;
  full_manifest["matrix_bits_per_weight"] = state.blocks.bits();
  full_manifest["total_bits_per_weight"] = Tally{model_bytes, state.parameters}.bits();
  full_manifest["files"] = state.files;
  CRUMB_RETURN_IF_ERROR(WriteFileAtomic(JoinPath(state.folder.temporary(), kManifestFile),
                                        DumpJson(full_manifest, 2) + "\n"));
  return state.folder.Commit();
}

Status AddToManifest(const std::string& path, const std::string& key, const Json& value) {
  const std::string file = JoinPath(path, kManifestFile);
  CRUMB_ASSIGN_OR_RETURN(Json manifest, ReadJsonFile(file));
  manifest[key] = value;
  return WriteFileAtomic(file, DumpJson(manifest, 2) + "\n");
}

}  // namespace crumb
