// What the machine is and how fast it reads memory: the physical limit of generation.
#include <fmt/format.h>

#include "base/json.h"
#include "evidence/metrics.h"
#include "lab/bench.h"
#include "lab/study_state.h"
#include "measure/machine.h"

namespace crumb {
namespace {

Status AddReferenceNote(Study::State& state) {
  const std::string& source = state.reference().source();
  return state.AddNote(
      "reference",
      fmt::format("The reference is {}. Every ratio, divergence and agreement is against it.",
                  source),
      fmt::format("参照模型：{}。所有比值、散度与一致率都以它为准。", source));
}

}  // namespace

Status RunMachineStep(Study::State& state, WorkClock& clock) {
  CRUMB_RETURN_IF_ERROR(clock.Begin("measuring the read bandwidth of this machine"));
  Evidence row =
      state.Row(state.variants.front(), metric::kReadBandwidth, "read-bandwidth", Json::object());
  row.subject = "machine";
  row.codec.clear();
  CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> known, state.Known(row));
  if (!known.has_value()) {
    CRUMB_ASSIGN_OR_RETURN(const Bandwidth bandwidth, MeasureReadBandwidth(*state.pool));
    FillFromSamples(bandwidth.samples, "passes", row);
    Json detail = Json::object();
    detail["samples"] = bandwidth.samples;
    detail["buffer_bytes"] = bandwidth.buffer_bytes;
    detail["last_level_cache_bytes"] = bandwidth.last_level_cache_bytes;
    row.detail = DumpJson(detail);
    CRUMB_RETURN_IF_ERROR(state.Add(std::move(row)));
  }
  CRUMB_RETURN_IF_ERROR(AddReferenceNote(state));
  const MachineInfo info = DescribeMachine();
  if (info.energy_counters.empty()) {
    CRUMB_RETURN_IF_ERROR(state.AddNote("energy", "Energy: " + info.energy_note,
                                        "能耗：未测量，本机没有可读取的能量计数器。"));
  }
  clock.Done(kExpectedMachineSeconds);
  return OkStatus();
}

}  // namespace crumb
