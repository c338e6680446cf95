#include "quant/partial_blocks.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "codecs/codec.h"
#include "formats/safetensors.h"

namespace crumb {
namespace {

// The parts of a matrix under the names they have in the file.
template <typename F>
void ForEachPart(PackedMatrix& matrix, F visit) {
  visit(".codes", matrix.codes);
  visit(".scales", matrix.scales);
  visit(".zeros", matrix.zeros);
  visit(".table", matrix.table);
  visit(".input_signs", matrix.input.signs);
  visit(".input_scales", matrix.input.scales);
}

std::string BlockPath(const std::string& folder, int layer) {
  return JoinPath(
      folder, layer < 0 ? "embedding.safetensors" : fmt::format("block-{:04}.safetensors", layer));
}

Json Describe(const QuantizedBlock& block) {
  Json json;
  json["matrices"] = Json::object();
  for (const auto& [name, matrix] : block.matrices) {
    json["matrices"][name] = {
        {"codec", matrix.codec->name()}, {"rows", matrix.rows}, {"cols", matrix.cols}};
  }
  json["tensors"] = Json::array();
  for (const auto& [name, values] : block.tensors) json["tensors"].push_back(name);
  json["reports"] = Json::array();
  for (const MatrixReport& report : block.reports) {
    json["reports"].push_back({{"name", report.name},
                               {"method", report.choice.method},
                               {"codec", report.choice.codec},
                               {"relative_loss", report.relative_loss},
                               {"seconds", report.seconds}});
  }
  return json;
}

Result<QuantizedBlock> Parse(const SafetensorsFile& file, const std::string& path) {
  const auto text = file.metadata.find("block");
  if (text == file.metadata.end()) return Corrupt(path + ": no block");
  CRUMB_ASSIGN_OR_RETURN(const Json json, ParseJson(text->second, path));
  QuantizedBlock block;
  for (const auto& [name, description] : json["matrices"].items()) {
    CRUMB_ASSIGN_OR_RETURN(const std::string codec, JsonString(description, "codec", path));
    PackedMatrix matrix;
    matrix.codec = FindCodec(codec);
    if (matrix.codec == nullptr) return Corrupt(path + ": no codec " + codec);
    CRUMB_ASSIGN_OR_RETURN(matrix.rows, JsonInt(description, "rows", path));
    CRUMB_ASSIGN_OR_RETURN(matrix.cols, JsonInt(description, "cols", path));
    const std::string& stem = name;
    ForEachPart(matrix, [&, stem](std::string_view suffix, std::span<const std::byte>& bytes) {
      const TensorView* tensor = file.tensors.Find(stem + std::string(suffix));
      if (tensor == nullptr) return;
      bytes = tensor->bytes;
      matrix.owner = tensor->owner;
    });
    CRUMB_RETURN_IF_ERROR(ValidateMatrix(matrix));
    block.matrices[name] = std::move(matrix);
  }
  for (const Json& name : json["tensors"]) {
    const TensorView* tensor = file.tensors.Find(name.get<std::string>());
    if (tensor == nullptr) return Corrupt(path + ": a tensor is missing");
    CRUMB_ASSIGN_OR_RETURN(block.tensors[name.get<std::string>()], AsFloats(*tensor));
  }
  for (const Json& report : json["reports"]) {
    block.reports.push_back({report["name"],
                             {report["method"], report["codec"]},
                             report["relative_loss"],
                             report["seconds"]});
  }
  return block;
}

}  // namespace

Result<PartialBlocks> PartialBlocks::Open(const std::string& folder, const std::string& key) {
  const std::string key_path = JoinPath(folder, "key");
  const Result<std::string> known = ReadFile(key_path);
  if (!known.ok() || *known != key) CRUMB_RETURN_IF_ERROR(RemoveAll(folder));
  CRUMB_RETURN_IF_ERROR(MakeFolders(folder));
  CRUMB_RETURN_IF_ERROR(WriteFileAtomic(key_path, key));
  PartialBlocks blocks;
  blocks.folder_ = folder;
  blocks.key_ = key;
  return blocks;
}

std::optional<QuantizedBlock> PartialBlocks::Load(int layer) const {
  const std::string path = BlockPath(folder_, layer);
  if (!PathExists(path)) return std::nullopt;
  const Result<SafetensorsFile> file = OpenSafetensors(path);
  if (!file.ok()) return std::nullopt;
  Result<QuantizedBlock> block = Parse(*file, path);
  if (!block.ok()) return std::nullopt;
  return std::move(block).value();
}

Status PartialBlocks::Save(int layer, const QuantizedBlock& block) const {
  std::vector<TensorView> tensors;
  const auto add = [&](std::string name, DType dtype, int64_t count,
                       std::span<const std::byte> bytes) {
    TensorView tensor;
    tensor.name = std::move(name);
    tensor.dtype = dtype;
    tensor.shape = {count};
    tensor.bytes = bytes;
    tensors.push_back(std::move(tensor));
  };
  for (const auto& [name, values] : block.tensors) {
    add(name, DType::kF32, std::ssize(values), std::as_bytes(std::span(values)));
  }
  for (const auto& entry : block.matrices) {
    PackedMatrix parts = entry.second;
    ForEachPart(parts, [&](std::string_view suffix, std::span<const std::byte>& bytes) {
      if (bytes.empty()) return;
      add(entry.first + std::string(suffix), DType::kU8, std::ssize(bytes), bytes);
    });
  }
  return WriteSafetensors(BlockPath(folder_, layer), tensors,
                          {{"block", DumpJson(Describe(block))}});
}

Status PartialBlocks::Remove() const { return RemoveAll(folder_); }

}  // namespace crumb
