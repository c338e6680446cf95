// What the reader must know of the reference and of the machine before any figure.
#include <fmt/format.h>

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
  CRUMB_RETURN_IF_ERROR(clock.Begin("looking at this machine"));
  CRUMB_RETURN_IF_ERROR(AddReferenceNote(state));
  const MachineInfo info = DescribeMachine();
  if (info.energy_counters.empty()) {
    CRUMB_RETURN_IF_ERROR(state.AddNote("energy", "Energy: " + info.energy_note,
                                        "能耗：未测量，本机没有可读取的能量计数器。"));
  }
  return OkStatus();
}

}  // namespace crumb
