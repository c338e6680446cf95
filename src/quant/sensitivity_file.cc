// Sensitivities on disk.
#include <fmt/format.h>

#include <charconv>
#include <memory>

#include "base/sha256.h"
#include "codecs/float_codecs.h"
#include "formats/safetensors.h"
#include "quant/sensitivity.h"

namespace crumb {
namespace {

constexpr std::string_view kFormat = "crumb-sensitivity-1";
constexpr std::string_view kRows = ".rows";
constexpr std::string_view kLookup = ".lookup";
constexpr std::string_view kShare = ".share";

using Metadata = std::map<std::string, std::string>;

TensorView ViewOf(const std::string& name, const std::vector<float>& values) {
  TensorView view;
  view.name = name;
  view.dtype = DType::kF32;
  view.codec = Float32Codec();
  view.shape = {std::ssize(values)};
  view.bytes = std::as_bytes(std::span(values));
  return view;
}

// Over the metadata (but "sha256") and the tensors, by name.
std::string HashOf(const Metadata& metadata, const std::map<std::string, TensorView>& tensors) {
  Sha256 hash;
  for (const auto& [key, value] : metadata) {
    if (key != "sha256") hash.Update(fmt::format("{}={}\n", key, value));
  }
  for (const auto& [name, tensor] : tensors) {
    hash.Update(fmt::format("{} {}\n", name, tensor.bytes.size()));
    hash.Update(tensor.bytes);
  }
  return hash.HexDigest();
}

// One value of the metadata.
template <typename T>
Status Read(const SafetensorsFile& file, const std::string& path, const std::string& key, T& out) {
  const auto found = file.metadata.find(key);
  if (found != file.metadata.end()) {
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error == std::errc() && end == text.data() + text.size()) return OkStatus();
  }
  return Corrupt(fmt::format("{}: no number for \"{}\" in the metadata; measure anew", path, key));
}

std::string TextOf(const SafetensorsFile& file, const std::string& key) {
  const auto found = file.metadata.find(key);
  return found == file.metadata.end() ? "" : found->second;
}

Status AddTensor(const TensorView& tensor, Sensitivity& result) {
  CRUMB_ASSIGN_OR_RETURN(std::vector<float> values, AsFloats(tensor));
  for (const auto& [ending, member] : {std::pair{kRows, &MatrixSensitivity::row_importance},
                                       std::pair{kLookup, &MatrixSensitivity::lookup_importance},
                                       std::pair{kShare, &MatrixSensitivity::lookup_share}}) {
    if (!tensor.name.ends_with(ending)) continue;
    const std::string name = tensor.name.substr(0, tensor.name.size() - ending.size());
    result.matrices[name].*member = std::move(values);
    return OkStatus();
  }
  return Corrupt(fmt::format("{}: there is no place for \"{}\"", tensor.file, tensor.name));
}

}  // namespace

Status WriteSensitivity(const std::string& path, const Sensitivity& s) {
  std::map<std::string, TensorView> tensors;
  for (const auto& [name, matrix] : s.matrices) {
    for (const auto& [ending, values] :
         {std::pair{kRows, &matrix.row_importance}, std::pair{kLookup, &matrix.lookup_importance},
          std::pair{kShare, &matrix.lookup_share}}) {
      const std::string tensor = name + std::string(ending);
      if (!values->empty()) tensors[tensor] = ViewOf(tensor, *values);
    }
  }
  Metadata metadata = {{"format", std::string(kFormat)},
                       {"model_sha256", s.model_sha256},
                       {"tokens_sha256", s.tokens_sha256},
                       {"loss", s.loss_kind == LossKind::kSampled ? "sampled" : "text"},
                       {"seed", fmt::format("{}", s.seed)},
                       {"windows", fmt::format("{}", s.windows)},
                       {"context", fmt::format("{}", s.context)},
                       {"mean_loss", fmt::format("{}", s.mean_loss)}};
  metadata["sha256"] = HashOf(metadata, tensors);
  std::vector<TensorView> list;
  for (const auto& [name, tensor] : tensors) list.push_back(tensor);
  return WriteSafetensors(path, list, metadata);
}

Result<Sensitivity> ReadSensitivity(const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(const SafetensorsFile file, OpenSafetensors(path));
  if (TextOf(file, "format") != kFormat) {
    return Corrupt(fmt::format("{}: is not a file of sensitivities ({})", path, kFormat));
  }
  std::map<std::string, TensorView> tensors;
  for (const auto& [name, tensor] : file.tensors.tensors()) tensors[name] = tensor;
  if (TextOf(file, "sha256") != HashOf(file.metadata, tensors)) {
    return Corrupt(fmt::format("{}: the contents are not what was written; measure anew", path));
  }
  Sensitivity result;
  result.model_sha256 = TextOf(file, "model_sha256");
  result.tokens_sha256 = TextOf(file, "tokens_sha256");
  result.loss_kind = TextOf(file, "loss") == "text" ? LossKind::kText : LossKind::kSampled;
  CRUMB_RETURN_IF_ERROR(Read(file, path, "seed", result.seed));
  CRUMB_RETURN_IF_ERROR(Read(file, path, "windows", result.windows));
  CRUMB_RETURN_IF_ERROR(Read(file, path, "context", result.context));
  CRUMB_RETURN_IF_ERROR(Read(file, path, "mean_loss", result.mean_loss));
  for (const auto& [name, tensor] : tensors) {
    CRUMB_RETURN_IF_ERROR(AddTensor(tensor, result));
  }
  return result;
}

}  // namespace crumb
