#include "lab/energy_run.h"

#include <fmt/format.h>

#include <algorithm>

namespace crumb {
namespace {

constexpr double kPollSeconds = 5;    // far below the wrap of any counter
constexpr double kLeastOfIdle = 0.5;  // work that takes less than half of idle power is no work

// Everything between Start and Stop of all sources.
class Stretch {
 public:
  explicit Stretch(const EnergySources& sources) : sources_(sources) {
    for (const auto& source : sources.found) {
      const Status status = source->Start();
      results_.push_back({.not_measured = status.ok() ? "" : status.message()});
    }
  }

  void Poll() {
    for (size_t i = 0; i < results_.size(); ++i) {
      if (!results_[i].measured()) continue;
      const Status status = sources_.found[i]->Poll();
      if (!status.ok()) results_[i].not_measured = status.message();
    }
  }

  std::vector<EnergyStretch> Stop() {
    for (size_t i = 0; i < results_.size(); ++i) {
      if (!results_[i].measured()) continue;
      const Result<Energy> energy = sources_.found[i]->Stop();
      if (energy.ok()) {
        results_[i] = {energy->joules, energy->seconds, energy->scope, ""};
      } else {
        results_[i].not_measured = energy.status().message();
      }
    }
    return std::move(results_);
  }

 private:
  const EnergySources& sources_;
  std::vector<EnergyStretch> results_;
};

Status Tell(const EnergyOptions& options, const std::string& step) {
  return options.between ? options.between(step) : OkStatus();
}

std::vector<std::string> ReasonsOf(const EnergyOfWork& of) {
  std::vector<std::string> reasons;
  if (!of.busy.measured()) return reasons;
  if (of.busy.seconds < kLeastEnergySeconds) {
    reasons.push_back(fmt::format("{} by {}: {:.1f} s; {:.0f} are the least", of.work, of.source,
                                  of.busy.seconds, kLeastEnergySeconds));
  }
  if (of.idle.measured() && of.busy.watts() < kLeastOfIdle * of.idle.watts()) {
    reasons.push_back(fmt::format("{} by {}: {:.1f} W, and {:.1f} W when idle", of.work, of.source,
                                  of.busy.watts(), of.idle.watts()));
  }
  return reasons;
}

}  // namespace

Result<std::vector<EnergyOfWork>> MeasureEnergy(const EnergySources& sources,
                                                const std::vector<EnergyWork>& works,
                                                const EnergyOptions& options) {
  Stretch idle(sources);
  const double idle_end = options.now() + options.idle_seconds;
  for (double now = options.now(); now < idle_end; now = options.now()) {
    CRUMB_RETURN_IF_ERROR(Tell(options, "idle"));
    options.sleep(std::min(kPollSeconds, idle_end - now));
    idle.Poll();
  }
  const std::vector<EnergyStretch> idle_stretches = idle.Stop();
  std::vector<EnergyOfWork> results;
  for (const EnergyWork& work : works) {
    CRUMB_RETURN_IF_ERROR(work.run().status());  // warm
    int64_t tokens = 0;
    Stretch busy(sources);
    const double start = options.now();
    double polled = start;
    while (tokens == 0 || options.now() - start < options.work_seconds) {
      CRUMB_RETURN_IF_ERROR(Tell(options, work.name));
      CRUMB_ASSIGN_OR_RETURN(const int64_t more, work.run());
      tokens += more;
      if (options.now() - polled > kPollSeconds) {
        busy.Poll();
        polled = options.now();
      }
    }
    const std::vector<EnergyStretch> stretches = busy.Stop();
    for (size_t i = 0; i < stretches.size(); ++i) {
      EnergyOfWork of = {
          work.name, sources.found[i]->source(), tokens, idle_stretches[i], stretches[i], {}};
      of.reasons = ReasonsOf(of);
      results.push_back(std::move(of));
    }
  }
  return results;
}

}  // namespace crumb
