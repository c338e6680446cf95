// crumb bench --serve-load --rates or --sweep: goodput against the offered rate, and the highest
// rate that keeps the bounds.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "cli/bench_serve.h"
#include "cli/common.h"
#include "evidence/metrics.h"
#include "lab/rate_sweep.h"

namespace crumb {
namespace {

Json PointJson(const SweepPoint& point) {
  Json json = Json::object();
  json["request_rate"] = point.rate;
  json["percentile"] = point.verdict.percentile;
  json["keeps_bounds"] = point.verdict.keeps;
  json["queue_grows"] = point.verdict.grows;
  const Json result = ServeResultJson(point.result);
  for (const auto& [key, value] : result.items()) json[key] = value;
  return json;
}

Json RateOrNull(const std::optional<double>& rate) { return rate ? Json(*rate) : Json(); }

// The curve without single requests, for the row of the highest rate.
Json CurveJson(const Sweep& sweep) {
  Json json = Json::object();
  json["highest_rate"] = RateOrNull(sweep.highest);
  json["lowest_bad_rate"] = RateOrNull(sweep.lowest_bad);
  json["kept_above_bad"] = sweep.kept_above_bad;
  json["curve"] = Json::array();
  for (const SweepPoint& point : sweep.points) {
    const ServeMetrics& metrics = point.result.metrics;
    json["curve"].push_back({{"request_rate", point.rate},
                             {"requests", metrics.completed + metrics.failed},
                             {"duration", metrics.duration},
                             {"request_throughput", metrics.request_throughput},
                             {"request_goodput", metrics.request_goodput},
                             {"percentile", point.verdict.percentile},
                             {"keeps_bounds", point.verdict.keeps},
                             {"valid", point.result.reasons.empty()}});
  }
  return json;
}

Status KeepEvidence(const BenchRun& run, const ServeLoadOptions& load, const Sweep& sweep) {
  if (run.arguments.ledger.empty()) return OkStatus();
  EvidenceRows rows(run);
  std::vector<std::string> reasons;
  for (const SweepPoint& point : sweep.points) {
    ServeLoadOptions at = load;
    at.rate = point.rate;
    at.requests = std::ssize(point.result.run.times);
    CRUMB_RETURN_IF_ERROR(AddServeRows(run, at, {point.result}, rows));
    for (const std::string& reason : point.result.reasons) {
      // A queue that grows is what a rate above the highest does.
      if (point.verdict.grows && reason.starts_with("the mean latency grew")) continue;
      reasons.push_back(fmt::format("at {:g}: {}", point.rate, reason));
    }
  }
  if (sweep.highest.has_value()) {
    Json options = ServeOptionsJson(run, load);
    options.erase("request_rate");
    options.erase("num_prompts");
    options["max_batch"] = load.max_batches.front();
    options["sweep"] = true;
    CRUMB_ASSIGN_OR_RETURN(
        Evidence row, rows.Row(run.loaded.front(), metric::kHighestRate, "serve-sweep", options));
    row.value = *sweep.highest;
    row.n = std::ssize(sweep.points);
    row.n_of = "runs";
    row.detail = DumpJson(CurveJson(sweep));
    FillValidity(reasons, {}, row);
    rows.Add(std::move(row));
  }
  return rows.Write();
}

void PrintSweep(const BenchRun& run, const ServeLoadOptions& load, const Sweep& sweep) {
  fmt::print("{}: prompt {} and output {} tokens, batch limit {}, bounds {}\n",
             run.loaded.front().name, load.prompt_tokens, load.output_tokens,
             load.max_batches.front(), run.arguments.serve.bounds);
  fmt::print("{:>8} {:>8} {:>8} {:>8} {:>8} {:>7} {:>10}  {}\n", "offered", "done/s", "good/s",
             "requests", "seconds", "good %", "bounds", "");
  for (const SweepPoint& point : sweep.points) {
    const ServeMetrics& metrics = point.result.metrics;
    const int64_t requests = metrics.completed + metrics.failed;
    const std::string kept = point.verdict.percentile == 0
                                 ? "-"
                                 : fmt::format("p{:.0f} {}", 100 * point.verdict.percentile,
                                               point.verdict.keeps ? "kept" : "broken");
    fmt::print("{:>8.4g} {:>8.4g} {:>8.4g} {:>8} {:>8.1f} {:>7.2f} {:>10}  {}\n", point.rate,
               metrics.request_throughput, metrics.request_goodput, requests, metrics.duration,
               100 * static_cast<double>(metrics.good) / static_cast<double>(requests), kept,
               point.result.reasons.empty() ? "" : "INVALID");
  }
  if (!sweep.highest.has_value()) {
    fmt::print("\nno rate keeps the bounds; the lowest that was tried is {:.4g} a second\n",
               sweep.points.front().rate);
  } else if (!sweep.lowest_bad.has_value()) {
    fmt::print("\nthe bounds are kept up to {:.4g} a second, the highest that was tried\n",
               *sweep.highest);
  } else {
    fmt::print("\nhighest rate that keeps the bounds: {:.4g} a second; {:.4g} breaks them\n",
               *sweep.highest, *sweep.lowest_bad);
  }
  for (const double rate : sweep.kept_above_bad) {
    fmt::print("note: {:.4g} a second kept them too, above one that did not: more requests tell\n",
               rate);
  }
  for (const SweepPoint& point : sweep.points) {
    for (const std::string& reason : point.result.reasons) {
      PrintWrapped(fmt::format("INVALID at {:.4g}: {}", point.rate, reason));
    }
  }
}

}  // namespace

Status RunServeSweep(const BenchRun& run) {
  const ServeArguments& serve = run.arguments.serve;
  CRUMB_ASSIGN_OR_RETURN(const ServeLoadOptions load, ServeOptionsOf(run));
  if (!load.bounds.any()) {
    return InvalidArgument("--rates and --sweep look for the rate that keeps bounds: give --slo");
  }
  if (load.users > 0)
    return InvalidArgument("--users is a closed loop, which has no rate to sweep");
  if (load.max_batches.size() != 1) {
    return InvalidArgument("--rates and --sweep take one --max-batch");
  }
  if (!serve.rates.empty() && (serve.sweep || load.rate != 0)) {
    return InvalidArgument("--rates are the rates; leave --rate and --sweep away");
  }
  SweepOptions options;
  options.rates = serve.rates;
  if (load.rate != 0) options.first = load.rate;
  Sweep sweep;
  {
    ProgressLine line(run.common);
    const auto at = [&](double rate) -> Result<ServeLoadResult> {
      ServeLoadOptions one = load;
      one.rate = rate;
      if (one.requests == 0) one.requests = RequestsForVerdict(rate, one.min_duration_seconds);
      WorkClock clock(line.AsFunction());
      const auto between = RequestProgress(clock, fmt::format("{:.4g} a second, ", rate));
      CRUMB_ASSIGN_OR_RETURN(std::vector<ServeLoadResult> results,
                             MeasureServeLoad(*run.loaded.front().model, run.pool, one, between));
      return std::move(results.front());
    };
    CRUMB_ASSIGN_OR_RETURN(sweep, RunSweep(options, at));
  }
  CRUMB_RETURN_IF_ERROR(KeepEvidence(run, load, sweep));
  if (!run.common.json) {
    PrintSweep(run, load, sweep);
    return OkStatus();
  }
  Json document = DocumentHead(run);
  document["model"] = run.loaded.front().name;
  const Json line_options = ServeOptionsJson(run, load);
  for (const auto& [key, value] : line_options.items()) document[key] = value;
  document["max_batch"] = load.max_batches.front();
  document["highest_rate"] = RateOrNull(sweep.highest);
  document["lowest_bad_rate"] = RateOrNull(sweep.lowest_bad);
  document["kept_above_bad"] = sweep.kept_above_bad;
  document["sweep"] = Json::array();
  for (const SweepPoint& point : sweep.points) document["sweep"].push_back(PointJson(point));
  PrintJson(document);
  return OkStatus();
}

}  // namespace crumb
