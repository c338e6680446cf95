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
#include "lab/study_state.h"
#include "measure/machine.h"
#include "model/session.h"

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

// A folder from an earlier run counts only if it opens and was made by the same method from the
// same model; otherwise it is made again.
bool IsUsable(const Study::State& state, const Variant& variant) {
  if (!IsPackedFolder(variant.path)) return false;
  const Result<PackedFolder> packed = OpenPackedFolder(variant.path);
  if (!packed.ok()) return false;
  const Json& manifest = *packed->manifest;
  const auto text = [&](const char* key) {
    return manifest.contains(key) && manifest[key].is_string() ? manifest[key].get<std::string>()
                                                               : std::string();
  };
  return text("source_sha256") == state.model_sha256 && text("method") == variant.plan.method &&
         manifest.value("method_version", -1) == FindQuantizer(variant.plan.method)->version();
}

Status QuantizeVariant(Study::State& state, const Variant& variant) {
  Evidence row = state.Row(variant, metric::kQuantizeTime, "wall-clock", Json::object());
  CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> known, state.Known(row));
  if (known.has_value() && IsUsable(state, variant)) return OkStatus();
  CRUMB_RETURN_IF_ERROR(MakeFolders(DirName(variant.path)));
  CRUMB_ASSIGN_OR_RETURN(const QuantizeResult result,
                         QuantizeModel(state.reference(), variant.plan, variant.path,
                                       /*replace=*/true, *state.pool, nullptr));
  if (known.has_value()) return OkStatus();
  row.value = result.seconds;
  return state.Add(std::move(row));
}

// Bits per weight of the block matrices, and of everything stored over all parameters.
Status RecordBits(Study::State& state, const Variant& variant) {
  int64_t block_bytes = 0;
  for (const NamedMatrix& named : variant.model->matrices()) {
    if (named.layer < 0) continue;
    block_bytes += named.matrix.codec->SizeOf(named.matrix.rows, named.matrix.cols).total();
  }
  const auto bits = [](int64_t bytes, int64_t weights) {
    return 8.0 * static_cast<double>(bytes) / static_cast<double>(weights);
  };
  const Json none = Json::object();
  CRUMB_RETURN_IF_ERROR(Record(state, variant, metric::kMatrixBits,
                               bits(block_bytes, variant.model->block_parameters()), "bits", none));
  return Record(state, variant, metric::kTotalBits,
                bits(variant.model->weight_bytes(), variant.model->parameters()), "bits", none);
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
    CRUMB_RETURN_IF_ERROR(Model::Load(variant.path).status());
    samples.push_back(Now() - start);
  }
  FillFromSamples(samples, "repetitions", row);
  return state.Add(std::move(row));
}

}  // namespace

Status RunSizeStep(Study::State& state, WorkClock& clock) {
  const double quantize_seconds = ExpectedQuantizeSeconds(state);
  for (Variant& variant : state.variants) {
    if (!variant.is_reference()) {
      CRUMB_RETURN_IF_ERROR(clock.Begin(fmt::format("quantizing {}", variant.name)));
      CRUMB_RETURN_IF_ERROR(QuantizeVariant(state, variant));
      CRUMB_ASSIGN_OR_RETURN(variant.model, Model::Load(variant.path));
      clock.Done(quantize_seconds);
    }
    CRUMB_RETURN_IF_ERROR(clock.Begin(fmt::format("weighing {}", variant.name)));
    CRUMB_RETURN_IF_ERROR(RecordBits(state, variant));
    CRUMB_ASSIGN_OR_RETURN(const int64_t disk, IsFolder(variant.path) ? FolderSize(variant.path)
                                                                      : FileSize(variant.path));
    CRUMB_RETURN_IF_ERROR(Record(state, variant, metric::kDiskBytes, static_cast<double>(disk),
                                 "disk", Json::object()));
    CRUMB_RETURN_IF_ERROR(RecordMemory(state, variant));
    CRUMB_RETURN_IF_ERROR(RecordLoadTime(state, variant));
    clock.Done(kExpectedProbeSeconds);
  }
  return OkStatus();
}

}  // namespace crumb
