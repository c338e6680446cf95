// A whole model by one plan: the only file of this folder that knows what a model is.
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>

#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/version.h"
#include "codecs/group_int.h"
#include "formats/packed_folder.h"
#include "quant/quantizer.h"

namespace crumb {
namespace {

// A plan with its names looked up.
struct ResolvedPlan {
  const Quantizer* method = nullptr;
  const Codec* block = nullptr;
  const Codec* embedding = nullptr;

  const Codec& CodecFor(MatrixRole role) const {
    return role == MatrixRole::kEmbedding || role == MatrixRole::kHead ? *embedding : *block;
  }
};

Result<const Codec*> SupportedCodec(const Quantizer& method, const std::string& name) {
  const Codec* codec = FindCodec(name);
  if (codec == nullptr) return InvalidArgument(fmt::format("there is no codec \"{}\"", name));
  if (!method.Supports(*codec)) {
    return Unsupported(fmt::format("method {} can not make {}", method.name(), name));
  }
  return codec;
}

Result<ResolvedPlan> Resolve(const QuantizePlan& plan) {
  ResolvedPlan resolved;
  resolved.method = FindQuantizer(plan.method);
  if (resolved.method == nullptr) {
    std::string known;
    for (const Quantizer* method : AllQuantizers()) {
      known += (known.empty() ? "" : ", ") + std::string(method->name());
    }
    return InvalidArgument(
        fmt::format("there is no method \"{}\"; choose one of: {}", plan.method, known));
  }
  CRUMB_ASSIGN_OR_RETURN(resolved.block, SupportedCodec(*resolved.method, plan.block_codec));
  CRUMB_ASSIGN_OR_RETURN(resolved.embedding,
                         SupportedCodec(*resolved.method, plan.embedding_codec));
  return resolved;
}

// A second quantization would add its error to the first one's, and nobody could tell them apart.
Status CheckNotQuantized(const Model& model) {
  for (const NamedMatrix& named : model.matrices()) {
    if (AsGroupInt(named.matrix.codec) == nullptr) continue;
    return InvalidArgument(fmt::format(
        "{}: is already quantized ({} is {}); quantizing it again would add the errors of both; "
        "give the model that it was made from",
        model.path(), named.name, named.matrix.codec->name()));
  }
  return OkStatus();
}

Result<Json> MakeManifest(const Model& model, const QuantizePlan& plan, const Quantizer& method) {
  CRUMB_ASSIGN_OR_RETURN(const std::string hash, Sha256OfPath(model.path()));
  Json manifest;
  manifest["crumb_version"] = CrumbVersion();
  manifest["crumb_commit"] = CrumbCommit();
  manifest["variant"] = VariantName(plan);
  manifest["method"] = plan.method;
  manifest["method_version"] = method.version();
  manifest["options"] = {{"block_codec", plan.block_codec},
                         {"embedding_codec", plan.embedding_codec}};
  manifest["seed"] = nullptr;  // round to nearest draws no random numbers
  manifest["calibration"] = "none";
  manifest["source"] = {
      {"name", BaseName(model.path())}, {"sha256", hash}, {"weights", model.source()}};
  return manifest;
}

Status AddTensorsAndTokenizer(const Model& model, PackedFolderWriter& writer) {
  for (const NamedTensor& tensor : model.tensors()) {
    CRUMB_RETURN_IF_ERROR(writer.AddTensor(tensor.name, tensor.shape, tensor.values));
  }
  for (const auto& [name, content] : model.tokenizer().Files()) {
    CRUMB_RETURN_IF_ERROR(writer.AddFile(name, content));
  }
  return OkStatus();
}

}  // namespace

Result<QuantizeResult> QuantizeModel(const Model& model, const QuantizePlan& plan,
                                     const std::string& folder, bool replace, ThreadPool& pool,
                                     const std::function<bool(int, int)>& progress) {
  const auto start = std::chrono::steady_clock::now();
  CRUMB_ASSIGN_OR_RETURN(const ResolvedPlan resolved, Resolve(plan));
  CRUMB_RETURN_IF_ERROR(CheckNotQuantized(model));
  CRUMB_ASSIGN_OR_RETURN(const Json manifest, MakeManifest(model, plan, *resolved.method));
  CRUMB_ASSIGN_OR_RETURN(const auto writer, PackedFolderWriter::Create(folder, replace));

  int done = 0;
  const int total = static_cast<int>(model.matrices().size());
  for (const NamedMatrix& named : model.matrices()) {
    Result<PackedMatrix> packed =
        resolved.method->Quantize({&named.matrix}, resolved.CodecFor(named.role), pool);
    if (!packed.ok()) {
      return packed.status().WithContext(fmt::format("{}: {}", model.path(), named.name));
    }
    CRUMB_RETURN_IF_ERROR(writer->AddMatrix(named.name, *packed));
    if (progress && !progress(++done, total)) {
      return Interrupted(fmt::format("{}: stopped after {} of {} matrices, nothing was kept",
                                     folder, done, total));
    }
  }
  CRUMB_RETURN_IF_ERROR(AddTensorsAndTokenizer(model, *writer));
  CRUMB_RETURN_IF_ERROR(writer->Finish(model.canonical_config(), manifest));

  // The writer counts the bits; the manifest is the one place where they are kept.
  const std::string path = JoinPath(folder, "manifest.json");
  CRUMB_ASSIGN_OR_RETURN(const Json written, ReadJsonFile(path));
  QuantizeResult result;
  CRUMB_ASSIGN_OR_RETURN(result.matrix_bits_per_weight,
                         JsonNumber(written, "matrix_bits_per_weight", path));
  CRUMB_ASSIGN_OR_RETURN(result.total_bits_per_weight,
                         JsonNumber(written, "total_bits_per_weight", path));
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  result.seconds = elapsed.count();
  return result;
}

}  // namespace crumb
