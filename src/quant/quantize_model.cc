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
#include "formats/packed_folder.h"
#include "model/float_weights.h"
#include "quant/folder_output.h"
#include "quant/matrix_counter.h"
#include "quant/partial_blocks.h"
#include "quant/quantize_by_awq.h"
#include "quant/quantizer.h"
#include "quant/sensitivity.h"

namespace crumb {
namespace {

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
      {"tune_biases", blocks.tune_biases},
      {"importance_windows", blocks.row_importance.empty() ? blocks.importance_windows : 0}};
  return manifest;
}

Status QuantizeEach(const Model& model, const QuantizePlan& plan, FolderOutput& output,
                    MatrixCounter& counter, ThreadPool& pool) {
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
  CRUMB_ASSIGN_OR_RETURN(const std::string hash, Sha256OfPath(model.path()));
  SensitivityOptions some;
  some.windows = options.blocks.importance_windows;
  some.seed = options.blocks.seed;
  const std::string path =
      options.sensitivity_path.empty() ? JoinPath(folder, "sensitivity") : options.sensitivity_path;
  CRUMB_ASSIGN_OR_RETURN(const Sensitivity sensitivity,
                         KnownOrMeasuredSensitivity(path, model, hash, options.calibration->windows,
                                                    some, pool, nullptr));
  RowImportance importance;
  for (const NamedMatrix& named : model.matrices()) {
    const auto found = sensitivity.matrices.find(named.name);
    if (named.layer < 0 || found == sensitivity.matrices.end()) continue;
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
                      const PartialBlocks& partial, FolderOutput& output, MatrixCounter& counter,
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

// Everything that may be killed and resumed.
Status QuantizeInto(std::unique_ptr<PackedFolderWriter> writer, const Model& model,
                    const QuantizeModelOptions& options, const Json& manifest,
                    const PartialBlocks& partial, MatrixCounter& counter, ThreadPool& pool,
                    int* resumed) {
  FolderOutput output(model, std::move(writer));
  if (!NeedsCalibration(options.plan)) {
    CRUMB_RETURN_IF_ERROR(QuantizeEach(model, options.plan, output, counter, pool));
  } else if (options.plan.block.method == "awq") {
    CRUMB_RETURN_IF_ERROR(QuantizeByAwq(model, options, partial, output, counter, pool));
  } else {
    CRUMB_RETURN_IF_ERROR(QuantizeBlocks(model, options, partial, output, counter, pool, resumed));
  }
  return output.Finish(manifest);
}

Status CheckTuning(const Model& model, const QuantizeModelOptions& options) {
  if (model.config().encoder) {
    return Unsupported(fmt::format("{}: only decoders can be tuned end to end", model.path()));
  }
  if (options.calibration == nullptr) {
    return InvalidArgument("tuning end to end needs a calibration text");
  }
  return OkStatus();
}

}  // namespace

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
  const bool tuned = options.tuning.epochs > 0;
  CRUMB_RETURN_IF_ERROR(CheckPlan(model, options.plan, calibrated));
  CRUMB_RETURN_IF_ERROR(CheckNotQuantized(model));
  if (tuned) CRUMB_RETURN_IF_ERROR(CheckTuning(model, options));
  CRUMB_ASSIGN_OR_RETURN(const Json manifest, MakeManifest(model, options));
  CRUMB_ASSIGN_OR_RETURN(auto writer, PackedFolderWriter::Create(options.folder, options.replace));
  MatrixCounter counter(model, progress);
  QuantizeModelResult result;
  if (!calibrated && !tuned) {
    FolderOutput output(model, std::move(writer));
    CRUMB_RETURN_IF_ERROR(QuantizeEach(model, options.plan, output, counter, pool));
    CRUMB_RETURN_IF_ERROR(output.Finish(manifest));
  } else {
    CRUMB_ASSIGN_OR_RETURN(const PartialBlocks partial,
                           PartialBlocks::Open(options.folder + ".partial", DumpJson(manifest)));
    if (tuned) {
      const std::string untuned = JoinPath(partial.folder(), "untuned");
      // The folder is there as a whole or not at all.
      if (!PathExists(untuned)) {
        CRUMB_ASSIGN_OR_RETURN(auto first, PackedFolderWriter::Create(untuned, true));
        CRUMB_RETURN_IF_ERROR(QuantizeInto(std::move(first), model, options, manifest, partial,
                                           counter, pool, &result.layers_resumed));
      }
      CRUMB_ASSIGN_OR_RETURN(
          result.tuning, TuneFolder(model, untuned, options.calibration->windows, options.tuning,
                                    *writer, pool, options.tuning_progress));
    } else {
      CRUMB_RETURN_IF_ERROR(QuantizeInto(std::move(writer), model, options, manifest, partial,
                                         counter, pool, &result.layers_resumed));
    }
    CRUMB_RETURN_IF_ERROR(partial.Remove());
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
