// crumb bench: prompt and generation speed of several models in turns.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "base/json.h"
#include "base/sha256.h"
#include "cli/bench_parts.h"
#include "cli/common.h"
#include "codecs/codec.h"
#include "evidence/metrics.h"
#include "kernels/kernel_set.h"
#include "lab/bench_rows.h"
#include "measure/machine.h"

namespace crumb {
namespace {

// Everything that was measured, with the probes for what each really ran.
struct Speeds {
  std::vector<std::unique_ptr<SpeedProbe>> probes;
  SpeedResult result;
};

Result<Speeds> Measure(const BenchRun& run) {
  const auto& [arguments, common, loaded, pool] = run;
  Speeds speeds;
  for (const LoadedModel& one : loaded) {
    CRUMB_ASSIGN_OR_RETURN(std::unique_ptr<SpeedProbe> probe,
                           SpeedProbe::Create(*one.model, pool, arguments.bench));
    speeds.probes.push_back(std::move(probe));
  }
  ProgressLine line(common);
  WorkClock clock(line.AsFunction());
  const auto total =
      (2 * speeds.probes.size() + 1) * static_cast<size_t>(arguments.repetitions + 1);
  clock.Expect(static_cast<double>(total));
  const auto between = [&](int done, int of) {
    if (done > 0) clock.Done(1);
    return clock.Begin(fmt::format("run {} of {}", done + 1, of));
  };
  CRUMB_ASSIGN_OR_RETURN(speeds.result,
                         MeasureSpeeds(speeds.probes, pool, arguments.repetitions, between));
  return speeds;
}

std::vector<std::string> Both(std::vector<std::string> machine,
                              const std::vector<std::string>& own) {
  machine.insert(machine.end(), own.begin(), own.end());
  return machine;
}

// llama-bench's rows: the prompt and the generation of each model.
Result<Json> LlamaBenchRows(const BenchRun& run, const Speeds& speeds) {
  const auto& [arguments, common, loaded, pool] = run;
  const MachineInfo machine = DescribeMachine();
  const PowerState power = ReadPowerState();
  Json rows = Json::array();
  for (size_t i = 0; i < loaded.size(); ++i) {
    const Model& model = *loaded[i].model;
    const std::string_view codec = model.matrices().back().matrix.codec->name();
    BenchTest test;
    test.model_filename = ModelFileName(loaded[i]);
    test.model_type = fmt::format("{} {:.1f} M {}", model.config().family,
                                  static_cast<double>(model.parameters()) / 1e6, codec);
    CRUMB_ASSIGN_OR_RETURN(test.model_sha256, Sha256OfPath(loaded[i].path));
    test.model_size = model.weight_bytes();
    test.model_n_params = model.parameters();
    test.cpu_info = machine.cpu_model;
    if (!machine.cpu_id.empty()) test.cpu_info += " (" + machine.cpu_id + ")";
    test.kernel_set = ActiveKernelSet();
    test.activations = arguments.activations;
    test.kv_type = arguments.bench.kv == KvType::kFloat16   ? "f16"
                   : arguments.bench.kv == KvType::kFloat32 ? "f32"
                                                            : "i8";
    test.threads = pool.size();
    test.test_time = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
    test.power = power;
    const SpeedSamples& speed = speeds.result.of[i];
    test.n_prompt = speeds.probes[i]->options().prompt_tokens;
    test.tokens_per_second = speed.prompt.samples;
    test.reasons = Both(speeds.result.reasons, speed.prompt.reasons);
    rows.push_back(BenchRow(test));
    test.n_prompt = 0;
    test.n_gen = speeds.probes[i]->options().generated_tokens;
    test.tokens_per_second = speed.generation.samples;
    test.token_seconds = speed.token_seconds;
    test.reasons = Both(speeds.result.reasons, speed.generation.reasons);
    rows.push_back(BenchRow(test));
  }
  return rows;
}

Json ModelJson(const LoadedModel& loaded, const SpeedProbe& probe, const SpeedSamples& speed,
               double bandwidth) {
  const int64_t bytes = BytesPerToken(*loaded.model);
  Json json = Json::object();
  json["model"] = loaded.name;
  json["source"] = loaded.model->source();
  json["weight_bytes"] = loaded.model->weight_bytes();
  json["load_seconds"] = loaded.load_seconds;
  json["prompt_tokens"] = probe.options().prompt_tokens;
  json["generated_tokens"] = probe.options().generated_tokens;
  json["prompt_tokens_per_second"] = SpeedJson(speed.prompt);
  json["generation_tokens_per_second"] = SpeedJson(speed.generation);
  json["bytes_per_token"] = bytes;
  json["generation_bandwidth_share"] =
      speed.generation.median * static_cast<double>(bytes) / bandwidth;
  return json;
}

// Reasons of the machine, then of each series with the model's name.
std::vector<std::string> AllReasons(const BenchRun& run, const SpeedResult& result) {
  std::vector<std::string> reasons = Both(result.reasons, result.bandwidth.reasons);
  for (size_t i = 0; i < result.of.size(); ++i) {
    for (const RepeatedSamples* series : {&result.of[i].prompt, &result.of[i].generation}) {
      for (const std::string& reason : series->reasons) {
        reasons.push_back(ModelFileName(run.loaded[i]) + ", " + reason);
      }
    }
  }
  return reasons;
}

Status KeepEvidence(const BenchRun& run, const Speeds& speeds) {
  if (run.arguments.ledger.empty()) return OkStatus();
  EvidenceRows rows(run);
  for (size_t i = 0; i < run.loaded.size(); ++i) {
    const BenchOptions& bench = speeds.probes[i]->options();
    Json options = Json::object();
    options["command"] = "bench";
    options["prompt_tokens"] = bench.prompt_tokens;
    options["generated_tokens"] = bench.generated_tokens;
    options["repetitions"] = run.arguments.repetitions;
    const SpeedSamples& speed = speeds.result.of[i];
    for (const auto& [name, series] : {std::pair(metric::kPromptSpeed, &speed.prompt),
                                       std::pair(metric::kGenerationSpeed, &speed.generation)}) {
      CRUMB_ASSIGN_OR_RETURN(Evidence row, rows.Row(run.loaded[i], name, "speed", options));
      FillFromSamples(series->samples, "repetitions", row);
      FillValidity(speeds.result.reasons, series->reasons, row);
      rows.Add(std::move(row));
    }
  }
  return rows.Write();
}

// "a token: p50 7.20, p90 8.41, p99 - ms of 240", where a percentile has enough of them.
void PrintTokens(const Json& test) {
  if (!test.contains("token_latency")) return;
  const Json& token = test["token_latency"];
  const auto text = [&](const char* key) {
    return token[key].is_null() ? "-" : fmt::format("{:.2f}", token[key].get<double>());
  };
  fmt::print("  a token of {}: p50 {}, p90 {}, p99 {}, max {} ms of {}\n", TestName(test),
             text("p50_ms"), text("p90_ms"), text("p99_ms"), text("max_ms"),
             token["n"].get<int64_t>());
}

void PrintTable(const Json& document) {
  fmt::print("kernels {}, {} threads, read bandwidth {:.1f} GB/s\n",
             document["kernel_set"].get<std::string>(), document["threads"].get<int>(),
             document["read_bandwidth_bytes_per_second"].get<double>() / 1e9);
  fmt::print("{:<28} {:>8} {:>13} {:>13} {:>9}\n", "model", "weights", "prompt tok/s",
             "gener. tok/s", "of limit");
  for (size_t i = 0; i < document["models"].size(); ++i) {
    const Json& row = document["models"][i];
    const auto median = [&](const char* key) { return row[key]["median"].get<double>(); };
    fmt::print("{:<28.28} {:>8} {:>13.1f} {:>13.1f} {:>8.0f}%\n", row["model"].get<std::string>(),
               HumanBytes(row["weight_bytes"].get<double>()), median("prompt_tokens_per_second"),
               median("generation_tokens_per_second"),
               100 * row["generation_bandwidth_share"].get<double>());
    PrintTokens(document["tests"][2 * i + 1]);  // the row of its generation
  }
  PrintVerdict(document["validity"], document["notes"]);
}

}  // namespace

Status RunSpeeds(const BenchRun& run) {
  CRUMB_ASSIGN_OR_RETURN(const Speeds speeds, Measure(run));
  CRUMB_RETURN_IF_ERROR(KeepEvidence(run, speeds));
  CRUMB_ASSIGN_OR_RETURN(const Json rows, LlamaBenchRows(run, speeds));
  if (!run.arguments.format.empty()) {
    CRUMB_ASSIGN_OR_RETURN(const std::string text, FormatRows(rows, run.arguments.format));
    fmt::print("{}", text);
    return OkStatus();
  }
  const SpeedResult& result = speeds.result;
  Json document = DocumentHead(run);
  document["read_bandwidth_bytes_per_second"] = result.bandwidth.median;
  document["last_level_cache_bytes"] = result.last_level_cache_bytes;
  document["notes"] = result.notes;
  document["validity"] = ValidityJson(AllReasons(run, result));
  document["models"] = Json::array();
  for (size_t i = 0; i < run.loaded.size(); ++i) {
    document["models"].push_back(
        ModelJson(run.loaded[i], *speeds.probes[i], result.of[i], result.bandwidth.median));
  }
  document["tests"] = rows;
  if (run.common.json) {
    PrintJson(document);
  } else {
    PrintTable(document);
  }
  return OkStatus();
}

}  // namespace crumb
