// Prompt and generation speed of every variant, interleaved, and the share of the machine's read
// bandwidth that generation reaches.
#include <fmt/format.h>

#include "base/json.h"
#include "evidence/metrics.h"
#include "lab/bench.h"
#include "lab/study_state.h"

namespace crumb {
namespace {

Json SpeedOptions(const Study::State& state) {
  Json options = Json::object();
  options["prompt_tokens"] = state.options.prompt_tokens;
  options["generated_tokens"] = state.options.generated_tokens;
  options["repetitions"] = state.options.repetitions;
  options["activations"] =
      state.options.activations == ActivationType::kInt8 ? "int8-g64" : "float32";
  return options;
}

Evidence WithSamples(Evidence row, const SampleSummary& summary) {
  row.value = summary.median;
  row.low = summary.interval.low;
  row.high = summary.interval.high;
  row.n = static_cast<int64_t>(summary.samples.size());
  row.n_of = "repetitions";
  Json detail = Json::object();
  detail["samples"] = summary.samples;
  row.detail = DumpJson(detail);
  return row;
}

// The bandwidth row of this study (machine_step.cc ran first).
Result<double> BandwidthOf(const Study::State& state) {
  for (const int64_t id : state.row_ids) {
    CRUMB_ASSIGN_OR_RETURN(const Evidence row, state.ledger->Get(id));
    if (row.metric == metric::kReadBandwidth) return row.value;
  }
  return InternalError("the study has no bandwidth row");
}

Status RecordVariant(Study::State& state, const Variant& variant,
                     const std::vector<SpeedSample>& samples, double bandwidth) {
  std::vector<double> prompt;
  std::vector<double> generation;
  std::vector<double> share;
  const auto bytes = static_cast<double>(BytesPerToken(*variant.model));
  for (const SpeedSample& sample : samples) {
    prompt.push_back(sample.prompt);
    generation.push_back(sample.generation);
    share.push_back(sample.generation * bytes / bandwidth);
  }
  const Json options = SpeedOptions(state);
  CRUMB_RETURN_IF_ERROR(
      state.Add(WithSamples(state.Row(variant, metric::kPromptSpeed, "speed", options),
                            SummarizeSamples(prompt))));
  CRUMB_RETURN_IF_ERROR(
      state.Add(WithSamples(state.Row(variant, metric::kGenerationSpeed, "speed", options),
                            SummarizeSamples(generation))));
  Evidence row = WithSamples(state.Row(variant, metric::kBandwidthShare, "bandwidth-share", options),
                             SummarizeSamples(share));
  Json detail = Json::object();
  detail["samples"] = share;
  detail["bytes_per_token"] = bytes;
  detail["bandwidth_bytes_per_second"] = bandwidth;
  row.detail = DumpJson(detail);
  return state.Add(std::move(row));
}

// Whether all speed rows are in the ledger; speeds measured in different runs are not comparable, so a
// step that was cut short starts anew.
Result<bool> AllKnown(Study::State& state) {
  bool all = true;
  for (const Variant& variant : state.variants) {
    for (const std::string_view name :
         {metric::kPromptSpeed, metric::kGenerationSpeed, metric::kBandwidthShare}) {
      const std::string_view method =
          name == metric::kBandwidthShare ? "bandwidth-share" : "speed";
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
  const double seconds = ExpectedSpeedSeconds(state);
  const auto between = [&](int done, int total) {
    if (done > 0) clock.Done(seconds);
    return clock.Begin(fmt::format("speed, run {} of {}", done + 1, total));
  };
  CRUMB_ASSIGN_OR_RETURN(const std::vector<std::vector<SpeedSample>> samples,
                         Interleave(probes, state.options.repetitions, between));
  CRUMB_ASSIGN_OR_RETURN(const double bandwidth, BandwidthOf(state));
  for (size_t v = 0; v < state.variants.size(); ++v) {
    CRUMB_RETURN_IF_ERROR(RecordVariant(state, state.variants[v], samples[v], bandwidth));
  }
  return OkStatus();
}

}  // namespace crumb
