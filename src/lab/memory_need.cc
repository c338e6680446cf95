#include "lab/memory_need.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/files.h"
#include "base/json.h"
#include "codecs/codec.h"
#include "formats/gguf.h"
#include "formats/packed_folder.h"
#include "formats/safetensors.h"
#include "model/family.h"

namespace crumb {
namespace {

constexpr int64_t kRowsTogether = 512;  // of Session
constexpr int64_t kGroup = 64;

int64_t BytesOf(KvType type) {
  return type == KvType::kFloat32 ? 4 : type == KvType::kFloat16 ? 2 : 1;
}

Status UnknownFamily(const std::string& file, const std::string& type) {
  return Unsupported(fmt::format("{}: model family '{}' is not known to crumb; it knows {}", file,
                                 type, FamilyNames()));
}

// Tables of positions and of segment types are added, not multiplied: they are held as floats.
bool IsTableOfFloats(std::string_view name) {
  return name.ends_with("wpe.weight") || name.find("position") != std::string_view::npos ||
         name.find("token_type") != std::string_view::npos;
}

// Matrices of block formats are decoded to two or four bytes a weight, other matrices stay where
// they are; norms and biases become floats.
void Weigh(const TensorStore& tensors, const std::string& decode_to, ModelShape& shape) {
  const int64_t decoded = decode_to == "f32" ? 4 : 2;
  for (const auto& [name, tensor] : tensors.tensors()) {
    if (name.ends_with("rope_freqs.weight") || name.ends_with("inv_freq")) continue;
    const bool head = name == "lm_head.weight" || name == "output.weight";
    if (head && shape.config.tied_head) continue;
    if (tensor.shape.size() < 2 || IsTableOfFloats(name)) {
      shape.copied_bytes += 4 * tensor.size();
    } else if (tensor.codec != nullptr && tensor.codec->name().starts_with("gguf-")) {
      shape.copied_bytes += decoded * tensor.size();
    } else {
      shape.mapped_bytes += std::ssize(tensor.bytes);
    }
  }
}

// A packed folder holds its matrices as bytes of parts, and everything else as floats.
void WeighPacked(const TensorStore& tensors, ModelShape& shape) {
  shape.float_weights = false;
  for (const auto& [name, tensor] : tensors.tensors()) {
    (tensor.dtype == DType::kU8 ? shape.mapped_bytes : shape.copied_bytes) +=
        std::ssize(tensor.bytes);
  }
}

}  // namespace

Result<ModelShape> ReadModelShape(const std::string& path, const std::string& decode_to) {
  ModelShape shape;
  if (!PathExists(path)) {
    return NotFound(fmt::format("{}: there is no such file or folder", path));
  }
  if (!IsFolder(path)) {
    if (!path.ends_with(".gguf")) {
      return Unsupported(
          fmt::format("{}: a model is a folder with config.json or a .gguf file", path));
    }
    CRUMB_ASSIGN_OR_RETURN(const GgufFile gguf, OpenGguf(path));
    CRUMB_ASSIGN_OR_RETURN(const std::string type, gguf.String("general.architecture"));
    const Family* family = FindFamilyByGgufArchitecture(type);
    if (family == nullptr) return UnknownFamily(path, type);
    CRUMB_ASSIGN_OR_RETURN(shape.config, family->from_gguf(gguf));
    CRUMB_RETURN_IF_ERROR(CheckConfig(shape.config, path));
    shape.config.family = family->name;
    Weigh(gguf.tensors, decode_to, shape);
    return shape;
  }
  const std::string file = JoinPath(path, "config.json");
  CRUMB_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(file));
  CRUMB_ASSIGN_OR_RETURN(const SafetensorsFile weights, OpenSafetensors(path));
  if (IsPackedFolder(path)) {
    CRUMB_ASSIGN_OR_RETURN(shape.config, ParseCanonicalConfig(json, file));
    WeighPacked(weights.tensors, shape);
    return shape;
  }
  CRUMB_ASSIGN_OR_RETURN(const std::string type, JsonString(json, "model_type", file));
  const Family* family = FindFamilyByModelType(type);
  if (family == nullptr) return UnknownFamily(file, type);
  CRUMB_ASSIGN_OR_RETURN(shape.config, family->from_json(json, file));
  CRUMB_RETURN_IF_ERROR(CheckConfig(shape.config, file));
  shape.config.family = family->name;
  Weigh(weights.tensors, decode_to, shape);
  return shape;
}

int64_t KvBytes(const ModelConfig& c, KvType type, int64_t context, int64_t sequences) {
  const int64_t heads = 2 * c.layers * c.kv_heads * sequences;
  const int64_t numbers = heads * c.head_dim * BytesOf(type) * context;
  if (type != KvType::kInt8) return numbers;
  return numbers + heads * 4 * ((context + kGroup - 1) / kGroup * kGroup);
}

int64_t ActivationBytes(const ModelConfig& c, ActivationType type, bool float_weights,
                        int64_t rows) {
  const auto widths = {c.hidden_size, c.query_size(), c.intermediate_size};
  const auto padded = [](int64_t width) { return (width + kGroup - 1) / kGroup * kGroup; };
  const int64_t prepared = padded(std::max(widths));
  // Whole groups are read where they lie, unless a rotation changes them; only packed weights have
  // some.
  int64_t copied = 0;
  for (const int64_t width : widths) {
    if (!float_weights || width % kGroup != 0) copied = std::max(copied, padded(width));
  }
  const int64_t gate = c.mlp == MlpKind::kGated ? c.intermediate_size : 0;
  const int64_t tables = c.rope_theta_local > 0 ? 2 : 1;  // layers with a window have their own
  const int64_t rope = c.learned_positions() ? 0 : tables * c.head_dim;
  const int64_t floats = 3 * c.hidden_size + c.query_size() + 2 * c.kv_size() +
                         std::max(c.query_size(), c.intermediate_size) + gate + copied + rope;
  const bool codes = type != ActivationType::kFloat32 && !float_weights;
  return rows * (4 * floats + (codes ? prepared + 8 * (prepared / kGroup) : 0));
}

MemoryNeed PredictMemory(const ModelShape& shape, const MemoryRequest& request) {
  CRUMB_CHECK(request.context >= 1 && request.sequences >= 1);
  const ModelConfig& c = shape.config;
  MemoryNeed need;
  need.mapped_weights = shape.mapped_bytes;
  need.copied_weights = shape.copied_bytes;
  need.kv = c.encoder ? 0 : KvBytes(c, request.kv, request.context, request.sequences);
  const std::string head = request.kv == KvType::kInt8
                               ? fmt::format("({} + 4)", c.head_dim)
                               : fmt::format("{} x {}", c.head_dim, BytesOf(request.kv));
  need.kv_formula = fmt::format("2 x {} layers x {} heads x {} bytes x {} tokens x {}", c.layers,
                                c.kv_heads, head, request.context, request.sequences);
  // A prompt, or one token of each sequence, whichever is more.
  const int64_t rows = std::max(std::min(kRowsTogether, request.context), request.sequences);
  need.activations = ActivationBytes(c, request.activations, shape.float_weights, rows);
  need.activation_formula = fmt::format("{} rows x {} bytes", rows, need.activations / rows);
  need.logits = c.encoder ? 0 : 4 * c.vocabulary_size * request.sequences;
  return need;
}

}  // namespace crumb
