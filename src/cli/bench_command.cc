// crumb bench MODEL: speed, share of the read bandwidth, load time, memory.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "kernels/kernel_set.h"
#include "lab/batch_speed.h"
#include "lab/bench.h"
#include "measure/machine.h"

namespace crumb {
namespace {

struct BenchArguments {
  std::vector<std::string> models;
  BenchOptions bench;
  std::string activations = "int8";
  std::string kv = "float16";
  std::string decode_to = "f16";
  int repetitions = 5;
  bool peak_only = false;
  std::vector<int64_t> batches;  // not empty: the grid of batches and contexts
  std::vector<int64_t> contexts = {128, 2048};
};

struct Loaded {
  std::string name;
  std::unique_ptr<Model> model;
  double load_seconds = 0;
};

// For the study: the peak of a process that does nothing else.
Status PeakOnly(const Loaded& loaded, BenchOptions options, ThreadPool& pool,
                const CommonOptions& common) {
  if (loaded.model->config().encoder) {
    CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                           Session::Create(*loaded.model, pool,
                                           {.activations = options.activations, .kv = options.kv}));
    std::vector<int32_t> tokens(
        static_cast<size_t>(std::min(options.prompt_tokens, loaded.model->config().max_positions)));
    CRUMB_RETURN_IF_ERROR(session->Embed(tokens).status());
  } else {
    options.generated_tokens = 4;
    CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<SpeedProbe> probe,
                           SpeedProbe::Create(*loaded.model, pool, options));
    CRUMB_RETURN_IF_ERROR(probe->RunPrompt().status());
    CRUMB_RETURN_IF_ERROR(probe->RunGeneration().status());
  }
  CRUMB_ASSIGN_OR_RETURN(const ResidentMemory memory, ReadResidentMemory());
  if (common.json) {
    Json json = Json::object();
    json["peak_resident_bytes"] = memory.peak_bytes;
    PrintJson(json);
  } else {
    fmt::print("peak resident memory  {}\n", HumanBytes(static_cast<double>(memory.peak_bytes)));
  }
  return OkStatus();
}

Json SharesJson(const BatchSpeed& speed) {
  Json json = Json::object();
  for (size_t kind = 0; kind < kWorkKinds; ++kind) {
    json[std::string(WorkKindName(static_cast<WorkKind>(kind)))] = speed.shares[kind];
  }
  return json;
}

Json SpeedJson(const RepeatedSamples& speed) {
  Json json = Json::object();
  json["median"] = speed.median;
  json["low"] = speed.interval.low;
  json["high"] = speed.interval.high;
  json["samples"] = speed.samples;
  return json;
}

Json ModelJson(const Loaded& loaded, const SpeedSamples& speed, const BenchArguments& arguments,
               double bandwidth) {
  const int64_t bytes = BytesPerToken(*loaded.model);
  Json json = Json::object();
  json["model"] = loaded.name;
  json["source"] = loaded.model->source();
  json["weight_bytes"] = loaded.model->weight_bytes();
  json["load_seconds"] = loaded.load_seconds;
  json["prompt_tokens"] = arguments.bench.prompt_tokens;
  json["generated_tokens"] = arguments.bench.generated_tokens;
  json["prompt_tokens_per_second"] = SpeedJson(speed.prompt);
  json["generation_tokens_per_second"] = SpeedJson(speed.generation);
  json["bytes_per_token"] = bytes;
  json["generation_bandwidth_share"] =
      speed.generation.median * static_cast<double>(bytes) / bandwidth;
  return json;
}

void PrintTable(const Json& document) {
  fmt::print("kernels {}, {} threads, read bandwidth {:.1f} GB/s\n",
             document["kernel_set"].get<std::string>(), document["threads"].get<int>(),
             document["read_bandwidth_bytes_per_second"].get<double>() / 1e9);
  fmt::print("{:<28} {:>8} {:>13} {:>13} {:>9}\n", "model", "weights", "prompt tok/s",
             "gener. tok/s", "of limit");
  for (const Json& row : document["models"]) {
    const auto median = [&](const char* key) { return row[key]["median"].get<double>(); };
    fmt::print("{:<28.28} {:>8} {:>13.1f} {:>13.1f} {:>8.0f}%\n", row["model"].get<std::string>(),
               HumanBytes(row["weight_bytes"].get<double>()), median("prompt_tokens_per_second"),
               median("generation_tokens_per_second"),
               100 * row["generation_bandwidth_share"].get<double>());
  }
  for (const Json& note : document["notes"]) fmt::print("note: {}\n", note.get<std::string>());
}

// A Markdown table, to go into documents as it is.
void PrintGrid(const Json& document) {
  fmt::print("kernels {}, {} threads, activations {}, keys and values {}\n\n",
             document["kernel_set"].get<std::string>(), document["threads"].get<int>(),
             document["activations"].get<std::string>(), document["kv"].get<std::string>());
  fmt::print("| model | context | work | tokens/s | a pass, ms |");
  for (size_t kind = 0; kind < kWorkKinds; ++kind) {
    fmt::print(" {} |", WorkKindName(static_cast<WorkKind>(kind)));
  }
  fmt::print("\n| --- | ---: | --- | --- | ---: |");
  for (size_t kind = 0; kind < kWorkKinds; ++kind) fmt::print(" ---: |");
  fmt::print("\n");
  for (const Json& row : document["grid"]) {
    const auto batch = row["batch"].get<int64_t>();
    const auto context = row["context"].get<int64_t>();
    const Json& speed = row["tokens_per_second"];
    const auto median = speed["median"].get<double>();
    const int64_t tokens = batch == 0 ? context : batch;
    fmt::print("| {} | {} | {} | {:.1f} [{:.1f}, {:.1f}] | {:.2f} |",
               row["model"].get<std::string>(), context,
               batch == 0 ? "prompt" : fmt::format("{} at once", batch), median,
               speed["low"].get<double>(), speed["high"].get<double>(),
               1000 * static_cast<double>(tokens) / median);
    for (size_t kind = 0; kind < kWorkKinds; ++kind) {
      const std::string name(WorkKindName(static_cast<WorkKind>(kind)));
      fmt::print(" {:.1f}% |", 100 * row["shares"][name].get<double>());
    }
    fmt::print("\n");
  }
  for (const Json& note : document["notes"]) fmt::print("note: {}\n", note.get<std::string>());
}

// Batches behind contexts, and where the time goes (lab/batch_speed.h).
Status RunGrid(const std::vector<Loaded>& loaded, const BenchArguments& arguments,
               const BenchOptions& bench, ThreadPool& pool, const CommonOptions& common) {
  BatchOptions options;
  options.batches = arguments.batches;
  options.contexts = arguments.contexts;
  options.repetitions = arguments.repetitions;
  options.activations = bench.activations;
  options.kv = bench.kv;
  std::vector<const Model*> models;
  for (const Loaded& one : loaded) models.push_back(one.model.get());
  BatchResult result;
  {
    ProgressLine line(common);
    WorkClock clock(line.AsFunction());
    const auto between = [&](int done, int total) {
      if (done == 0) clock.Expect(total);
      if (done > 0) clock.Done(1);
      return clock.Begin(fmt::format("run {} of {}", done + 1, total));
    };
    CRUMB_ASSIGN_OR_RETURN(result, MeasureBatches(models, pool, options, between));
  }
  Json document = Json::object();
  document["kernel_set"] = ActiveKernelSet();
  document["threads"] = pool.size();
  document["activations"] = arguments.activations;
  document["kv"] = arguments.kv;
  document["notes"] = result.notes;
  document["grid"] = Json::array();
  for (const BatchSpeed& speed : result.of) {
    Json row = Json::object();
    row["model"] = loaded[speed.model].name;
    row["context"] = speed.context;
    row["batch"] = speed.batch;
    row["tokens_per_second"] = SpeedJson(speed.tokens_per_second);
    row["shares"] = SharesJson(speed);
    document["grid"].push_back(std::move(row));
  }
  if (common.json) {
    PrintJson(document);
  } else {
    PrintGrid(document);
  }
  return OkStatus();
}

Status Run(const BenchArguments& arguments, const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<ThreadPool> pool, MakePool(common));
  BenchOptions bench = arguments.bench;
  CRUMB_ASSIGN_OR_RETURN(bench.activations, ParseActivationType(arguments.activations));
  CRUMB_ASSIGN_OR_RETURN(bench.kv, ParseKvType(arguments.kv));
  std::vector<Loaded> loaded;
  for (const std::string& source : arguments.models) {
    CRUMB_ASSIGN_OR_RETURN(const std::string path, ResolveModel(source, common));
    LoadOptions load;
    load.decode_to = arguments.decode_to;
    const double start = Now();
    CRUMB_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, Model::Load(path, load));
    loaded.push_back({source, std::move(model), Now() - start});
  }
  if (arguments.peak_only) {
    if (loaded.size() != 1) return InvalidArgument("--peak-only: name one model");
    return PeakOnly(loaded.front(), bench, *pool, common);
  }
  for (const Loaded& one : loaded) {
    if (one.model->config().encoder) {
      return Unsupported(
          fmt::format("{}: is an encoder; crumb study times its sentences", one.name));
    }
  }
  if (!arguments.batches.empty()) {
    return RunGrid(loaded, arguments, bench, *pool, common);
  }
  std::vector<std::unique_ptr<SpeedProbe>> probes;
  for (const Loaded& one : loaded) {
    CRUMB_ASSIGN_OR_RETURN(std::unique_ptr<SpeedProbe> probe,
                           SpeedProbe::Create(*one.model, *pool, bench));
    probes.push_back(std::move(probe));
  }
  SpeedResult speeds;
  {
    ProgressLine line(common);
    WorkClock clock(line.AsFunction());
    const auto total = (2 * probes.size() + 1) * static_cast<size_t>(arguments.repetitions + 1);
    clock.Expect(static_cast<double>(total));
    const auto between = [&](int done, int of) {
      if (done > 0) clock.Done(1);
      return clock.Begin(fmt::format("run {} of {}", done + 1, of));
    };
    CRUMB_ASSIGN_OR_RETURN(speeds, MeasureSpeeds(probes, *pool, arguments.repetitions, between));
  }
  Json document = Json::object();
  document["kernel_set"] = ActiveKernelSet();
  document["threads"] = pool->size();
  document["activations"] = arguments.activations;
  document["kv"] = arguments.kv;
  document["read_bandwidth_bytes_per_second"] = speeds.bandwidth.median;
  document["last_level_cache_bytes"] = speeds.last_level_cache_bytes;
  document["notes"] = speeds.notes;
  document["models"] = Json::array();
  for (size_t i = 0; i < loaded.size(); ++i) {
    document["models"].push_back(
        ModelJson(loaded[i], speeds.of[i], arguments, speeds.bandwidth.median));
  }
  if (common.json) {
    PrintJson(document);
  } else {
    PrintTable(document);
  }
  return OkStatus();
}

}  // namespace

Runner AddBenchCommand(CLI::App& app) {
  auto arguments = std::make_shared<BenchArguments>();
  app.add_option("MODEL", arguments->models, "paths or sources; several are run interleaved")
      ->required();
  app.add_option("-p,--prompt-tokens", arguments->bench.prompt_tokens, "tokens of the prompt")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("-n,--generated-tokens", arguments->bench.generated_tokens,
                 "tokens generated, from an empty context")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--repetitions", arguments->repetitions, "rounds over all models")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--decode-to", arguments->decode_to, "how to hold weights of GGUF block formats")
      ->check(CLI::IsMember({"f32", "f16", "bf16"}))
      ->capture_default_str();
  app.add_flag("--peak-only", arguments->peak_only, "only the peak resident memory of one run");
  app.add_option("--batches", arguments->batches,
                 "instead: so many sequences continued in one pass behind each context, and where "
                 "the time goes, as a table; for example 1,2,4,8,16,32")
      ->delimiter(',')
      ->type_name("N,...")
      ->check(CLI::Range(1, 4096));
  app.add_option("--contexts", arguments->contexts, "tokens before the batches")
      ->delimiter(',')
      ->type_name("N,...")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  AddActivationOption(app, arguments->activations);
  AddKvOption(app, arguments->kv);
  app.footer("Example:\n  crumb bench smollm2 smollm2-int4 --repetitions 9");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
