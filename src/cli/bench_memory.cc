// crumb bench --memory and --peak-only: what one model holds while it runs.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "cli/bench_parts.h"
#include "cli/common.h"
#include "lab/memory_account.h"
#include "measure/machine.h"
#include "model/session.h"

namespace crumb {
namespace {

Json MapJson(const MemoryMap& map) {
  return {{"model_file_bytes", map.model_file_bytes},
          {"other_file_bytes", map.other_file_bytes},
          {"anonymous_bytes", map.anonymous_bytes}};
}

void PrintAccount(const Json& document) {
  const auto human = [](const Json& bytes) {
    const auto value = bytes.get<double>();
    return value < 0 ? "-" + HumanBytes(-value) : HumanBytes(value);
  };
  fmt::print("{}, context {} x {} sequences, keys and values {}\n",
             document["model"].get<std::string>(), document["context"].get<int64_t>(),
             document["sequences"].get<int64_t>(), document["kv"].get<std::string>());
  fmt::print("{:<12} {:>9} {:>9} {:>10}  {}\n", "part", "computed", "measured", "difference",
             "how");
  for (const Json& part : document["parts"]) {
    fmt::print("{:<12} {:>9} {:>9} {:>10}  {}\n", part["name"].get<std::string>(),
               human(part["computed_bytes"]), human(part["measured_bytes"]),
               human(part["difference_bytes"]), part["how"].get<std::string>());
    fmt::print("             = {}\n", part["formula"].get<std::string>());
  }
  const Json& end = document["at_end"];
  fmt::print("resident     {} of the model's file, {} of program and libraries,\n",
             human(end["model_file_bytes"]), human(end["other_file_bytes"]));
  fmt::print("             {} of no file; {} at most since the start\n",
             human(end["anonymous_bytes"]), human(document["peak_resident_bytes"]));
  fmt::print("allocator    {} in use, {} free and held\n",
             human(document["allocator"]["in_use_bytes"]),
             human(document["allocator"]["free_bytes"]));
}

}  // namespace

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

Status RunMemory(const BenchArguments& arguments, const CommonOptions& common, ThreadPool& pool) {
  if (arguments.models.size() != 1) return InvalidArgument("--memory: name one model");
  CRUMB_ASSIGN_OR_RETURN(const std::string path, ResolveModel(arguments.models.front(), common));
  CRUMB_ASSIGN_OR_RETURN(const MemoryAccount account,
                         AccountMemory(path,
                                       {.context = arguments.context,
                                        .sequences = arguments.sequences,
                                        .kv = arguments.bench.kv,
                                        .activations = arguments.bench.activations,
                                        .decode_to = arguments.decode_to},
                                       pool));
  Json document = Json::object();
  document["model"] = arguments.models.front();
  document["context"] = account.request.context;
  document["sequences"] = account.request.sequences;
  document["kv"] = arguments.kv;
  document["activations"] = arguments.activations;
  document["parts"] = Json::array();
  for (const MemoryPart& part : account.parts) {
    document["parts"].push_back({{"name", part.name},
                                 {"formula", part.formula},
                                 {"computed_bytes", part.computed},
                                 {"measured_bytes", part.measured},
                                 {"how", part.how},
                                 {"difference_bytes", part.difference()}});
  }
  document["at_start"] = MapJson(account.at_start);
  document["at_end"] = MapJson(account.at_end);
  document["allocator"] = {{"in_use_bytes", account.allocator.in_use_bytes},
                           {"free_bytes", account.allocator.free_bytes}};
  document["peak_resident_bytes"] = account.peak_bytes;
  if (common.json) {
    PrintJson(document);
  } else {
    PrintAccount(document);
  }
  return OkStatus();
}

}  // namespace crumb
