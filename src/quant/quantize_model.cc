#include "quant/quantize_model.h"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <memory>
#include <numeric>
#include <optional>

#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/version.h"
#include "codecs/codec.h"
#include "codecs/float_codecs.h"
#include "formats/packed_folder.h"
#include "quant/awq.h"
#include "quant/partial_blocks.h"
#include "quant/quantizer.h"
#include "quant/sensitivity.h"

namespace crumb {
namespace {

bool IsFloat(const Codec* codec) {
  return codec == Float32Codec() || codec == Float16Codec() || codec == Bfloat16Codec();
}

Status CheckChoice(const MatrixChoice& choice) {
  const Quantizer* method = FindQuantizer(choice.method);
  if (method == nullptr) {
    return InvalidArgument(fmt::format("there is no method \"{}\"; choose one of: {}",
                                       choice.method, QuantizerNames()));
  }
  const Codec* codec = FindCodec(choice.codec);
  if (codec == nullptr) {
    return InvalidArgument(fmt::format("there is no codec \"{}\"", choice.codec));
  }
  if (!method->Supports(*codec)) {
    return Unsupported(fmt::format("method {} can not make {}", method->name(), choice.codec));
  }
  return OkStatus();
}

Status CheckPlan(const Model& model, const QuantizePlan& plan, bool calibrated) {
  CRUMB_RETURN_IF_ERROR(CheckChoice(plan.block));
  CRUMB_RETURN_IF_ERROR(CheckChoice(plan.embedding));
  for (const auto& [name, choice] : plan.exceptions) {
    CRUMB_RETURN_IF_ERROR(CheckChoice(choice).WithContext(name));
    if (model.FindMatrix(name) == nullptr) {
      return InvalidArgument(fmt::format("{}: there is no matrix {}", model.path(), name));
    }
  }
  for (const NamedMatrix& named : model.matrices()) {
    const MatrixChoice& choice = plan.ChoiceFor(named);
    if (FindQuantizer(choice.method)->needs_moments() && !calibrated) {
      return InvalidArgument(fmt::format("method {} needs a calibration text", choice.method));
    }
  }
  return OkStatus();
}

// Writes the blocks one after another, and tensors as they were or as they were tuned.
class FolderOutput {
 public:
  FolderOutput(const Model& model, std::unique_ptr<PackedFolderWriter> writer)
      : model_(model), writer_(std::move(writer)) {}

  Status Add(const QuantizedBlock& block) {
    for (const auto& [name, matrix] : block.matrices) {
      CRUMB_RETURN_IF_ERROR(writer_->AddMatrix(name, matrix));
    }
    for (const auto& [name, values] : block.tensors) tuned_[name] = values;
    for (const MatrixReport& report : block.reports) {
      reports_.push_back({{"name", report.name},
                          {"method", report.choice.method},
                          {"codec", report.choice.codec},
                          {"relative_loss", report.relative_loss}});
    }
    return OkStatus();
  }

  Status Finish(Json manifest) {
    for (const NamedTensor& tensor : model_.tensors()) {
      const auto tuned = tuned_.find(tensor.name);
      CRUMB_RETURN_IF_ERROR(writer_->AddTensor(
          tensor.name, tensor.shape, tuned != tuned_.end() ? tuned->second : tensor.values));
    }
    for (const auto& [name, content] : model_.tokenizer().Files()) {
      CRUMB_RETURN_IF_ERROR(writer_->AddFile(name, content));
    }
    manifest["tuned_tensors"] = tuned_.size();
    manifest["matrices"] = reports_;
    return writer_->Finish(model_.canonical_config(), manifest);
  }

 private:
  const Model& model_;
  std::unique_ptr<PackedFolderWriter> writer_;
  std::map<std::string, std::vector<float>, std::less<>> tuned_;
  Json reports_ = Json::array();
};

Result<Json> MakeManifest(const Model& model, const QuantizeModelOptions& options) {
  CRUMB_ASSIGN_OR_RETURN(const std::string hash, Sha256OfPath(model.path()));
  const QuantizePlan& plan = options.plan;
  Json manifest;
  manifest["crumb_version"] = CrumbVersion();
  manifest["crumb_commit"] = CrumbCommit();
  manifest["variant"] = VariantName(plan);
  manifest["method"] = plan.block.method;
  manifest["method_version"] = FindQuantizer(plan.block.method)->version();
  manifest["plan"] = PlanJson(plan);
  manifest["source"] = {
      {"name", BaseName(model.path())}, {"sha256", hash}, {"weights", model.source()}};
  if (options.calibration == nullptr) {
    manifest["seed"] = nullptr;  // nothing is drawn
    manifest["calibration"] = "none";
    return manifest;
  }
  const BlockQuantizerOptions& blocks = options.blocks;
  manifest["seed"] = blocks.seed;
  manifest["calibration"] = *options.calibration->manifest;
  Json& hashes = manifest["calibration"]["line_hashes"] = Json::array();
  for (const uint64_t line : options.calibration->line_hashes) {
    hashes.push_back(fmt::format("{:016x}", line));
  }
  manifest["options"] = {
      {"correct_inputs", blocks.correct_inputs},
      {"correction_damping", blocks.correction_damping},
      {"tune_norms", blocks.tune_norms},
      {"norm_damping", blocks.norm_damping},
      {"importance_windows", blocks.row_importance.empty() ? blocks.importance_windows : 0}};
  return manifest;
}

// Counts matrices for the progress callback.
class Counter {
 public:
  Counter(const Model& model, const std::function<bool(int, int)>& progress)
      : total_(static_cast<int>(model.matrices().size())), progress_(progress) {}
  bool Next() { return ++done_, !progress_ || progress_(done_, total_); }
  std::string Place() const {
    return fmt::format("stopped after {} of {} matrices", done_, total_);
  }

 private:
  int total_;
  int done_ = 0;
  const std::function<bool(int, int)>& progress_;
};

Status QuantizeEach(const Model& model, const QuantizePlan& plan, FolderOutput& output,
                    Counter& counter, ThreadPool& pool) {
  for (const NamedMatrix& named : model.matrices()) {
    const MatrixChoice& choice = plan.ChoiceFor(named);
    QuantizeInput input;
    input.weights = &named.matrix;
    input.seed = static_cast<uint64_t>(named.layer + 1);
    Result<PackedMatrix> packed =
        FindQuantizer(choice.method)->Quantize(input, *FindCodec(choice.codec), pool);
    if (!packed.ok()) {
      return packed.status().WithContext(fmt::format("{}: {}", model.path(), named.name));
    }
    QuantizedBlock block;
    block.matrices[named.name] = std::move(packed).value();
    block.reports.push_back({named.name, choice, 0, 0});
    CRUMB_RETURN_IF_ERROR(output.Add(block));
    if (!counter.Next()) return Interrupted(counter.Place() + ", nothing was kept");
  }
  return OkStatus();
}

using RowImportance = std::map<std::string, std::vector<float>, std::less<>>;

// Mean squared gradients of the outputs (quant/sensitivity.h), mean 1 for each matrix, and a little
// for every row: a second-order prediction of no loss at all is not to be trusted. Tables are left
// out: a rare token's row would get next to nothing.
Result<RowImportance> MeasureRowImportance(const Model& model, const QuantizeModelOptions& options,
                                           const std::string& folder, ThreadPool& pool) {
  constexpr float kLeast = 0.02f;
  const std::string path = JoinPath(folder, "sensitivity");
  Result<Sensitivity> sensitivity = ReadSensitivity(path);
  if (!sensitivity.ok()) {
    CRUMB_ASSIGN_OR_RETURN(const std::string hash, Sha256OfPath(model.path()));
    SensitivityOptions some;
    some.windows = options.blocks.importance_windows;
    some.seed = options.blocks.seed;
    sensitivity =
        MeasureSensitivity(model, hash, options.calibration->windows, some, pool, nullptr);
    if (!sensitivity.ok()) return sensitivity.status();
    CRUMB_RETURN_IF_ERROR(WriteSensitivity(path, *sensitivity));
  }
  RowImportance importance;
  for (const NamedMatrix& named : model.matrices()) {
    const auto found = sensitivity->matrices.find(named.name);
    if (named.layer < 0 || found == sensitivity->matrices.end()) continue;
    const std::vector<float>& measured = found->second.row_importance;
    const double sum = std::accumulate(measured.begin(), measured.end(), 0.0);
    if (sum <= 0) continue;
    const auto scale = static_cast<float>(static_cast<double>(measured.size()) / sum);
    std::vector<float>& rows = importance[named.name];
    for (const float value : measured) rows.push_back(value * scale + kLeast);
  }
  return importance;
}

Status QuantizeBlocks(const Model& model, const QuantizeModelOptions& options,
                      const PartialBlocks& partial, FolderOutput& output, Counter& counter,
                      ThreadPool& pool, int* resumed) {
  BlockQuantizerOptions blocks = options.blocks;
  if (blocks.importance_windows > 0 && blocks.row_importance.empty() && !model.config().encoder) {
    CRUMB_ASSIGN_OR_RETURN(blocks.row_importance,
                           MeasureRowImportance(model, options, partial.folder(), pool));
  }
  CRUMB_ASSIGN_OR_RETURN(const auto quantizer,
                         BlockQuantizer::Create(model, options.plan, *options.calibration, blocks,
                                                partial.folder(), pool));
  const int layers = static_cast<int>(model.config().layers);
  const bool own_head = !model.config().tied_head && !model.config().encoder;
  for (int layer = -1; layer < layers + (own_head ? 1 : 0); ++layer) {
    std::optional<QuantizedBlock> block = partial.Load(layer);
    if (block.has_value()) {
      CRUMB_RETURN_IF_ERROR(quantizer->Replay(layer, *block));
      for (size_t i = 0; i < block->matrices.size(); ++i) counter.Next();
      ++*resumed;
    } else {
      Result<QuantizedBlock> made = quantizer->Quantize(layer, [&] { return counter.Next(); });
      if (made.status().code() == StatusCode::kInterrupted) {
        return Interrupted(counter.Place() + "; the same command goes on from there");
      }
      if (!made.ok()) return made.status();
      block = std::move(made).value();
      CRUMB_RETURN_IF_ERROR(partial.Save(layer, *block));
    }
    CRUMB_RETURN_IF_ERROR(output.Add(*block));
  }
  return OkStatus();
}

// AWQ: channels are scaled in whole blocks, the scales folded into the layers before. Its moments
// are those of the float model, measured once for all blocks.
Status QuantizeByAwq(const Model& model, const QuantizeModelOptions& options,
                     const PartialBlocks& partial, FolderOutput& output, Counter& counter,
                     ThreadPool& pool) {
  const std::string path = JoinPath(partial.folder(), "calibration");
  if (!PathExists(path)) {
    CRUMB_RETURN_IF_ERROR(Calibrate(model, *options.calibration, path, {}, pool, nullptr));
  }
  CRUMB_ASSIGN_OR_RETURN(const auto calibration, CalibrationFile::Open(path));
  const Codec& codec = *FindCodec(options.plan.block.codec);
  std::vector<Folding> foldings;
  for (int layer = 0; layer < model.config().layers; ++layer) {
    const auto moments = [&](InputSlot slot) {
      return calibration->Moments(InputName(layer, slot));
    };
    CRUMB_ASSIGN_OR_RETURN(Folding folding, FoldLayerByAwq(model, layer, moments, codec, pool));
    foldings.push_back(std::move(folding));
  }
  for (const NamedMatrix& named : model.matrices()) {
    const MatrixChoice& choice = options.plan.ChoiceFor(named);
    QuantizedBlock block;
    const bool folded = named.layer >= 0 && choice.method == "awq";
    SecondMoments moments;
    if (folded || FindQuantizer(choice.method)->uses_moments()) {
      CRUMB_ASSIGN_OR_RETURN(moments, calibration->Moments(InputNameOf(named)));
    }
    Result<PackedMatrix> packed = Unsupported("");
    if (folded) {
      const Folding& folding = foldings[static_cast<size_t>(named.layer)];
      packed = QuantizeFolded(folding, named, moments, codec, pool);
      block.tensors.insert(folding.tensors.begin(), folding.tensors.end());
    } else {
      QuantizeInput input;
      input.weights = &named.matrix;
      if (moments.cols > 0) input.moments = &moments;
      packed = FindQuantizer(choice.method)->Quantize(input, *FindCodec(choice.codec), pool);
    }
    if (!packed.ok()) {
      return packed.status().WithContext(fmt::format("{}: {}", model.path(), named.name));
    }
    block.matrices[named.name] = std::move(packed).value();
    block.reports.push_back({named.name, choice, 0, 0});
    CRUMB_RETURN_IF_ERROR(output.Add(block));
    if (!counter.Next()) return Interrupted(counter.Place() + "; the same command goes on");
  }
  return OkStatus();
}

}  // namespace

Status CheckNotQuantized(const Model& model) {
  for (const NamedMatrix& named : model.matrices()) {
    if (IsFloat(named.matrix.codec)) continue;
    return InvalidArgument(fmt::format(
        "{}: is already quantized ({} is {}); quantizing it again would add the errors of both; "
        "give the model that it was made from",
        model.path(), named.name, named.matrix.codec->name()));
  }
  return OkStatus();
}

bool NeedsCalibration(const QuantizePlan& plan) {
  const auto uses = [](const MatrixChoice& choice) {
    const Quantizer* method = FindQuantizer(choice.method);
    return method != nullptr && method->uses_moments();
  };
  bool any = uses(plan.block) || uses(plan.embedding);
  for (const auto& [name, choice] : plan.exceptions) any = any || uses(choice);
  return any;
}

Result<QuantizeModelResult> QuantizeModel(const Model& model, const QuantizeModelOptions& options,
                                          ThreadPool& pool,
                                          const std::function<bool(int, int)>& progress) {
  const auto start = std::chrono::steady_clock::now();
  const bool calibrated = options.calibration != nullptr && NeedsCalibration(options.plan);
  CRUMB_RETURN_IF_ERROR(CheckPlan(model, options.plan, calibrated));
  CRUMB_RETURN_IF_ERROR(CheckNotQuantized(model));
  CRUMB_ASSIGN_OR_RETURN(const Json manifest, MakeManifest(model, options));
  CRUMB_ASSIGN_OR_RETURN(auto writer, PackedFolderWriter::Create(options.folder, options.replace));
  FolderOutput output(model, std::move(writer));
  Counter counter(model, progress);
  QuantizeModelResult result;
  if (calibrated) {
    CRUMB_ASSIGN_OR_RETURN(const PartialBlocks partial,
                           PartialBlocks::Open(options.folder + ".partial", DumpJson(manifest)));
    if (options.plan.block.method == "awq") {
      CRUMB_RETURN_IF_ERROR(QuantizeByAwq(model, options, partial, output, counter, pool));
    } else {
      CRUMB_RETURN_IF_ERROR(
          QuantizeBlocks(model, options, partial, output, counter, pool, &result.layers_resumed));
    }
    CRUMB_RETURN_IF_ERROR(output.Finish(manifest));
    CRUMB_RETURN_IF_ERROR(partial.Remove());
  } else {
    CRUMB_RETURN_IF_ERROR(QuantizeEach(model, options.plan, output, counter, pool));
    CRUMB_RETURN_IF_ERROR(output.Finish(manifest));
  }

  // The writer counts the bits; the manifest is the one place where they are kept.
  const std::string path = JoinPath(options.folder, "manifest.json");
  CRUMB_ASSIGN_OR_RETURN(const Json written, ReadJsonFile(path));
  CRUMB_ASSIGN_OR_RETURN(result.matrix_bits_per_weight,
                         JsonNumber(written, "matrix_bits_per_weight", path));
  CRUMB_ASSIGN_OR_RETURN(result.total_bits_per_weight,
                         JsonNumber(written, "total_bits_per_weight", path));
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  result.seconds = elapsed.count();
  return result;
}

}  // namespace crumb
