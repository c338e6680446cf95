// Prompt and generation speed of every variant, interleaved, and the share of the machine's read
// bandwidth that generation reaches.
#include <fmt/format.h>

#include <algorithm>

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
  FillValidity(speeds.reasons, speeds.bandwidth.reasons, row);
  return state.Replace(std::move(row));
}

Status RecordVariant(Study::State& state, const Variant& variant, const SpeedSamples& speed,
                     const SpeedResult& speeds) {
  const double bandwidth = speeds.bandwidth.median;
  const Json options = SpeedOptions(state);
  Evidence prompt = state.Row(variant, metric::kPromptSpeed, "speed", options);
  FillFromSamples(speed.prompt.samples, "repetitions", prompt);
  FillValidity(speeds.reasons, speed.prompt.reasons, prompt);
  CRUMB_RETURN_IF_ERROR(state.Replace(std::move(prompt)));

  Evidence generation = state.Row(variant, metric::kGenerationSpeed, "speed", options);
  FillFromSamples(speed.generation.samples, "repetitions", generation);
  FillValidity(speeds.reasons, speed.generation.reasons, generation);
  CRUMB_RETURN_IF_ERROR(state.Replace(std::move(generation)));

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
  std::vector<std::string> own = speed.generation.reasons;
  own.insert(own.end(), speeds.bandwidth.reasons.begin(), speeds.bandwidth.reasons.end());
  FillValidity(speeds.reasons, own, share);
  return state.Replace(std::move(share));
}

// As many as a reader wants to see; the rows have all of them.
std::string Joined(const std::vector<std::string>& sentences) {
  constexpr size_t kShown = 4;
  std::string all;
  for (size_t i = 0; i < std::min(kShown, sentences.size()); ++i) {
    all += (all.empty() ? "" : "; ") + sentences[i];
  }
  if (sentences.size() > kShown) all += fmt::format("; and {} more", sentences.size() - kShown);
  return all;
}

// Those of the machine, then those of each series with whose it is.
std::vector<std::string> AllReasons(const Study::State& state, const SpeedResult& speeds) {
  std::vector<std::string> reasons = speeds.reasons;
  for (size_t v = 0; v < speeds.of.size(); ++v) {
    for (const RepeatedSamples* series : {&speeds.of[v].prompt, &speeds.of[v].generation}) {
      for (const std::string& reason : series->reasons) {
        reasons.push_back(state.variants[v].name + ", " + reason);
      }
    }
  }
  reasons.insert(reasons.end(), speeds.bandwidth.reasons.begin(), speeds.bandwidth.reasons.end());
  return reasons;
}

// Whether all speed rows are in the ledger; speeds measured in different runs are not comparable,
// so a step that was cut short starts anew.
Result<bool> AllKnown(Study::State& state) {
  if (state.options.speeds_again) return false;
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

// The English sentences come from measure/; the reader is told, the run is kept.
Status NoteVerdict(Study::State& state, const std::vector<std::string>& reasons,
                   const std::vector<std::string>& notes) {
  if (!reasons.empty()) {
    const std::string all = Joined(reasons);
    return state.ReplaceNote(
        "busy",
        "The speeds are INVALID, measure them again (crumb study --speeds-again): " + all + ".",
        "速度数字无效，需重新测量（crumb study --speeds-again）：" + all + "。");
  }
  if (notes.empty()) {
    const Evidence note = state.Note("busy", "The speeds were measured again on a quiet machine.",
                                     "速度已在本机空闲时重新测量。");
    CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> earlier, state.Known(note));
    return earlier.has_value() ? state.Replace(note) : OkStatus();
  }
  const std::string all = Joined(notes);
  return state.ReplaceNote("busy", "While the speeds were measured: " + all + ".",
                           "测速期间本机并不空闲，速度数字可能偏低：" + all + "。");
}

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
  double all = 0;
  for (const Variant& variant : state.variants) {
    all += (state.options.repetitions + 1) * ExpectedSpeedSeconds(state, variant);
  }
  const auto between = [&](int done, int total) {
    if (done > 0) clock.Done(all / total);
    return clock.Begin(fmt::format("speed, run {} of {}", done + 1, total));
  };
  CRUMB_ASSIGN_OR_RETURN(const SpeedResult speeds,
                         MeasureSpeeds(probes, *state.pool, state.options.repetitions, between));
  CRUMB_RETURN_IF_ERROR(RecordBandwidth(state, speeds));
  for (size_t v = 0; v < state.variants.size(); ++v) {
    CRUMB_RETURN_IF_ERROR(RecordVariant(state, state.variants[v], speeds.of[v], speeds));
  }
  return NoteVerdict(state, AllReasons(state, speeds), speeds.notes);
}

}  // namespace crumb
