// crumb bench --memory and --peak-only: what one model holds while it runs.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "cli/bench_parts.h"
#include "cli/common.h"
#include "measure/machine.h"
#include "model/session.h"

namespace crumb {

// For the study: the peak of a process that does nothing else.
Status RunPeak(const BenchRun& run) {
  const auto& [arguments, common, all, pool] = run;
  if (all.size() != 1) return InvalidArgument("--peak-only: name one model");
  const LoadedModel& loaded = all.front();
  BenchOptions options = arguments.bench;
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

}  // namespace crumb
