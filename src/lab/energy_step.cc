// Energy of a generated token (encoders: of a token of a sentence) of every variant, by every
// counter that the machine has; where there is none, a note says why.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "base/json.h"
#include "evidence/metrics.h"
#include "lab/bench.h"
#include "lab/energy_rows.h"
#include "lab/study_state.h"
#include "measure/repeat.h"

namespace crumb {
namespace {

constexpr int64_t kSentenceTokens = 32;

// The narrowest scope first: of several rows of a variant, readers take the last.
constexpr std::array<std::string_view, 4> kSources = {"nvml", "battery", "rapl", "meter"};

Evidence EnergyRow(const Study::State& state, const Variant& variant, std::string_view metric_name,
                   std::string_view source) {
  const bool encoder = state.reference().config().encoder;
  Json options = Json::object();
  options["work"] = encoder ? "sentences" : "generation";
  options[encoder ? "sentence_tokens" : "generated_tokens"] =
      encoder ? kSentenceTokens : state.options.generated_tokens;
  options["activations"] = ActivationName(state.options.activations);
  options["work_seconds"] = state.options.energy.work_seconds;
  options["idle_seconds"] = state.options.energy.idle_seconds;
  return state.Row(variant, metric_name, fmt::format("energy-{}", source), options);
}

std::string Topic(std::string_view source) { return fmt::format("energy-{}", source); }

// Whether an earlier run wrote the rows of a source, or why there are none.
Result<bool> IsDone(Study::State& state, std::string_view source) {
  CRUMB_ASSIGN_OR_RETURN(const bool noted, state.HasNote(Topic(source)));
  if (noted) return true;
  bool all = true;
  for (const Variant& variant : state.variants) {
    for (const std::string_view name : {metric::kEnergyPerToken, metric::kNetEnergyPerToken}) {
      CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> known,
                             state.Known(EnergyRow(state, variant, name, source)));
      if (name == metric::kEnergyPerToken) all = all && known.has_value();
    }
  }
  return all;
}

// What a variant does while the counters run.
struct Worker {
  std::unique_ptr<SpeedProbe> probe;  // decoders
  std::unique_ptr<Session> session;   // encoders
  std::vector<int32_t> sentence;

  Result<int64_t> Run() {
    if (probe != nullptr) {
      CRUMB_RETURN_IF_ERROR(probe->RunGeneration().status());
      return probe->options().generated_tokens;
    }
    CRUMB_RETURN_IF_ERROR(session->Embed(sentence).status());
    return std::ssize(sentence);
  }
};

Result<Worker> MakeWorker(const Study::State& state, const Variant& variant) {
  Worker worker;
  const ModelConfig& config = variant.model->config();
  if (!config.encoder) {
    BenchOptions bench;
    bench.generated_tokens = state.options.generated_tokens;
    bench.prompt_tokens = 1;
    bench.activations = state.options.activations;
    CRUMB_ASSIGN_OR_RETURN(worker.probe, SpeedProbe::Create(*variant.model, *state.pool, bench));
    return worker;
  }
  SessionOptions options;
  options.activations = state.options.activations;
  CRUMB_ASSIGN_OR_RETURN(worker.session, Session::Create(*variant.model, *state.pool, options));
  worker.sentence =
      SpreadTokens(std::min(kSentenceTokens, config.max_positions), config.vocabulary_size);
  return worker;
}

Result<std::vector<EnergyOfWork>> Measure(Study::State& state, WorkClock& clock) {
  std::vector<Worker> workers;
  for (const Variant& variant : state.variants) {
    CRUMB_ASSIGN_OR_RETURN(Worker worker, MakeWorker(state, variant));
    workers.push_back(std::move(worker));
  }
  std::vector<EnergyWork> works;
  for (size_t v = 0; v < workers.size(); ++v) {
    works.push_back({state.variants[v].name, [&workers, v] { return workers[v].Run(); }});
  }
  EnergyOptions options = state.options.energy;
  if (!options.now) options.now = Now;
  if (!options.sleep) {
    options.sleep = [](double seconds) {
      std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    };
  }
  double told = options.now();
  options.between = [&, now = options.now](const std::string& step) {
    const double time = now();
    clock.Done(time - told);
    told = time;
    return clock.Begin("energy, " + step);
  };
  return MeasureEnergy(state.energy, works, options);
}

Status Record(Study::State& state, const std::vector<EnergyOfWork>& results,
              std::string_view source, const std::vector<std::string>& machine_reasons) {
  std::string why;
  for (const Variant& variant : state.variants) {
    const auto found = std::ranges::find_if(results, [&](const EnergyOfWork& of) {
      return of.source == source && of.work == variant.name;
    });
    if (found == results.end()) continue;
    if (!found->busy.measured()) {
      why = fmt::format("{}, {}", variant.name, found->busy.not_measured);
      continue;
    }
    EnergyOfWork of = *found;
    of.work = state.reference().config().encoder ? "sentences" : "generation";
    Evidence row = EnergyRow(state, variant, metric::kEnergyPerToken, source);
    FillEnergy(of, row);
    FillValidity(machine_reasons, of.reasons, row);
    CRUMB_RETURN_IF_ERROR(state.Add(std::move(row)));
    if (!of.idle.measured()) continue;
    Evidence net = EnergyRow(state, variant, metric::kNetEnergyPerToken, source);
    FillNetEnergy(of, net);
    FillValidity(machine_reasons, of.reasons, net);
    CRUMB_RETURN_IF_ERROR(state.Add(std::move(net)));
  }
  if (why.empty()) return OkStatus();
  return state.AddNote(Topic(source), fmt::format("Energy by {}: {}.", source, why),
                       fmt::format("能耗（{}）：未测量，计数器中途没有可用的读数。", source));
}

// Nothing to measure with, or not asked for.
Status NoteNothing(Study::State& state) {
  if (state.options.energy.work_seconds <= 0) {
    return state.AddNote("energy", "Energy: not measured, because --energy-seconds is 0.",
                         "能耗：未测量，运行时关闭了这一步。");
  }
  std::string why;
  for (const MissingSource& missing : state.energy.missing) {
    if (missing.source == "meter") continue;  // nobody named one
    constexpr std::string_view kPrefix = "not measured: ";
    std::string_view reason = missing.why;
    if (reason.starts_with(kPrefix)) reason.remove_prefix(kPrefix.size());
    why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", missing.source, reason);
  }
  return state.AddNote("energy", fmt::format("Energy: not measured. {}.", why),
                       "能耗：未测量，本机没有可读取的能量计数器。");
}

}  // namespace

double ExpectedEnergySeconds(const Study::State& state) {
  const EnergyOptions& options = state.options.energy;
  if (state.energy.found.empty() || options.work_seconds <= 0) return 0;
  return options.idle_seconds + static_cast<double>(state.variants.size()) * options.work_seconds;
}

Status RunEnergyStep(Study::State& state, WorkClock& clock) {
  if (ExpectedEnergySeconds(state) == 0) return NoteNothing(state);
  bool all = true;
  for (const auto& source : state.energy.found) {
    CRUMB_ASSIGN_OR_RETURN(const bool done, IsDone(state, source->source()));
    all = all && done;
  }
  if (all) {
    clock.Done(ExpectedEnergySeconds(state));
    return OkStatus();
  }
  BusyWatch watch;
  CRUMB_ASSIGN_OR_RETURN(const std::vector<EnergyOfWork> results, Measure(state, clock));
  const BusyWatch::Verdict verdict = watch.Judge();
  for (const std::string_view source : kSources) {
    CRUMB_RETURN_IF_ERROR(Record(state, results, source, verdict.reasons));
  }
  const bool only_gpus = std::ranges::all_of(
      state.energy.found, [](const auto& source) { return source->source() == "nvml"; });
  if (!only_gpus) return OkStatus();
  return state.AddNote("energy",
                       "Energy is that of the GPUs alone, which the models do not run on.",
                       "能耗只含图形处理器，而模型并不在其上运行。");
}

}  // namespace crumb
