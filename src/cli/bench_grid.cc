// crumb bench --batches: sequences continued together behind contexts, and where the time goes.
#include <fmt/format.h>

#include "base/json.h"
#include "cli/bench_parts.h"
#include "cli/common.h"
#include "lab/batch_speed.h"

namespace crumb {
namespace {

Json SharesJson(const BatchSpeed& speed) {
  Json json = Json::object();
  for (size_t kind = 0; kind < kWorkKinds; ++kind) {
    json[std::string(WorkKindName(static_cast<WorkKind>(kind)))] = speed.shares[kind];
  }
  return json;
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
  PrintVerdict(document["validity"], document["notes"]);
}

}  // namespace

// Batches behind contexts, and where the time goes (lab/batch_speed.h).
Status RunGrid(const BenchRun& run) {
  const auto& [arguments, common, loaded, pool] = run;
  BatchOptions options;
  options.batches = arguments.batches;
  options.contexts = arguments.contexts;
  options.repetitions = arguments.repetitions;
  options.activations = arguments.bench.activations;
  options.kv = arguments.bench.kv;
  std::vector<const Model*> models;
  for (const LoadedModel& one : loaded) models.push_back(one.model.get());
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
  Json document = DocumentHead(run);
  document["notes"] = result.notes;
  document["validity"] = ValidityJson(result.reasons);
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

}  // namespace crumb
