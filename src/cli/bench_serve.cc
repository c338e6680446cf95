// crumb bench --serve-load: latencies and goodput under a load, for one or several batch limits.
#include "cli/bench_serve.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "cli/common.h"
#include "evidence/metrics.h"
#include "measure/machine.h"

namespace crumb {
namespace {

// JSON has no infinity: what is not finite is null, and `not_given` says why.
Json Finite(double value) { return std::isfinite(value) ? Json(value) : Json(); }

// vLLM's keys, for example mean_ttft_ms, p99_ttft_ms.
void AddLatency(const std::string& name, const LatencySummary& summary, Json& json,
                Json& not_given) {
  const auto add = [&](const std::string& key, double seconds) {
    json[key] = Finite(1e3 * seconds);
    if (!std::isfinite(seconds)) {
      not_given[key] = fmt::format("infinite: {} of {} failed", summary.failed, summary.n);
    }
  };
  if (summary.n == 0) return;
  add("mean_" + name, summary.mean);
  add("median_" + name, summary.median);
  add("std_" + name, summary.standard_deviation);
  for (const PercentileValue& percentile : summary.percentiles) {
    const std::string key = fmt::format("p{:.0f}_{}", 100 * percentile.percentile, name);
    if (!percentile.value.has_value()) {
      json[key] = Json();
      not_given[key] = fmt::format("needs {} samples, has {}", percentile.needed, summary.n);
      continue;
    }
    add(key, *percentile.value);
    json[key + "_low"] = Finite(1e3 * percentile.interval.low);
    json[key + "_high"] = Finite(1e3 * percentile.interval.high);
    json[key + "_at_most"] = Finite(1e3 * percentile.at_most.value_or(NAN));
  }
  add("max_" + name, summary.max);
  json["n_" + name] = summary.n;
}

Json HistogramJson(const ServeRun& run) {
  std::vector<double> latencies;
  for (const RequestTimes& times : run.times) {
    if (!times.failed) latencies.push_back(times.EndToEnd());
  }
  Json json = Json::array();
  for (const auto& [bucket, count] : LatencyHistogram(latencies)) {
    json.push_back({1e3 * HistogramMiddle(bucket), count});
  }
  return json;
}

// Every request, so that any figure can be computed anew.
void AddSamples(const ServeRun& run, Json& json) {
  for (const char* key : {"start_times", "queue_times", "input_lens", "output_lens", "ttfts",
                          "latencies", "failures"}) {
    json[key] = Json::array();
  }
  for (const RequestTimes& times : run.times) {
    json["start_times"].push_back(times.scheduled);
    json["queue_times"].push_back(times.started - times.scheduled);
    json["input_lens"].push_back(times.input_tokens);
    json["output_lens"].push_back(times.tokens.size());
    json["ttfts"].push_back(times.failed ? Json() : Json(times.Ttft()));
    json["latencies"].push_back(times.failed ? Json() : Json(times.EndToEnd()));
    json["failures"].push_back(times.failed);
  }
}

std::string Milliseconds(double seconds) {
  return std::isfinite(seconds) ? fmt::format("{:.1f}", 1e3 * seconds) : "inf";
}

void PrintLatency(const char* name, const LatencySummary& summary) {
  fmt::print("  {:<6} {:>9} {:>9}", name, Milliseconds(summary.mean), Milliseconds(summary.median));
  for (const PercentileValue& percentile : summary.percentiles) {
    if (percentile.percentile == 0.50) continue;  // the median
    fmt::print(" {:>9}", percentile.value ? Milliseconds(*percentile.value) : "-");
  }
  fmt::print(" {:>9} {:>7}\n", Milliseconds(summary.max), summary.n);
}

void PrintResult(const ServeLoadResult& result, bool bounded) {
  const ServeMetrics& metrics = result.metrics;
  fmt::print("\nbatch limit {}: {} done, {} failed in {:.1f} s; {:.2f} requests/s, {:.1f} tokens/s",
             result.max_batch, metrics.completed, metrics.failed, metrics.duration,
             metrics.request_throughput, metrics.output_throughput);
  fmt::print("\n  {}mean {:.1f} in the system, {} at most\n",
             bounded ? fmt::format("goodput {:.2f} requests/s; ", metrics.request_goodput) : "",
             metrics.concurrency, metrics.max_concurrent_requests);
  fmt::print("  {:<6} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}\n", "ms", "mean", "median", "p90",
             "p95", "p99", "max", "of");
  PrintLatency("TTFT", metrics.ttft);
  PrintLatency("TPOT", metrics.tpot);
  PrintLatency("ITL", metrics.itl);
  PrintLatency("E2EL", metrics.e2el);
  PrintLatency("queue", metrics.queue);
  for (const PercentileValue& percentile : metrics.ttft.percentiles) {
    if (percentile.value.has_value()) continue;
    fmt::print("  p{:.0f} needs {} requests, not {}\n", 100 * percentile.percentile,
               percentile.needed, metrics.ttft.n);
  }
  for (const std::string& error : result.run.errors) fmt::print("  failed: {}\n", error);
  PrintVerdict(ValidityJson(result.reasons), result.notes);
}

void PrintHead(const BenchRun& run, const ServeLoadOptions& load, const Json& document) {
  fmt::print("{}: kernels {}, {} threads\n", run.loaded.front().name,
             document["kernel_set"].get<std::string>(), document["threads"].get<int>());
  fmt::print("{} requests, prompt {} and output {} tokens{}, {}\n", load.requests,
             load.prompt_tokens, load.output_tokens,
             load.length_spread > 0 ? fmt::format(" (+/- {:.0f} %)", 100 * load.length_spread) : "",
             load.users > 0 ? fmt::format("closed loop of {} users", load.users)
                            : fmt::format("open loop, Poisson, {} a second", load.rate));
}

}  // namespace

Result<ServeLoadOptions> ServeOptionsOf(const BenchRun& run) {
  ServeLoadOptions load = run.arguments.serve.load;
  load.activations = run.arguments.bench.activations;
  load.kv = run.arguments.bench.kv;
  if (run.arguments.serve.deadline_ms > 0) {
    load.deadline_seconds = 1e-3 * run.arguments.serve.deadline_ms;
  }
  if (!run.arguments.serve.bounds.empty()) {
    CRUMB_ASSIGN_OR_RETURN(load.bounds, ParseLatencyBounds(run.arguments.serve.bounds));
  }
  return load;
}

Json ServeResultJson(const ServeLoadResult& result) {
  const ServeMetrics& metrics = result.metrics;
  Json json = Json::object();
  json["max_batch"] = result.max_batch;
  json["duration"] = metrics.duration;
  json["completed"] = metrics.completed;
  json["good"] = metrics.good;
  json["failed"] = metrics.failed;
  json["errors"] = result.run.errors;
  json["total_input_tokens"] = metrics.total_input_tokens;
  json["total_output_tokens"] = metrics.total_output_tokens;
  json["request_throughput"] = metrics.request_throughput;
  json["request_goodput"] = metrics.request_goodput;
  json["output_throughput"] = metrics.output_throughput;
  json["total_token_throughput"] = metrics.total_token_throughput;
  json["concurrency"] = metrics.concurrency;
  json["max_concurrent_requests"] = metrics.max_concurrent_requests;
  Json not_given = Json::object();
  AddLatency("ttft_ms", metrics.ttft, json, not_given);
  AddLatency("tpot_ms", metrics.tpot, json, not_given);
  AddLatency("itl_ms", metrics.itl, json, not_given);
  AddLatency("e2el_ms", metrics.e2el, json, not_given);
  AddLatency("queue_ms", metrics.queue, json, not_given);
  json["not_given"] = std::move(not_given);
  json["e2el_histogram_ms"] = HistogramJson(result.run);
  json["validity"] = ValidityJson(result.reasons);
  json["notes"] = result.notes;
  AddSamples(result.run, json);
  return json;
}

std::function<Status(int64_t done, int64_t total)> RequestProgress(WorkClock& clock,
                                                                   std::string prefix) {
  return [&clock, prefix = std::move(prefix), told = int64_t{0}](int64_t done,
                                                                 int64_t total) mutable {
    if (clock.expected_seconds() == 0) clock.Expect(static_cast<double>(total));
    clock.Done(static_cast<double>(done - told));
    told = done;
    return clock.Begin(fmt::format("{}request {} of {}", prefix, std::min(done + 1, total), total));
  };
}

Json ServeOptionsJson(const BenchRun& run, const ServeLoadOptions& load) {
  Json json = Json::object();
  json["command"] = "bench --serve-load";
  json["loop"] = load.users > 0 ? "closed" : "open";
  if (load.users > 0) {
    json["users"] = load.users;
  } else {
    json["request_rate"] = load.rate;
  }
  json["num_prompts"] = load.requests;
  json["prompt_tokens"] = load.prompt_tokens;
  json["output_tokens"] = load.output_tokens;
  json["length_spread"] = load.length_spread;
  json["seed"] = load.seed;
  json["slo"] = run.arguments.serve.bounds;
  if (run.arguments.serve.deadline_ms > 0) {
    json["deadline_ms"] = run.arguments.serve.deadline_ms;
  }
  // A trial that may be shorter than the rule says so.
  if (load.min_duration_seconds != kMinDurationSeconds) {
    json["min_duration_seconds"] = load.min_duration_seconds;
  }
  return json;
}

Status AddServeRows(const BenchRun& run, const ServeLoadOptions& load,
                    const std::vector<ServeLoadResult>& results, EvidenceRows& rows) {
  for (const ServeLoadResult& result : results) {
    Json options = ServeOptionsJson(run, load);
    options["max_batch"] = result.max_batch;
    const Json detail = ServeResultJson(result);
    const ServeMetrics& metrics = result.metrics;
    const auto add = [&](std::string_view name, double value, const LatencySummary* of) -> Status {
      if (!std::isfinite(value)) return OkStatus();  // no number; the goodput tells of it
      CRUMB_ASSIGN_OR_RETURN(Evidence row,
                             rows.Row(run.loaded.front(), name, "serve-load", options));
      row.value = value;
      row.n = of != nullptr ? of->n : metrics.completed + metrics.failed;
      row.n_of = "requests";
      if (of != nullptr && of->percentiles.front().value.has_value()) {
        const Interval interval = of->percentiles.front().interval;
        if (std::isfinite(interval.high)) {
          row.low = 1e3 * interval.low;
          row.high = 1e3 * interval.high;
        }
      }
      row.detail = DumpJson(detail);
      rows.Add(std::move(row));
      return OkStatus();
    };
    CRUMB_RETURN_IF_ERROR(add(metric::kRequestThroughput, metrics.request_throughput, nullptr));
    CRUMB_RETURN_IF_ERROR(add(metric::kRequestGoodput, metrics.request_goodput, nullptr));
    CRUMB_RETURN_IF_ERROR(add(metric::kOutputThroughput, metrics.output_throughput, nullptr));
    CRUMB_RETURN_IF_ERROR(add(metric::kTtft, 1e3 * metrics.ttft.median, &metrics.ttft));
    CRUMB_RETURN_IF_ERROR(add(metric::kTpot, 1e3 * metrics.tpot.median, &metrics.tpot));
    CRUMB_RETURN_IF_ERROR(add(metric::kEndToEnd, 1e3 * metrics.e2el.median, &metrics.e2el));
  }
  return OkStatus();
}

Status RunServe(const BenchRun& run) {
  if (run.loaded.size() != 1) return InvalidArgument("--serve-load: name one model");
  if (run.arguments.serve.sweep || !run.arguments.serve.rates.empty()) return RunServeSweep(run);
  CRUMB_ASSIGN_OR_RETURN(ServeLoadOptions load, ServeOptionsOf(run));
  if (load.requests == 0) {
    if (load.users > 0) return InvalidArgument("--requests 0 needs --rate: give a number");
    load.requests = RequestsForVerdict(load.rate, load.min_duration_seconds);
  }
  std::vector<ServeLoadResult> results;
  {
    ProgressLine line(run.common);
    WorkClock clock(line.AsFunction());
    CRUMB_ASSIGN_OR_RETURN(results, MeasureServeLoad(*run.loaded.front().model, run.pool, load,
                                                     RequestProgress(clock, "")));
  }
  if (!run.arguments.ledger.empty()) {
    EvidenceRows rows(run);
    CRUMB_RETURN_IF_ERROR(AddServeRows(run, load, results, rows));
    CRUMB_RETURN_IF_ERROR(rows.Write());
  }
  Json document = DocumentHead(run);
  document["model"] = run.loaded.front().name;
  const Json options = ServeOptionsJson(run, load);
  for (const auto& [key, value] : options.items()) document[key] = value;
  document["results"] = Json::array();
  for (const ServeLoadResult& result : results)
    document["results"].push_back(ServeResultJson(result));
  const int best = BestBatch(results, load.users == 0);
  document["best_max_batch"] =
      best < 0 ? Json() : Json(results[static_cast<size_t>(best)].max_batch);
  if (run.common.json) {
    PrintJson(document);
    return OkStatus();
  }
  PrintHead(run, load, document);
  for (const ServeLoadResult& result : results) PrintResult(result, load.bounds.any());
  if (results.size() > 1 && best >= 0) {
    fmt::print("\nmost goodput with a batch limit of {}\n",
               results[static_cast<size_t>(best)].max_batch);
  }
  return OkStatus();
}

void AddServeOptions(CLI::App& app, ServeArguments& arguments) {
  const std::string group = "Load (--serve-load)";
  app.add_flag("--serve-load", arguments.on,
               "instead: latencies and goodput of requests that come on a schedule")
      ->group(group);
  app.add_option("--rate", arguments.load.rate, "open loop: requests a second, Poisson")
      ->type_name("R")
      ->group(group);
  app.add_option("--rates", arguments.rates,
                 "open loop at each of these, and the highest rate that keeps --slo")
      ->delimiter(',')
      ->type_name("R,...")
      ->group(group);
  app.add_flag("--sweep", arguments.sweep, "the same from --rate (or 1) on, doubling or halving")
      ->group(group);
  app.add_option("--min-duration", arguments.load.min_duration_seconds,
                 "a shorter run is INVALID; a trial that may be shorter is named so in its rows")
      ->type_name("S")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str()
      ->group(group);
  app.add_option("--users", arguments.load.users,
                 "closed loop: so many users, each waiting for an answer before the next request")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 16))
      ->group(group);
  app.add_option(
         "--requests", arguments.load.requests,
         "requests of one run; a p99 needs 662; 0: as many as --min-duration and a p99 need")
      ->type_name("N")
      ->check(CLI::Range(0, 10000000))
      ->capture_default_str()
      ->group(group);
  app.add_option("--input-len", arguments.load.prompt_tokens, "tokens of each prompt")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str()
      ->group(group);
  app.add_option("--output-len", arguments.load.output_tokens, "tokens of each answer")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str()
      ->group(group);
  app.add_option("--length-spread", arguments.load.length_spread,
                 "lengths uniform within this share of their mean, 0 to 1")
      ->type_name("X")
      ->capture_default_str()
      ->group(group);
  app.add_option("--max-batch", arguments.load.max_batches,
                 "requests that run at once; several are run one after the other")
      ->delimiter(',')
      ->type_name("N,...")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str()
      ->group(group);
  app.add_option("--slo", arguments.bounds,
                 "what counts as goodput, in ms: ttft:MS,tpot:MS,e2el:MS")
      ->type_name("BOUNDS")
      ->group(group);
  app.add_option("--deadline", arguments.deadline_ms,
                 "a request that takes longer is dropped and counts as failed")
      ->type_name("MS")
      ->check(CLI::PositiveNumber)
      ->group(group);
  app.add_option("--seed", arguments.load.seed, "of the times and lengths; MLPerf's by default")
      ->type_name("N")
      ->group(group);
}

}  // namespace crumb
