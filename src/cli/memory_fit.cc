#include "cli/memory_fit.h"

#include <fmt/format.h>

#include "base/json.h"
#include "cli/common.h"
#include "measure/machine.h"
#include "measure/memory_map.h"

namespace crumb {

Result<Json> DescribeFit(const std::string& path, MemoryRequest request) {
  CRUMB_ASSIGN_OR_RETURN(const ModelShape shape, ReadModelShape(path, request.decode_to));
  if (request.context == 0) request.context = shape.config.max_positions;
  const MemoryNeed need = PredictMemory(shape, request);
  CRUMB_ASSIGN_OR_RETURN(const ResidentMemory program, ReadResidentMemory());
  const AvailableMemory available = ReadAvailableMemory();
  Json json = Json::object();
  json["family"] = shape.config.family;
  json["context"] = request.context;
  json["trained_context"] = shape.config.max_positions;
  json["sequences"] = request.sequences;
  json["kv"] = KvTypeName(request.kv);
  json["mapped_weight_bytes"] = need.mapped_weights;
  json["copied_weight_bytes"] = need.copied_weights;
  json["kv_bytes"] = need.kv;
  json["kv_formula"] = need.kv_formula;
  json["activation_bytes"] = need.activations;
  json["activation_formula"] = need.activation_formula;
  json["logit_bytes"] = need.logits;
  json["program_bytes"] = program.now_bytes;
  const int64_t all = need.all() + program.now_bytes;
  json["need_bytes"] = all;
  if (available.source.empty()) {
    json["available_bytes"] = nullptr;
    json["fits"] = nullptr;
    return json;
  }
  json["available_bytes"] = available.bytes;
  json["available_source"] = available.source;
  // What the program has now is not among what is available.
  const int64_t spare = available.bytes - need.all();
  json["spare_bytes"] = spare;
  json["fits"] = spare >= 0;
  const int64_t one = KvBytes(shape.config, request.kv, 64, request.sequences) / 64;
  json["largest_context"] = shape.config.encoder ? 0 : (spare + need.kv) / one;
  return json;
}

void PrintFit(const Json& fit) {
  const auto bytes = [&](const char* key) { return HumanBytes(fit[key].get<double>()); };
  const auto text = [&](const char* key) { return fit[key].get<std::string>(); };
  const auto context = fit["context"].get<int64_t>();
  fmt::print("{}, context {} x {} sequences, keys and values {}\n", text("family"), context,
             fit["sequences"].get<int64_t>(), text("kv"));
  if (context > fit["trained_context"].get<int64_t>()) {
    fmt::print("note: the model was trained for {} positions\n",
               fit["trained_context"].get<int64_t>());
  }
  fmt::print("  weights      {:>8}  used in the file\n", bytes("mapped_weight_bytes"));
  fmt::print("             + {:>8}  decoded or converted\n", bytes("copied_weight_bytes"));
  fmt::print("  KV cache     {:>8}  {}\n", bytes("kv_bytes"), text("kv_formula"));
  fmt::print("  activations  {:>8}  {}\n", bytes("activation_bytes"), text("activation_formula"));
  fmt::print("  logits       {:>8}\n", bytes("logit_bytes"));
  fmt::print("  program      {:>8}  resident now\n", bytes("program_bytes"));
  fmt::print("  all          {:>8}\n", bytes("need_bytes"));
  if (fit["fits"].is_null()) {
    fmt::print("not known whether it fits: the system does not tell what is available\n");
    return;
  }
  fmt::print("  available    {:>8}  {}\n", bytes("available_bytes"), text("available_source"));
  if (fit["fits"].get<bool>()) {
    fmt::print("fits, {} to spare; room for a context of {}\n", bytes("spare_bytes"),
               fit["largest_context"].get<int64_t>());
  } else {
    fmt::print("does not fit: {} too much\n", HumanBytes(-fit["spare_bytes"].get<double>()));
  }
}

}  // namespace crumb
