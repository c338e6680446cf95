// Prompt and generation speed of every variant, interleaved, and the share of the machine's read
// bandwidth that generation reaches.
#include <fmt/format.h>

#include "base/json.h"
#include "evidence/metrics.h"
#include "kernels/matmul.h"
#include "lab/bench.h"
#include "lab/study_state.h"

namespace crumb {
namespace {

Json SpeedOptions(const Study::State& state) {
  Json options = Json::object();
  options["prompt_tokens"] = state.options.prompt_tokens;
  options["generated_tokens"] = state.options.generated_tokens;
  options["repetitions"] = state.options.repetitions;
  options["activations"] = ActivationName(state.options.activations);
  return options;
}

Evidence BandwidthRow(const Study::State& state) {
  Json options = Json::object();
  options["repetitions"] = state.options.repetitions;
  Evidence row =
      state.Row(state.variants.front(), metric::kReadBandwidth, "read-bandwidth", options);
  row.subject = "machine";
  row.codec.clear();
  return row;
}

Status RecordBandwidth(Study::State& state, const SpeedResult& speeds) {
  Evidence row = BandwidthRow(state);
  FillFromSamples(speeds.bandwidth.samples, "repetitions", row);
  Json detail = Json::object();
  detail["samples"] = speeds.bandwidth.samples;
  detail["buffer_bytes"] = speeds.buffer_bytes;
  detail["last_level_cache_bytes"] = speeds.last_level_cache_bytes;
  row.detail = DumpJson(detail);
  return state.Add(std::move(row));
}

Status RecordVariant(Study::State& state, const Variant& variant, const SpeedSamples& speed,
                     double bandwidth) {
  const Json options = SpeedOptions(state);
  Evidence prompt = state.Row(variant, metric::kPromptSpeed, "speed", options);
  FillFromSamples(speed.prompt.samples, "repetitions", prompt);
  CRUMB_RETURN_IF_ERROR(state.Add(std::move(prompt)));

  Evidence generation = state.Row(variant, metric::kGenerationSpeed, "speed", options);
  FillFromSamples(speed.generation.samples, "repetitions", generation);
  CRUMB_RETURN_IF_ERROR(state.Add(std::move(generation)));

  // The same samples in another unit: how much of what the memory can give is used.
  const auto bytes = static_cast<double>(BytesPerToken(*variant.model));
  std::vector<double> shares;
  for (const double rate : speed.generation.samples) shares.push_back(rate * bytes / bandwidth);
  Evidence share = state.Row(variant, metric::kBandwidthShare, "bandwidth-share", options);
  FillFromSamples(shares, "repetitions", share);
  Json detail = Json::object();
  detail["samples"] = shares;
  detail["bytes_per_token"] = bytes;
  detail["bandwidth_bytes_per_second"] = bandwidth;
  share.detail = DumpJson(detail);
  return state.Add(std::move(share));
}

// The notes' English sentences come from measure/repeat.h; the reader is told, the run is kept.
Status NoteBusyMachine(Study::State& state, const std::vector<std::string>& notes) {
  if (notes.empty()) return OkStatus();
  std::string all;
  for (const std::string& note : notes) all += (all.empty() ? "" : "; ") + note;
  return state.AddNote("busy", "While the speeds were measured: " + all + ".",
                       "测速期间本机并不空闲，速度数字可能偏低：" + all + "。");
}

// Whether all speed rows are in the ledger; speeds measured in different runs are not comparable,
// so a step that was cut short starts anew.
Result<bool> AllKnown(Study::State& state) {
  CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> bandwidth, state.Known(BandwidthRow(state)));
  bool all = bandwidth.has_value();
  for (const Variant& variant : state.variants) {
    for (const std::string_view name :
         {metric::kPromptSpeed, metric::kGenerationSpeed, metric::kBandwidthShare}) {
      const std::string_view method = name == metric::kBandwidthShare ? "bandwidth-share" : "speed";
      CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> known,
                             state.Known(state.Row(variant, name, method, SpeedOptions(state))));
      all = all && known.has_value();
    }
  }
  return all;
}

}  // namespace

Status RunSpeedStep(Study::State& state, WorkClock& clock) {
  if (state.reference().config().encoder) return OkStatus();  // encoder_step.cc times sentences
  CRUMB_ASSIGN_OR_RETURN(const bool known, AllKnown(state));
  if (known) return OkStatus();
  BenchOptions bench;
  bench.prompt_tokens = state.options.prompt_tokens;
  bench.generated_tokens = state.options.generated_tokens;
  bench.activations = state.options.activations;
  std::vector<std::unique_ptr<SpeedProbe>> probes;
  for (const Variant& variant : state.variants) {
    CRUMB_ASSIGN_OR_RETURN(std::unique_ptr<SpeedProbe> probe,
                           SpeedProbe::Create(*variant.model, *state.pool, bench));
    probes.push_back(std::move(probe));
  }
  const double seconds = ExpectedSpeedSeconds(state) / 2;  // a prompt, or a generation
  const auto between = [&](int done, int total) {
    if (done > 0) clock.Done(seconds);
    return clock.Begin(fmt::format("speed, run {} of {}", done + 1, total));
  };
  CRUMB_ASSIGN_OR_RETURN(const SpeedResult speeds,
                         MeasureSpeeds(probes, *state.pool, state.options.repetitions, between));
  CRUMB_RETURN_IF_ERROR(RecordBandwidth(state, speeds));
  for (size_t v = 0; v < state.variants.size(); ++v) {
    CRUMB_RETURN_IF_ERROR(
        RecordVariant(state, state.variants[v], speeds.of[v], speeds.bandwidth.median));
  }
  return NoteBusyMachine(state, speeds.notes);
}

}  // namespace crumb
