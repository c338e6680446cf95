// crumb bench --energy: joules of a token, by every counter that this machine has.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <thread>

#include "base/json.h"
#include "cli/bench_parts.h"
#include "cli/common.h"
#include "evidence/metrics.h"
#include "lab/energy_rows.h"
#include "lab/energy_run.h"
#include "measure/machine.h"
#include "measure/repeat.h"

namespace crumb {
namespace {

void PrintEnergy(const Json& document) {
  fmt::print("{}: kernels {}, {} threads\n", document["model"].get<std::string>(),
             document["kernel_set"].get<std::string>(), document["threads"].get<int>());
  if (!document["energy"].empty()) {
    fmt::print("{:<8} {:<11} {:>8} {:>8} {:>9} {:>9} {:>11}\n", "source", "work", "idle W", "W",
               "J/token", "net", "kWh/million");
  }
  for (const Json& row : document["energy"]) {
    const auto source = row["source"].get<std::string>();
    const auto work = row["work"].get<std::string>();
    if (row["busy"].contains("not_measured")) {
      PrintWrapped(
          fmt::format("{}, {}: {}", source, work, row["busy"]["not_measured"].get<std::string>()));
      continue;
    }
    const bool idle = row["idle"].contains("watts");
    const auto text = [](const Json& value) { return fmt::format("{:.3g}", value.get<double>()); };
    fmt::print("{:<8} {:<11} {:>8} {:>8} {:>9} {:>9} {:>11}\n", source, work,
               idle ? text(row["idle"]["watts"]) : "-", text(row["busy"]["watts"]),
               text(row["joules_per_token"]), idle ? text(row["net_joules_per_token"]) : "-",
               text(row["kwh_per_million_tokens"]));
    fmt::print("         of {}, {} tokens in {:.1f} s\n", row["scope"].get<std::string>(),
               row["tokens"].get<int64_t>(), row["busy"]["seconds"].get<double>());
  }
  for (const Json& missing : document["not_measured"]) {
    PrintWrapped(fmt::format("{}: {}", missing["source"].get<std::string>(),
                             missing["why"].get<std::string>()));
  }
  PrintVerdict(document["validity"], document["notes"]);
}

Status KeepEvidence(const BenchRun& run, const SpeedProbe& probe,
                    const std::vector<EnergyOfWork>& results,
                    const std::vector<std::string>& reasons) {
  if (run.arguments.ledger.empty()) return OkStatus();
  EvidenceRows rows(run);
  for (const EnergyOfWork& of : results) {
    if (!of.busy.measured()) continue;
    Json options = Json::object();
    options["command"] = "bench --energy";
    options["work"] = of.work;
    options["scope"] = of.busy.scope;
    options["prompt_tokens"] = probe.options().prompt_tokens;
    options["generated_tokens"] = probe.options().generated_tokens;
    CRUMB_ASSIGN_OR_RETURN(Evidence row, rows.Row(run.loaded.front(), metric::kEnergyPerToken,
                                                  "energy-" + of.source, options));
    FillEnergy(of, row);
    FillValidity(reasons, of.reasons, row);
    rows.Add(std::move(row));
  }
  return rows.Write();
}

}  // namespace

Status RunEnergy(const BenchRun& run) {
  const auto& [arguments, common, loaded, pool] = run;
  if (loaded.size() != 1) return InvalidArgument("--energy: name one model");
  CRUMB_ASSIGN_OR_RETURN(const EnergySources sources,
                         FindEnergySources({.meter_file = arguments.energy.meter,
                                            .meter_range_joules = arguments.energy.meter_range}));
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<SpeedProbe> probe,
                         SpeedProbe::Create(*loaded.front().model, pool, arguments.bench));
  const std::vector<EnergyWork> works = {{"prompt",
                                          [&]() -> Result<int64_t> {
                                            CRUMB_RETURN_IF_ERROR(probe->RunPrompt().status());
                                            return probe->options().prompt_tokens;
                                          }},
                                         {"generation", [&]() -> Result<int64_t> {
                                            CRUMB_RETURN_IF_ERROR(probe->RunGeneration().status());
                                            return probe->options().generated_tokens;
                                          }}};
  std::vector<EnergyOfWork> results;
  std::vector<std::string> reasons;
  std::vector<std::string> notes;
  if (!sources.found.empty()) {
    ProgressLine line(common);
    WorkClock clock(line.AsFunction());
    EnergyOptions options;
    options.idle_seconds = arguments.energy.idle_seconds;
    options.work_seconds = arguments.energy.work_seconds;
    options.now = Now;
    options.sleep = [](double seconds) {
      std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    };
    BusyWatch watch;
    clock.Expect(options.idle_seconds + 2 * options.work_seconds);
    double told = Now();
    options.between = [&](const std::string& step) {
      const double now = Now();
      clock.Done(now - told);
      told = now;
      return clock.Begin("energy, " + step);
    };
    CRUMB_ASSIGN_OR_RETURN(results, MeasureEnergy(sources, works, options));
    BusyWatch::Verdict verdict = watch.Judge();
    reasons = std::move(verdict.reasons);
    notes = std::move(verdict.notes);
  }
  CRUMB_RETURN_IF_ERROR(KeepEvidence(run, *probe, results, reasons));
  Json document = DocumentHead(run);
  document["model"] = loaded.front().name;
  document["prompt_tokens"] = probe->options().prompt_tokens;
  document["generated_tokens"] = probe->options().generated_tokens;
  document["energy"] = Json::array();
  for (const EnergyOfWork& of : results) {
    document["energy"].push_back(EnergyJson(of));
    reasons.insert(reasons.end(), of.reasons.begin(), of.reasons.end());
  }
  document["not_measured"] = Json::array();
  for (const MissingSource& missing : sources.missing) {
    document["not_measured"].push_back({{"source", missing.source}, {"why", missing.why}});
  }
  document["notes"] = notes;
  document["validity"] = ValidityJson(reasons);
  if (common.json) {
    PrintJson(document);
  } else {
    PrintEnergy(document);
  }
  return OkStatus();
}

void AddEnergyOptions(CLI::App& app, EnergyArguments& arguments) {
  const std::string group = "Energy (--energy)";
  app.add_flag("--energy", arguments.on,
               "instead: joules of a token by every counter there is, idle power apart")
      ->group(group);
  app.add_option("--meter", arguments.meter,
                 "log of an external meter, written meanwhile: CSV with the columns time (seconds "
                 "since 1970) and watts or joules")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--meter-range", arguments.meter_range,
                 "joules at which the meter's counter starts anew")
      ->type_name("J")
      ->check(CLI::PositiveNumber)
      ->group(group);
  app.add_option("--idle-seconds", arguments.idle_seconds, "of doing nothing, before the work")
      ->type_name("S")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str()
      ->group(group);
  app.add_option("--work-seconds", arguments.work_seconds, "of prompts, and of generation")
      ->type_name("S")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str()
      ->group(group);
}

}  // namespace crumb
