// crumb generate MODEL -p TEXT and crumb chat MODEL: text as it comes.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <memory>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "lab/load_to_run.h"
#include "model/generator.h"
#include "model/session.h"

namespace crumb {
namespace {

struct GenerateArguments {
  std::string model;
  std::string prompt;
  std::string system;
  GenerateOptions options;
  std::string activations = "int8";
  std::string kv = "float16";
  int64_t context = 0;
  bool stats = false;
};

struct Ready {
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<Model> model;
  std::unique_ptr<Session> session;
};

Result<Ready> Prepare(const GenerateArguments& arguments, const CommonOptions& common) {
  Ready ready;
  CRUMB_ASSIGN_OR_RETURN(const std::string path, ResolveModel(arguments.model, common));
  CRUMB_ASSIGN_OR_RETURN(ready.pool, MakePool(common));
  CRUMB_ASSIGN_OR_RETURN(ready.model, LoadToRun(path));
  if (ready.model->config().encoder) {
    return Unsupported(fmt::format("{}: is an encoder and generates no text", path));
  }
  SessionOptions options;
  CRUMB_ASSIGN_OR_RETURN(options.activations, ParseActivationType(arguments.activations));
  CRUMB_ASSIGN_OR_RETURN(options.kv, ParseKvType(arguments.kv));
  options.max_tokens = std::min<int64_t>(arguments.context > 0 ? arguments.context : 4096,
                                         ready.model->config().max_positions);
  CRUMB_ASSIGN_OR_RETURN(ready.session, Session::Create(*ready.model, *ready.pool, options));
  return ready;
}

// Prints a piece at once; stops when the user asked to, or when nobody reads any more.
bool PrintPiece(std::string_view piece) {
  fmt::print("{}", piece);
  return std::fflush(stdout) == 0 && !StopRequested();
}

Json ResultJson(const GenerateResult& result) {
  Json json = Json::object();
  json["text"] = result.text;
  json["prompt_tokens"] = result.prompt_tokens;
  json["generated_tokens"] = result.generated_tokens;
  json["prompt_seconds"] = result.prompt_seconds;
  json["generation_seconds"] = result.generation_seconds;
  json["stop_reason"] = result.stop_reason;
  return json;
}

void PrintStats(const GenerateResult& result) {
  const auto rate = [](int64_t tokens, double seconds) {
    return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
  };
  fmt::print(stderr, "prompt {} tokens, {:.1f}/s; generated {} tokens, {:.1f}/s; stopped: {}\n",
             result.prompt_tokens, rate(result.prompt_tokens, result.prompt_seconds),
             result.generated_tokens, rate(result.generated_tokens, result.generation_seconds),
             result.stop_reason);
}

Status RunGenerate(const GenerateArguments& arguments, const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const Ready ready, Prepare(arguments, common));
  CRUMB_ASSIGN_OR_RETURN(const std::vector<int32_t> prompt,
                         ready.model->tokenizer().Encode(arguments.prompt));
  if (!common.json) PrintPiece(arguments.prompt);
  CRUMB_ASSIGN_OR_RETURN(const GenerateResult result,
                         Generate(*ready.session, *ready.model, prompt, arguments.options,
                                  [&](std::string_view piece) {
                                    return common.json ? !StopRequested() : PrintPiece(piece);
                                  }));
  if (common.json) {
    PrintJson(ResultJson(result));
    return OkStatus();
  }
  fmt::print("\n");
  if (arguments.stats) PrintStats(result);
  return OkStatus();
}

// One turn: the whole conversation through the template, then what is new of it through the model.
Result<std::string> Answer(const Ready& ready, const std::vector<ChatMessage>& messages,
                           const GenerateArguments& arguments, std::vector<int32_t>& seen,
                           const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const std::string text,
                         RenderChat(ready.model->tokenizer(), messages, true));
  EncodeOptions encode;
  encode.parse_special = true;
  encode.add_special = false;  // the template writes the start token itself
  CRUMB_ASSIGN_OR_RETURN(std::vector<int32_t> tokens,
                         ready.model->tokenizer().Encode(text, encode));
  // Keep the part of the context that the new conversation starts with, but run one token at least.
  size_t common_prefix = 0;
  while (common_prefix < seen.size() && common_prefix + 1 < tokens.size() &&
         seen[common_prefix] == tokens[common_prefix]) {
    ++common_prefix;
  }
  ready.session->Truncate(static_cast<int64_t>(common_prefix));
  const std::span<const int32_t> fresh = std::span<const int32_t>(tokens).subspan(common_prefix);
  CRUMB_ASSIGN_OR_RETURN(
      const GenerateResult result,
      Generate(*ready.session, *ready.model, fresh, arguments.options, [&](std::string_view piece) {
        return common.json ? !StopRequested() : PrintPiece(piece);
      }));
  if (common.json) {
    PrintJson(ResultJson(result));
  } else {
    fmt::print("\n");
    if (arguments.stats) PrintStats(result);
  }
  // What the session has run: the prompt. Generated tokens are run again as the template writes
  // them.
  tokens.resize(std::min(tokens.size(), static_cast<size_t>(ready.session->position())));
  seen = std::move(tokens);
  return result.text;
}

Status RunChat(const GenerateArguments& arguments, const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const Ready ready, Prepare(arguments, common));
  if (ready.model->tokenizer().chat_template().empty()) {
    return Unsupported(
        fmt::format("{}: has no chat template; use crumb generate", arguments.model));
  }
  std::vector<ChatMessage> messages;
  if (!arguments.system.empty()) messages.push_back({"system", arguments.system});
  std::vector<int32_t> seen;
  const bool once = !arguments.prompt.empty();
  std::string line = arguments.prompt;
  while (!StopRequested()) {
    if (!once) {
      if (!common.json) fmt::print("> ");
      std::fflush(stdout);
      if (!std::getline(std::cin, line)) break;
      if (line.empty()) continue;
    }
    messages.push_back({"user", line});
    CRUMB_ASSIGN_OR_RETURN(const std::string answer,
                           Answer(ready, messages, arguments, seen, common));
    messages.push_back({"assistant", answer});
    if (once) break;
  }
  if (!once && !common.json) fmt::print("\n");
  return OkStatus();
}

void AddOptions(CLI::App& app, GenerateArguments& arguments) {
  app.add_option("MODEL", arguments.model, "path or source of the model")->required();
  app.add_option("-n,--tokens", arguments.options.max_new_tokens, "most tokens to generate")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  SamplerOptions& sampler = arguments.options.sampler;
  app.add_option("--temperature", sampler.temperature, "0: always the likeliest token")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  app.add_option("--top-k", sampler.top_k, "only the K likeliest tokens (0: all)")
      ->type_name("K")
      ->check(CLI::Range(0, 1 << 24))
      ->capture_default_str();
  app.add_option("--top-p", sampler.top_p, "only the likeliest tokens that sum to P")
      ->type_name("P")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--seed", sampler.seed, "same seed, same text")->capture_default_str();
  app.add_option("--stop", arguments.options.stop, "end before this text; may be repeated")
      ->type_name("TEXT");
  app.add_option("--context", arguments.context, "room for so many tokens (0: 4096 at most)")
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 24));
  app.add_flag("--stats", arguments.stats, "print counts and speeds behind the text");
  AddActivationOption(app, arguments.activations);
  AddKvOption(app, arguments.kv);
}

}  // namespace

Runner AddGenerateCommand(CLI::App& app) {
  auto arguments = std::make_shared<GenerateArguments>();
  AddOptions(app, *arguments);
  app.add_option("-p,--prompt", arguments->prompt, "text to continue")->required();
  app.footer("Example:\n  crumb generate smollm2 -p \"The capital of France is\" -n 20 --stats");
  return [arguments](const CommonOptions& common) { return RunGenerate(*arguments, common); };
}

Runner AddChatCommand(CLI::App& app) {
  auto arguments = std::make_shared<GenerateArguments>();
  arguments->options.max_new_tokens = 512;
  AddOptions(app, *arguments);
  app.add_option("-p,--prompt", arguments->prompt, "one question instead of a conversation");
  app.add_option("--system", arguments->system, "system message")->type_name("TEXT");
  app.footer("Example:\n  crumb chat smollm2 --temperature 0.7 --top-p 0.9");
  return [arguments](const CommonOptions& common) { return RunChat(*arguments, common); };
}

}  // namespace crumb
