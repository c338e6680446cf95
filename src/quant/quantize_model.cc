#include "quant/quantize_model.h"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <memory>
#include <numeric>
#include <optional>

#include "base/check.h"
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
  if (!options.tuning_windows.empty()) {
    manifest["calibration"]["tuning_windows"] = options.tuning_windows.size();
  }
  Json& hashes = manifest["calibration"]["line_hashes"] = Json::array();
  for (const uint64_t line : options.calibration->line_hashes) {
    hashes.push_back(fmt::format("{:016x}", line));
  }
  manifest["options"] = {
      {"correct_inputs", blocks.correct_inputs}, {"correction_damping", blocks.correction_damping},
      {"tune_norms", blocks.tune_norms},         {"norm_damping", blocks.norm_damping},
      {"tune_biases", blocks.tune_biases},       {"importance_windows", blocks.importance_windows}};
  return manifest;
}

Status QuantizeEach(const Model& model, const QuantizePlan& plan, FolderOutput& output,
                    MatrixCounter& counter, ThreadPool& pool) {
  for (const NamedMatrix& named : model.matrices()) {
    const MatrixChoice& choice = plan.ChoiceFor(named);
    QuantizeInput input;
    input.weights = &named.matrix;
    input.seed = static_cast<uint64_t>(int64_t{named.layer} + 1);
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

Result<RowImportance> MeasureRowImportance(const Model& model, const QuantizeModelOptions& options,
                                           const std::string& folder, ThreadPool& pool) {
  CRUMB_ASSIGN_OR_RETURN(const std::string hash, Sha256OfPath(model.path()));
  SensitivityOptions some;
  some.windows = options.blocks.importance_windows;
  some.seed = options.blocks.seed;
  // Memory that the streams need afterwards anyway.
  some.keep_bytes = FloatStream::BytesFor(model, *options.calibration);
  const std::string path =
      options.sensitivity_path.empty() ? JoinPath(folder, "sensitivity") : options.sensitivity_path;
  CRUMB_ASSIGN_OR_RETURN(const Sensitivity sensitivity,
                         KnownOrMeasuredSensitivity(path, model, hash, options.calibration->windows,
                                                    some, pool, nullptr));
  return RowImportanceOf(model, sensitivity);
}

// One plan on its way through the blocks, from the embedding (layer -1) to a head of its own.
class BlockWalk {
 public:
  // The arguments must outlive the result.
  static Result<std::unique_ptr<BlockWalk>> Create(const Model& model,
                                                   const QuantizeModelOptions& options,
                                                   const PartialBlocks& partial,
                                                   FolderOutput& output, MatrixCounter& counter,
                                                   FloatStream& exact, ThreadPool& pool) {
    std::unique_ptr<BlockWalk> walk(new BlockWalk(partial, output, counter));
    walk->blocks_ = options.blocks;
    if (walk->blocks_.importance_windows > 0 && walk->blocks_.row_importance.empty() &&
        !model.config().encoder) {
      CRUMB_ASSIGN_OR_RETURN(walk->blocks_.row_importance,
                             MeasureRowImportance(model, options, partial.folder(), pool));
    }
    CRUMB_ASSIGN_OR_RETURN(walk->quantizer_,
                           BlockQuantizer::Create(model, options.plan, *options.calibration,
                                                  walk->blocks_, exact, partial.folder(), pool));
    return walk;
  }

  Status Step(int layer) {
    std::optional<QuantizedBlock> block = partial_.Load(layer);
    if (block.has_value()) {
      CRUMB_RETURN_IF_ERROR(quantizer_->Replay(layer, *block));
      for (size_t i = 0; i < block->matrices.size(); ++i) counter_.Next();
      ++resumed_;
    } else {
      Result<QuantizedBlock> made = quantizer_->Quantize(layer, [&] { return counter_.Next(); });
      if (made.status().code() == StatusCode::kInterrupted) {
        return Interrupted(counter_.Place() + "; the same command goes on from there");
      }
      if (!made.ok()) return made.status();
      block = std::move(made).value();
      CRUMB_RETURN_IF_ERROR(partial_.Save(layer, *block));
    }
    return output_.Add(*block);
  }

  // Behind the last step of all walks that share a float model.
  void Report(QuantizeModelResult& result) {
    result.layers_resumed = resumed_;
    if (blocks_.correct_inputs) result.head_error = quantizer_->HeadError();
  }

 private:
  BlockWalk(const PartialBlocks& partial, FolderOutput& output, MatrixCounter& counter)
      : partial_(partial), output_(output), counter_(counter) {}

  const PartialBlocks& partial_;
  FolderOutput& output_;
  MatrixCounter& counter_;
  BlockQuantizerOptions blocks_;
  std::unique_ptr<BlockQuantizer> quantizer_;
  int resumed_ = 0;
};

// Layers of a walk: -1 .. this.
int LastLayer(const Model& model) {
  const bool own_head = !model.config().tied_head && !model.config().encoder;
  return static_cast<int>(model.config().layers) - (own_head ? 0 : 1);
}

Status QuantizeBlocks(const Model& model, const QuantizeModelOptions& options,
                      const PartialBlocks& partial, FolderOutput& output, MatrixCounter& counter,
                      ThreadPool& pool, QuantizeModelResult& result) {
  CRUMB_ASSIGN_OR_RETURN(const auto exact,
                         FloatStream::Create(model, *options.calibration, partial.folder(), pool));
  CRUMB_ASSIGN_OR_RETURN(const auto walk,
                         BlockWalk::Create(model, options, partial, output, counter, *exact, pool));
  for (int layer = -1; layer <= LastLayer(model); ++layer) {
    CRUMB_RETURN_IF_ERROR(walk->Step(layer));
  }
  walk->Report(result);
  return OkStatus();
}

// Everything that may be killed and resumed.
Status QuantizeInto(std::unique_ptr<PackedFolderWriter> writer, const Model& model,
                    const QuantizeModelOptions& options, const Json& manifest,
                    const PartialBlocks& partial, MatrixCounter& counter, ThreadPool& pool,
                    QuantizeModelResult& result) {
  FolderOutput output(model, std::move(writer));
  if (!NeedsCalibration(options.plan)) {
    CRUMB_RETURN_IF_ERROR(QuantizeEach(model, options.plan, output, counter, pool));
  } else if (options.plan.block.method == "awq") {
    CRUMB_RETURN_IF_ERROR(QuantizeByAwq(model, options, partial, output, counter, pool));
  } else {
    CRUMB_RETURN_IF_ERROR(QuantizeBlocks(model, options, partial, output, counter, pool, result));
  }
  return output.Finish(manifest);
}

double Now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

// The writer counts the bits; the manifest is the one place where they are kept.
Status ReadBits(const std::string& folder, QuantizeModelResult& result) {
  const std::string path = JoinPath(folder, "manifest.json");
  CRUMB_ASSIGN_OR_RETURN(const Json written, ReadJsonFile(path));
  CRUMB_ASSIGN_OR_RETURN(result.matrix_bits_per_weight,
                         JsonNumber(written, "matrix_bits_per_weight", path));
  CRUMB_ASSIGN_OR_RETURN(result.total_bits_per_weight,
                         JsonNumber(written, "total_bits_per_weight", path));
  return OkStatus();
}

// One plan among those that QuantizeTogether makes.
struct OneOfMany {
  OneOfMany(const Model& model, const QuantizeModelOptions& its_options,
            std::function<bool(int, int)> its_progress)
      : options(its_options), progress(std::move(its_progress)), counter(model, progress) {}

  Status Open(const Model& model) {
    CRUMB_RETURN_IF_ERROR(CheckPlan(model, options.plan, true));
    CRUMB_ASSIGN_OR_RETURN(manifest, MakeManifest(model, options));
    CRUMB_ASSIGN_OR_RETURN(auto writer,
                           PackedFolderWriter::Create(options.folder, options.replace));
    output = std::make_unique<FolderOutput>(model, std::move(writer));
    CRUMB_ASSIGN_OR_RETURN(PartialBlocks opened,
                           PartialBlocks::Open(options.folder + ".partial", DumpJson(manifest)));
    partial = std::make_unique<PartialBlocks>(std::move(opened));
    return OkStatus();
  }
  Status Begin(const Model& model, FloatStream& exact, ThreadPool& pool) {
    CRUMB_ASSIGN_OR_RETURN(
        walk, BlockWalk::Create(model, options, *partial, *output, counter, exact, pool));
    return OkStatus();
  }
  Status Finish() {
    walk->Report(result);
    walk.reset();
    CRUMB_RETURN_IF_ERROR(output->Finish(manifest));
    CRUMB_RETURN_IF_ERROR(partial->Remove());
    return ReadBits(options.folder, result);
  }

  const QuantizeModelOptions& options;
  const std::function<bool(int, int)> progress;
  MatrixCounter counter;
  Json manifest;
  std::unique_ptr<PartialBlocks> partial;
  std::unique_ptr<FolderOutput> output;
  std::unique_ptr<BlockWalk> walk;
  QuantizeModelResult result;
};

Status CheckTuning(const Model& model, const QuantizeModelOptions& options) {
  if (model.config().encoder) {
    return Unsupported(fmt::format("{}: only decoders can be tuned end to end", model.path()));
  }
  if (options.calibration == nullptr) {
    return InvalidArgument("tuning end to end needs a calibration text");
  }
  return OkStatus();
}

std::span<const std::vector<int32_t>> TuningWindows(const QuantizeModelOptions& options) {
  if (!options.tuning_windows.empty()) return options.tuning_windows;
  return options.calibration->windows;
}

}  // namespace

RowImportance RowImportanceOf(const Model& model, const Sensitivity& sensitivity) {
  constexpr float kLeast = 0.02f;
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

bool NeedsCalibration(const QuantizePlan& plan) {
  const auto uses = [](const MatrixChoice& choice) {
    const Quantizer* method = FindQuantizer(choice.method);
    return method != nullptr && method->uses_moments();
  };
  bool any = uses(plan.block) || uses(plan.embedding);
  for (const auto& [name, choice] : plan.exceptions) any = any || uses(choice);
  return any;
}

bool CanGoTogether(const QuantizeModelOptions& options) {
  return options.calibration != nullptr && NeedsCalibration(options.plan) &&
         options.plan.block.method != "awq" && options.tuning.epochs == 0;
}

Result<QuantizeModelResult> QuantizeModel(const Model& model, const QuantizeModelOptions& options,
                                          ThreadPool& pool,
                                          const std::function<bool(int, int)>& progress) {
  const double start = Now();
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
                                           counter, pool, result));
      }
      CRUMB_ASSIGN_OR_RETURN(
          result.tuning, TuneFolder(model, untuned, TuningWindows(options), options.tuning, *writer,
                                    pool, options.tuning_progress));
    } else {
      CRUMB_RETURN_IF_ERROR(QuantizeInto(std::move(writer), model, options, manifest, partial,
                                         counter, pool, result));
    }
    CRUMB_RETURN_IF_ERROR(partial.Remove());
  }

  CRUMB_RETURN_IF_ERROR(ReadBits(options.folder, result));
  result.seconds = Now() - start;
  return result;
}

Result<std::vector<QuantizeModelResult>> QuantizeTogether(
    const Model& model, std::span<const QuantizeModelOptions> all, ThreadPool& pool,
    const std::function<bool(size_t, int, int)>& progress) {
  CRUMB_RETURN_IF_ERROR(CheckNotQuantized(model));
  std::vector<std::unique_ptr<OneOfMany>> many;
  for (size_t i = 0; i < all.size(); ++i) {
    const double start = Now();
    CRUMB_CHECK(all[i].calibration == all.front().calibration && CanGoTogether(all[i]));
    many.push_back(std::make_unique<OneOfMany>(model, all[i], [i, &progress](int done, int total) {
      return !progress || progress(i, done, total);
    }));
    CRUMB_RETURN_IF_ERROR(many.back()->Open(model));
    many.back()->result.seconds += Now() - start;
  }
  if (many.empty()) return std::vector<QuantizeModelResult>();
  CRUMB_ASSIGN_OR_RETURN(
      const auto exact,
      FloatStream::Create(model, *all.front().calibration, many.front()->partial->folder(), pool));
  // What each does for itself counts for it, what is done once for all of them in equal parts.
  double shared = 0;
  const double begin = Now();
  for (const auto& one : many) CRUMB_RETURN_IF_ERROR(one->Begin(model, *exact, pool));
  shared += Now() - begin;
  for (int layer = -1; layer <= LastLayer(model); ++layer) {
    for (const auto& one : many) {
      const double start = Now();
      const double exact_before = exact->seconds();
      CRUMB_RETURN_IF_ERROR(one->walk->Step(layer));
      one->result.seconds += Now() - start - (exact->seconds() - exact_before);
    }
  }
  shared += exact->seconds();
  std::vector<QuantizeModelResult> results;
  for (const auto& one : many) {
    const double start = Now();
    CRUMB_RETURN_IF_ERROR(one->Finish());
    one->result.seconds += Now() - start + shared / static_cast<double>(many.size());
    results.push_back(one->result);
  }
  return results;
}

}  // namespace crumb
