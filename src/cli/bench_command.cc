// crumb bench MODEL: speed, latency under load, memory, energy. One file for each part.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/bench_parts.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "lab/load_to_run.h"
#include "measure/machine.h"

namespace crumb {
namespace {

// The part that the options ask for.
Status RunPart(const BenchRun& run) {
  const BenchArguments& arguments = run.arguments;
  if (arguments.peak_only) return RunPeak(run);
  for (const LoadedModel& one : run.loaded) {
    if (one.model->config().encoder) {
      return Unsupported(
          fmt::format("{}: is an encoder; crumb study times its sentences", one.name));
    }
  }
  if (arguments.serve.on) return RunServe(run);
  if (arguments.energy.on) return RunEnergy(run);
  if (!arguments.batches.empty()) return RunGrid(run);
  return RunSpeeds(run);
}

Status Run(BenchArguments arguments, const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<ThreadPool> pool, MakePool(common));
  CRUMB_ASSIGN_OR_RETURN(arguments.bench.activations, ParseActivationType(arguments.activations));
  CRUMB_ASSIGN_OR_RETURN(arguments.bench.kv, ParseKvType(arguments.kv));
  if (arguments.memory) return RunMemory(arguments, common, *pool);
  std::vector<LoadedModel> loaded;
  for (const std::string& source : arguments.models) {
    CRUMB_ASSIGN_OR_RETURN(const std::string path, ResolveModel(source, common));
    LoadOptions load;
    load.decode_to = arguments.decode_to;
    const double start = Now();
    CRUMB_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, LoadToRun(path, load));
    loaded.push_back({source, path, std::move(model), Now() - start});
  }
  return RunPart({arguments, common, loaded, *pool});
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
  app.add_flag("--memory", arguments->memory,
               "instead: what one model holds, part by part, beside the formula of each");
  app.add_option("--context", arguments->context, "of --memory: tokens of each sequence")
      ->type_name("N")
      ->check(CLI::Range(2, 1 << 24));
  app.add_option("--sequences", arguments->sequences, "of --memory: so many at once")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 16))
      ->capture_default_str();
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
  app.add_option("--format", arguments->format,
                 "print llama-bench's rows in one of its formats: json, jsonl, csv, md, sql")
      ->type_name("F")
      ->check(CLI::IsMember({"json", "jsonl", "csv", "md", "sql"}));
  app.add_option("--ledger", arguments->ledger,
                 "also append what was measured to a ledger: its file, or a study's folder")
      ->type_name("PATH");
  AddServeOptions(app, arguments->serve);
  AddEnergyOptions(app, arguments->energy);
  AddActivationOption(app, arguments->activations);
  AddKvOption(app, arguments->kv);
  app.footer(
      "Examples:\n  crumb bench smollm2 smollm2-int4 --repetitions 9\n"
      "  crumb bench smollm2 -p 512 -n 128 --format md\n"
      "  crumb bench smollm2 --serve-load --rate 2 --slo ttft:500,tpot:50 \\\n"
      "      --max-batch 1,2,4,8");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
