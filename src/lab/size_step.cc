// Quantizes what is not there yet and records what it weighs: bits, bytes on disk and in memory,
// the time to make and to load it.
#include <fmt/format.h>

#include <cmath>

#include "base/files.h"
#include "base/json.h"
#include "codecs/codec.h"
#include "evidence/metrics.h"
#include "formats/packed_folder.h"
#include "lab/bench.h"
#include "lab/load_to_run.h"
#include "lab/study_state.h"
#include "measure/machine.h"
#include "model/session.h"
#include "quant/quantize_model.h"
#include "quant/quantizer.h"

namespace crumb {
namespace {

constexpr int kLoadRepetitions = 5;

Status Record(Study::State& state, const Variant& variant, std::string_view metric_name,
              double value, std::string_view method, const Json& options) {
  Evidence row = state.Row(variant, metric_name, method, options);
  row.kind = "computed";
  row.value = value;
  return state.Add(std::move(row));
}

// A folder from an earlier run counts only if it opens and was made by the same plan from the same
// model and calibration; otherwise it is made again.
bool IsUsable(const Study::State& state, const Variant& variant) {
  if (!IsPackedFolder(variant.path)) return false;
  const Result<PackedFolder> packed = OpenPackedFolder(variant.path);
  if (!packed.ok()) return false;
  const Json& manifest = *packed->manifest;
  const auto source = manifest.find("source");
  const auto plan = manifest.find("plan");
  if (source == manifest.end() || source->value("sha256", "") != state.model_sha256) return false;
  if (plan == manifest.end() || *plan != PlanJson(variant.plan)) return false;
  if (!NeedsCalibration(variant.plan)) return true;
  const auto calibration = manifest.find("calibration");
  return calibration != manifest.end() && calibration->is_object() &&
         calibration->value("tokens_sha256", "") ==
             (*state.calibration->manifest)["tokens_sha256"] &&
         manifest.value("seed", Json()) == BlockQuantizerOptions().seed;
}

QuantizeModelOptions OptionsFor(const Study::State& state, const Variant& variant) {
  QuantizeModelOptions options;
  options.plan = variant.plan;
  options.calibration = NeedsCalibration(variant.plan) ? &*state.calibration : nullptr;
  options.sensitivity_path = JoinPath(state.options.output, "sensitivity.safetensors");
  options.folder = variant.path;
  options.replace = true;
  return options;
}

Evidence TimeRow(const Study::State& state, const Variant& variant) {
  return state.Row(variant, metric::kQuantizeTime, "wall-clock", Json::object());
}

Status RecordTime(Study::State& state, const Variant& variant, const QuantizeModelResult& result) {
  // The time of the last part of a run that was killed is not the time that it takes.
  if (result.layers_resumed > 0) return OkStatus();
  Evidence row = TimeRow(state, variant);
  row.value = result.seconds;
  return state.Add(std::move(row));
}

Status Stopped(const Status& status) {
  if (status.code() != StatusCode::kInterrupted) return status;
  return Interrupted("stopped; the same command goes on from here");
}

std::string MatrixOf(const Variant& variant, int done, int total) {
  return fmt::format("quantizing {}, matrix {} of {}", variant.name, done, total);
}

// Those that are calibrated and not there yet, side by side: what they need of the float model is
// computed once.
Status QuantizeCalibrated(Study::State& state, WorkClock& clock) {
  std::vector<const Variant*> variants;
  std::vector<QuantizeModelOptions> options;
  for (const Variant& variant : state.variants) {
    if (variant.is_reference() || !NeedsCalibration(variant.plan)) continue;
    QuantizeModelOptions its_options = OptionsFor(state, variant);
    if (!CanGoTogether(its_options)) continue;
    if (IsUsable(state, variant)) {
      CRUMB_RETURN_IF_ERROR(state.Known(TimeRow(state, variant)).status());
      clock.Done(ExpectedQuantizeSeconds(state, variant));
      continue;
    }
    CRUMB_RETURN_IF_ERROR(MakeFolders(DirName(variant.path)));
    variants.push_back(&variant);
    options.push_back(std::move(its_options));
  }
  const auto progress = [&](size_t i, int done, int total) {
    clock.Done(ExpectedQuantizeSeconds(state, *variants[i]) / total);
    return clock.Begin(MatrixOf(*variants[i], done, total)).ok();
  };
  if (!variants.empty()) CRUMB_RETURN_IF_ERROR(clock.Begin("quantizing: gradients, embeddings"));
  const auto results = QuantizeTogether(state.reference(), options, *state.pool, progress);
  if (!results.ok()) return Stopped(results.status());
  for (size_t i = 0; i < variants.size(); ++i) {
    CRUMB_RETURN_IF_ERROR(RecordTime(state, *variants[i], (*results)[i]));
  }
  return OkStatus();
}

Status QuantizeVariant(Study::State& state, const Variant& variant, WorkClock& clock) {
  const double seconds = ExpectedQuantizeSeconds(state, variant);
  CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> known, state.Known(TimeRow(state, variant)));
  // A calibrated one is not made again for the sake of its time.
  if ((known.has_value() || NeedsCalibration(variant.plan)) && IsUsable(state, variant)) {
    clock.Done(seconds);
    return OkStatus();
  }
  CRUMB_RETURN_IF_ERROR(MakeFolders(DirName(variant.path)));
  const auto progress = [&](int done, int total) {
    clock.Done(seconds / total);
    return clock.Begin(MatrixOf(variant, done, total)).ok();
  };
  const Result<QuantizeModelResult> result =
      QuantizeModel(state.reference(), OptionsFor(state, variant), *state.pool, progress);
  if (!result.ok()) return Stopped(result.status());
  return RecordTime(state, variant, *result);
}

// In memory, where kernels may have asked for a form that takes more (model/large_pages.h).
int64_t HeldBytes(const PackedMatrix& m) {
  return static_cast<int64_t>(m.codes.size() + m.scales.size() + m.zeros.size() + m.table.size() +
                              m.input.signs.size() + m.input.scales.size());
}

// Bits per weight of the block matrices, and of everything stored over all parameters.
Status RecordBits(Study::State& state, const Variant& variant) {
  int64_t block_bytes = 0;
  int64_t total_bytes = variant.model->weight_bytes();
  for (const NamedMatrix& named : variant.model->matrices()) {
    const int64_t stored = StoredBytes(named.matrix);
    total_bytes += stored - HeldBytes(named.matrix);
    if (named.layer >= 0) block_bytes += stored;
  }
  const auto bits = [](int64_t bytes, int64_t weights) {
    return 8.0 * static_cast<double>(bytes) / static_cast<double>(weights);
  };
  const Json none = Json::object();
  CRUMB_RETURN_IF_ERROR(Record(state, variant, metric::kMatrixBits,
                               bits(block_bytes, variant.model->block_parameters()), "bits", none));
  return Record(state, variant, metric::kTotalBits, bits(total_bytes, variant.model->parameters()),
                "bits", none);
}

Status RecordMemory(Study::State& state, const Variant& variant) {
  const StudyOptions& study = state.options;
  SessionOptions session_options;
  session_options.activations = study.activations;
  session_options.max_tokens =
      std::min(study.memory_context, variant.model->config().max_positions);
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                         Session::Create(*variant.model, *state.pool, session_options));
  const std::vector<int32_t> tokens =
      SpreadTokens(std::min(study.prompt_tokens, session_options.max_tokens),
                   variant.model->config().vocabulary_size);
  if (variant.model->config().encoder) {
    CRUMB_RETURN_IF_ERROR(session->Embed(tokens).status());
  } else {
    std::vector<float> logits;
    CRUMB_RETURN_IF_ERROR(session->Forward(tokens, 1, &logits));
  }
  Json options = Json::object();
  options["context_tokens"] = session_options.max_tokens;
  options["prompt_tokens"] = static_cast<int64_t>(tokens.size());
  CRUMB_RETURN_IF_ERROR(Record(state, variant, metric::kWeightBytes,
                               static_cast<double>(variant.model->weight_bytes()), "memory",
                               Json::object()));
  CRUMB_RETURN_IF_ERROR(Record(state, variant, metric::kKvBytes,
                               static_cast<double>(session->kv_bytes()), "memory", options));
  CRUMB_RETURN_IF_ERROR(Record(state, variant, metric::kActivationBytes,
                               static_cast<double>(session->activation_bytes()), "memory",
                               options));
  if (!study.probe_peak_bytes) return OkStatus();
  Evidence row = state.Row(variant, metric::kPeakBytes, "peak-resident", options);
  CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> known, state.Known(row));
  if (known.has_value()) return OkStatus();
  CRUMB_ASSIGN_OR_RETURN(const int64_t peak, study.probe_peak_bytes(variant.path));
  row.value = static_cast<double>(peak);
  row.n_of = "processes";
  return state.Add(std::move(row));
}

Status RecordLoadTime(Study::State& state, const Variant& variant) {
  Evidence row = state.Row(variant, metric::kLoadTime, "load-warm", Json::object());
  CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> known, state.Known(row));
  if (known.has_value()) return OkStatus();
  std::vector<double> samples;
  for (int i = 0; i < kLoadRepetitions; ++i) {
    const double start = Now();
    CRUMB_RETURN_IF_ERROR(LoadToRun(variant.path).status());
    samples.push_back(Now() - start);
  }
  FillFromSamples(samples, "repetitions", row);
  return state.Add(std::move(row));
}

}  // namespace

Status RunSizeStep(Study::State& state, WorkClock& clock) {
  CRUMB_RETURN_IF_ERROR(QuantizeCalibrated(state, clock));
  for (Variant& variant : state.variants) {
    if (!variant.is_reference()) {
      if (!CanGoTogether(OptionsFor(state, variant))) {
        CRUMB_RETURN_IF_ERROR(clock.Begin(fmt::format("quantizing {}", variant.name)));
        CRUMB_RETURN_IF_ERROR(QuantizeVariant(state, variant, clock));
      }
      CRUMB_ASSIGN_OR_RETURN(variant.model, LoadToRun(variant.path));
    }
    CRUMB_RETURN_IF_ERROR(clock.Begin(fmt::format("weighing {}", variant.name)));
    CRUMB_RETURN_IF_ERROR(RecordBits(state, variant));
    CRUMB_ASSIGN_OR_RETURN(const int64_t disk, IsFolder(variant.path) ? FolderSize(variant.path)
                                                                      : FileSize(variant.path));
    CRUMB_RETURN_IF_ERROR(Record(state, variant, metric::kDiskBytes, static_cast<double>(disk),
                                 "disk", Json::object()));
    CRUMB_RETURN_IF_ERROR(RecordMemory(state, variant));
    CRUMB_RETURN_IF_ERROR(RecordLoadTime(state, variant));
    clock.Done(ExpectedProbeSeconds(state));
  }
  return OkStatus();
}

}  // namespace crumb
