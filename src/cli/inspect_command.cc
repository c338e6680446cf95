// crumb inspect [MODEL]: what a model holds, and what this machine offers.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>

#include "base/files.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/memory_fit.h"
#include "codecs/codec.h"
#include "cuda/cuda_device.h"
#include "kernels/kernel_set.h"
#include "measure/machine.h"
#include "model/model.h"
#include "quant/plan.h"

namespace crumb {
namespace {

struct InspectArguments {
  std::string model;
  bool tensors = false;
  MemoryRequest fit = {.sequences = 0};  // a context or a batch: only whether that fits
  std::string kv = "float16";
};

// Bytes of all weights when every matrix has the codec of a width.
int64_t BytesAt(const Model& model, const Codec& codec) {
  int64_t bytes = 0;
  for (const NamedMatrix& named : model.matrices()) {
    bytes += codec.SizeOf(named.matrix.rows, named.matrix.cols).total();
  }
  for (const NamedTensor& tensor : model.tensors()) {
    bytes += static_cast<int64_t>(tensor.values.size() * sizeof(float));
  }
  return bytes;
}

Json CodecCounts(const Model& model) {
  std::map<std::string, int64_t> weights;
  for (const NamedMatrix& named : model.matrices()) {
    weights[std::string(named.matrix.codec->name())] += named.matrix.rows * named.matrix.cols;
  }
  Json json = Json::object();
  for (const auto& [name, count] : weights) json[name] = count;
  return json;
}

Result<Json> DescribeModel(const std::string& path, bool tensors) {
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model, Model::Load(path));
  const ModelConfig& config = model->config();
  Json json = Json::object();
  json["path"] = path;
  json["source"] = model->source();
  json["family"] = config.family;
  json["encoder"] = config.encoder;
  json["parameters"] = model->parameters();
  json["block_parameters"] = model->block_parameters();
  json["layers"] = config.layers;
  json["hidden_size"] = config.hidden_size;
  json["intermediate_size"] = config.intermediate_size;
  json["heads"] = config.heads;
  json["kv_heads"] = config.kv_heads;
  json["head_dim"] = config.head_dim;
  json["max_positions"] = config.max_positions;
  json["vocabulary_size"] = config.vocabulary_size;
  json["tied_head"] = config.tied_head;
  json["tokenizer"] = model->tokenizer().kind();
  json["tokenizer_size"] = model->tokenizer().vocabulary_size();
  json["chat_template"] = !model->tokenizer().chat_template().empty();
  json["weights_by_codec"] = CodecCounts(*model);
  json["weight_bytes"] = model->weight_bytes();
  CRUMB_ASSIGN_OR_RETURN(json["disk_bytes"], IsFolder(path) ? FolderSize(path) : FileSize(path));
  json["bytes_at_width"] = Json::object();
  for (const char* width : {"8", "4", "3", "2", "1.58", "1"}) {
    CRUMB_ASSIGN_OR_RETURN(const MatrixChoice choice, ChoiceForWidth(width, "rtn"));
    json["bytes_at_width"][choice.codec] = BytesAt(*model, *FindCodec(choice.codec));
  }
  if (tensors) {
    json["matrices"] = Json::array();
    for (const NamedMatrix& named : model->matrices()) {
      json["matrices"].push_back({{"name", named.name},
                                  {"role", MatrixRoleName(named.role)},
                                  {"rows", named.matrix.rows},
                                  {"cols", named.matrix.cols},
                                  {"codec", named.matrix.codec->name()},
                                  {"bits_per_weight", BitsPerWeight(named.matrix)}});
    }
  }
  return json;
}

Result<Json> DescribeThisMachine(ThreadPool& pool) {
  const MachineInfo info = DescribeMachine();
  CRUMB_ASSIGN_OR_RETURN(const Bandwidth bandwidth, MeasureReadBandwidth(pool));
  Json json = Json::object();
  json["cpu_model"] = info.cpu_model;
  json["architecture"] = info.architecture;
  json["features"] = info.features;
  json["cores"] = info.cores;
  json["usable_cpus"] = info.usable_cpus;
  json["memory_bytes"] = info.memory_bytes;
  json["last_level_cache_bytes"] = info.last_level_cache_bytes;
  json["caches"] = Json::array();
  for (const CacheInfo& cache : info.caches) {
    json["caches"].push_back({{"level", cache.level},
                              {"type", cache.type},
                              {"bytes", cache.bytes},
                              {"instances", cache.instances}});
  }
  json["kernel_set"] = ActiveKernelSet();
  json["kernel_set_reason"] = KernelSetReason();
  json["kernel_sets"] = SupportedKernelSets();
  json["threads"] = pool.size();
  json["read_bandwidth_bytes_per_second"] = bandwidth.bytes_per_second;
  json["gpu"] = info.gpu;
  json["cuda_built"] = BuiltWithCuda();
  json["cuda_found"] = FindCudaDevice().ok();
  json["cuda"] = DescribeCudaDevice();
  json["energy_counters"] = info.energy_counters;
  json["energy_note"] = info.energy_note;
  return json;
}

std::string Join(const Json& words) {
  std::string text;
  for (const Json& word : words) text += (text.empty() ? "" : " ") + word.get<std::string>();
  return text;
}

void PrintModel(const Json& json) {
  const auto integer = [&](const char* key) { return json[key].get<int64_t>(); };
  fmt::print("model      {}\n", json["source"].get<std::string>());
  fmt::print("family     {}{}, {} parameters ({} in block matrices)\n",
             json["family"].get<std::string>(), json["encoder"].get<bool>() ? " encoder" : "",
             integer("parameters"), integer("block_parameters"));
  fmt::print("shape      {} layers, hidden {}, intermediate {}, {} heads ({} for keys) of {}\n",
             integer("layers"), integer("hidden_size"), integer("intermediate_size"),
             integer("heads"), integer("kv_heads"), integer("head_dim"));
  fmt::print("context    {} positions\n", integer("max_positions"));
  fmt::print("tokenizer  {}, {} tokens{}\n", json["tokenizer"].get<std::string>(),
             integer("tokenizer_size"),
             json["chat_template"].get<bool>() ? ", with a chat template" : "");
  fmt::print("weights    {} on disk, {} in memory\n", HumanBytes(json["disk_bytes"].get<double>()),
             HumanBytes(json["weight_bytes"].get<double>()));
  for (const auto& [codec, count] : json["weights_by_codec"].items()) {
    fmt::print("           {} weights as {}\n", count.get<int64_t>(), codec);
  }
  fmt::print("at width  ");
  for (const auto& [codec, bytes] : json["bytes_at_width"].items()) {
    fmt::print(" {} {},", codec.substr(0, codec.find('-')), HumanBytes(bytes.get<double>()));
  }
  fmt::print("\n           (everything at that width, scales counted)\n");
  if (!json.contains("matrices")) return;
  for (const Json& matrix : json["matrices"]) {
    fmt::print("  {:<44} {:>6} x {:<6} {}\n", matrix["name"].get<std::string>(),
               matrix["rows"].get<int64_t>(), matrix["cols"].get<int64_t>(),
               matrix["codec"].get<std::string>());
  }
}

void PrintMachine(const Json& json) {
  fmt::print("machine    {}, {} cores ({} usable), {} memory\n",
             json["cpu_model"].get<std::string>(), json["cores"].get<int>(),
             json["usable_cpus"].get<int>(), HumanBytes(json["memory_bytes"].get<double>()));
  fmt::print("caches    ");
  for (const Json& cache : json["caches"]) {
    fmt::print(" L{}{} {},", cache["level"].get<int>(),
               cache["type"] == "Data" ? "d" : (cache["type"] == "Instruction" ? "i" : ""),
               HumanBytes(cache["bytes"].get<double>()));
  }
  fmt::print("\n");
  fmt::print("kernels    {}: {}\n", json["kernel_set"].get<std::string>(),
             json["kernel_set_reason"].get<std::string>());
  fmt::print("           there is: {}\n", Join(json["kernel_sets"]));
  fmt::print("bandwidth  {:.1f} GB/s read by {} threads\n",
             json["read_bandwidth_bytes_per_second"].get<double>() / 1e9,
             json["threads"].get<int>());
  fmt::print("GPU        {}\n", json["gpu"].get<std::string>());
  fmt::print("CUDA       {}{}\n", json["cuda_built"].get<bool>() ? "built in; " : "",
             json["cuda"].get<std::string>());
  const std::string counters = Join(json["energy_counters"]);
  fmt::print("energy     {}\n",
             counters.empty() ? json["energy_note"].get<std::string>() : counters);
}

// Nothing is loaded.
Status Fit(const InspectArguments& arguments, const CommonOptions& common) {
  if (arguments.model.empty()) {
    return InvalidArgument("--context and --batch ask whether a model fits: name it");
  }
  CRUMB_ASSIGN_OR_RETURN(const std::string path, ResolveModel(arguments.model, common));
  MemoryRequest request = arguments.fit;
  request.sequences = std::max<int64_t>(1, request.sequences);
  CRUMB_ASSIGN_OR_RETURN(request.kv, ParseKvType(arguments.kv));
  CRUMB_ASSIGN_OR_RETURN(const Json fit, DescribeFit(path, request));
  if (common.json) {
    PrintJson(fit);
  } else {
    PrintFit(fit);
  }
  return OkStatus();
}

Status Run(const InspectArguments& arguments, const CommonOptions& common) {
  if (arguments.fit.context != 0 || arguments.fit.sequences != 0) return Fit(arguments, common);
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<ThreadPool> pool, MakePool(common));
  Json document = Json::object();
  if (!arguments.model.empty()) {
    CRUMB_ASSIGN_OR_RETURN(const std::string path, ResolveModel(arguments.model, common));
    CRUMB_ASSIGN_OR_RETURN(document["model"], DescribeModel(path, arguments.tensors));
  }
  CRUMB_ASSIGN_OR_RETURN(document["machine"], DescribeThisMachine(*pool));
  if (common.json) {
    PrintJson(document);
    return OkStatus();
  }
  if (document.contains("model")) PrintModel(document["model"]);
  PrintMachine(document["machine"]);
  return OkStatus();
}

}  // namespace

Runner AddInspectCommand(CLI::App& app) {
  auto arguments = std::make_shared<InspectArguments>();
  app.add_option("MODEL", arguments->model, "path or source; without it only the machine");
  app.add_flag("--tensors", arguments->tensors, "list every matrix");
  app.add_option("--context", arguments->fit.context,
                 "instead: whether so many tokens fit into memory, without loading the model")
      ->type_name("N")
      ->check(CLI::Range(1, INT32_MAX));
  app.add_option("--batch", arguments->fit.sequences, "the same for so many sequences at once")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 16));
  AddKvOption(app, arguments->kv);
  app.footer(
      "Examples:\n  crumb inspect\n  crumb inspect smollm2 --tensors\n"
      "  crumb inspect smollm2 --context 8192 --batch 16");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
