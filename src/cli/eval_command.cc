// crumb eval MODEL: perplexity on texts and divergence from a reference on the same tokens; or,
// with
// --task, questions (eval_tasks.h).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/files.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/eval_tasks.h"
#include "eval/overlap.h"
#include "eval/perplexity.h"

namespace crumb {
namespace {

struct EvalArguments {
  std::vector<std::string> models;
  std::string reference;
  std::string activations = "int8";
  std::string kv = "float16";
  std::string decode_to = "f16";
  int64_t context = 512;
  bool allow_overlap = false;
  TextOptions texts;
  EvalTasksArguments tasks;
};

constexpr int64_t kStandardWindows = 40;

struct Scored {
  std::vector<WindowScore> model;
  std::vector<WindowScore> reference;
};

// Lines of the text that one of the models was calibrated on; an error unless that is allowed.
Result<int64_t> CheckOverlap(const EvaluationText& text, const Model& model, const Model* reference,
                             bool allowed) {
  CRUMB_ASSIGN_OR_RETURN(int64_t lines, CalibrationOverlap(model.path(), text.content));
  if (reference != nullptr) {
    CRUMB_ASSIGN_OR_RETURN(const int64_t more, CalibrationOverlap(reference->path(), text.content));
    lines = std::max(lines, more);
  }
  if (lines == 0 || allowed) return lines;
  return InvalidArgument(fmt::format(
      "text {}: the model was calibrated on {} of its lines, so its figures would promise "
      "too much; give another text, or say --allow-overlap",
      text.name, lines));
}

// Both models on one window after the other.
Result<Scored> ScoreText(Session& session, Session* reference,
                         const std::vector<std::vector<int32_t>>& windows, WorkClock& clock,
                         const std::string& name) {
  Scored scored;
  for (size_t w = 0; w < windows.size(); ++w) {
    CRUMB_RETURN_IF_ERROR(
        clock.Begin(fmt::format("{} window {} of {}", name, w + 1, windows.size())));
    ReferenceWindow kept;
    if (reference != nullptr) {
      reference->Reset();
      CRUMB_ASSIGN_OR_RETURN(const WindowScore score,
                             ScoreWindow(*reference, windows[w], nullptr, &kept));
      scored.reference.push_back(score);
    }
    session.Reset();
    CRUMB_ASSIGN_OR_RETURN(
        const WindowScore score,
        ScoreWindow(session, windows[w], reference != nullptr ? &kept : nullptr, nullptr));
    scored.model.push_back(score);
    clock.Done(1);
  }
  return scored;
}

Json ResultJson(const EvaluationText& text, const Scored& scored, int64_t context,
                int64_t overlap_lines) {
  const TextScore score = Summarize(scored.model);
  Json json = Json::object();
  json["text"] = text.name;
  json["text_sha256"] = text.sha256;
  json["source"] = text.source;
  json["calibration_overlap_lines"] = overlap_lines;
  json["context"] = context;
  json["windows"] = score.windows;
  json["tokens"] = score.tokens;
  json["perplexity"] = score.perplexity;
  json["perplexity_low"] = score.perplexity_interval.low;
  json["perplexity_high"] = score.perplexity_interval.high;
  json["standard_error"] = score.perplexity_se;
  json["standard_error_tokens_independent"] = score.perplexity_se_tokens;
  json["bits_per_character"] = score.bits_per_character;
  if (!scored.reference.empty()) {
    const Estimate ratio = PerplexityRatio(scored.model, scored.reference);
    json["reference_perplexity"] = Summarize(scored.reference).perplexity;
    json["perplexity_ratio"] = ratio.value;
    json["perplexity_ratio_low"] = ratio.interval.low;
    json["perplexity_ratio_high"] = ratio.interval.high;
    json["kl_divergence"] = score.kl.value;
    json["kl_divergence_low"] = score.kl.interval.low;
    json["kl_divergence_high"] = score.kl.interval.high;
    json["top_token_agreement"] = score.top_agreement;
  }
  return json;
}

void PrintText(const Json& json) {
  const auto number = [&](const char* key) { return json[key].get<double>(); };
  fmt::print("text       {} ({} windows of {}, {} scored tokens)\n",
             json["text"].get<std::string>(), json["windows"].get<int64_t>(),
             json["context"].get<int64_t>(), json["tokens"].get<int64_t>());
  if (const auto lines = json["calibration_overlap_lines"].get<int64_t>(); lines > 0) {
    fmt::print("  overlap             calibrated on {} lines of this text: too good\n", lines);
  }
  fmt::print("  perplexity          {:.4f} +/- {:.4f}  (95 % {:.3f} to {:.3f})\n",
             number("perplexity"), number("standard_error"), number("perplexity_low"),
             number("perplexity_high"));
  fmt::print("  bits per character  {:.4f}\n", number("bits_per_character"));
  if (!json.contains("perplexity_ratio")) return;
  fmt::print("  reference           {:.4f}\n", number("reference_perplexity"));
  fmt::print("  ratio               {:.4f}  (95 % {:.4f} to {:.4f})\n", number("perplexity_ratio"),
             number("perplexity_ratio_low"), number("perplexity_ratio_high"));
  fmt::print("  KL divergence       {:.5f} nats  (95 % {:.5f} to {:.5f})\n",
             number("kl_divergence"), number("kl_divergence_low"), number("kl_divergence_high"));
  fmt::print("  same top token      {:.2f} %\n", 100 * number("top_token_agreement"));
}

Result<std::unique_ptr<Model>> LoadDecoder(const std::string& source, const std::string& decode_to,
                                           const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const std::string path, ResolveModel(source, common));
  LoadOptions load;
  load.decode_to = decode_to;
  CRUMB_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, Model::Load(path, load));
  if (model->config().encoder) {
    return Unsupported(
        fmt::format("{}: is an encoder and predicts no text; crumb study measures "
                    "its sentence embeddings",
                    path));
  }
  return model;
}

Status RunTasks(const EvalArguments& arguments, const CommonOptions& common) {
  EvalTasksArguments tasks = arguments.tasks;
  tasks.models = arguments.models;
  tasks.reference = arguments.reference;
  tasks.decode_to = arguments.decode_to;
  CRUMB_ASSIGN_OR_RETURN(tasks.run.activations, ParseActivationType(arguments.activations));
  CRUMB_ASSIGN_OR_RETURN(tasks.run.kv, ParseKvType(arguments.kv));
  return RunEvalTasks(tasks, common);
}

Status Run(const EvalArguments& arguments, const CommonOptions& common) {
  if (!arguments.tasks.tasks.empty()) return RunTasks(arguments, common);
  if (arguments.models.size() > 1) {
    return InvalidArgument("several models need --task; a text takes one MODEL and a --reference");
  }
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model,
                         LoadDecoder(arguments.models[0], arguments.decode_to, common));
  std::unique_ptr<Model> reference;
  if (!arguments.reference.empty()) {
    CRUMB_ASSIGN_OR_RETURN(reference,
                           LoadDecoder(arguments.reference, arguments.decode_to, common));
    if (reference->config().vocabulary_size != model->config().vocabulary_size) {
      return InvalidArgument(fmt::format(
          "--reference {}: has {} tokens in its vocabulary and the model {}; they can not be "
          "compared token by token",
          arguments.reference, reference->config().vocabulary_size,
          model->config().vocabulary_size));
    }
  }
  CRUMB_ASSIGN_OR_RETURN(const std::vector<EvaluationText> texts, LoadTexts(arguments.texts));
  std::vector<int64_t> overlaps;
  for (const EvaluationText& text : texts) {
    CRUMB_ASSIGN_OR_RETURN(const int64_t lines,
                           CheckOverlap(text, *model, reference.get(), arguments.allow_overlap));
    overlaps.push_back(lines);
  }
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<ThreadPool> pool, MakePool(common));
  WindowOptions window_options;
  window_options.context = std::min(arguments.context, model->config().max_positions);
  CRUMB_ASSIGN_OR_RETURN(window_options.max_windows, WindowsOf(arguments.texts, kStandardWindows));
  SessionOptions session_options;
  CRUMB_ASSIGN_OR_RETURN(session_options.activations, ParseActivationType(arguments.activations));
  session_options.max_tokens = window_options.context;
  const SessionOptions reference_options = session_options;  // keys and values in float16
  CRUMB_ASSIGN_OR_RETURN(session_options.kv, ParseKvType(arguments.kv));
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                         Session::Create(*model, *pool, session_options));
  std::unique_ptr<Session> reference_session;
  if (reference != nullptr) {
    CRUMB_ASSIGN_OR_RETURN(reference_session,
                           Session::Create(*reference, *pool, reference_options));
  }
  Json results = Json::array();
  for (size_t i = 0; i < texts.size(); ++i) {
    const EvaluationText& text = texts[i];
    Result<std::vector<std::vector<int32_t>>> windows =
        MakeWindows(model->tokenizer(), text.content, window_options);
    if (!windows.ok()) return windows.status().WithContext(text.name);
    ProgressLine line(common);
    WorkClock clock(line.AsFunction());
    clock.Expect(static_cast<double>(windows->size()));
    CRUMB_ASSIGN_OR_RETURN(const Scored scored, ScoreText(*session, reference_session.get(),
                                                          *windows, clock, text.name));
    results.push_back(ResultJson(text, scored, window_options.context, overlaps[i]));
  }
  if (common.json) {
    PrintJson(results);
    return OkStatus();
  }
  fmt::print("model      {}\n", model->source());
  for (const Json& json : results) PrintText(json);
  return OkStatus();
}

}  // namespace

Runner AddEvalCommand(CLI::App& app) {
  auto arguments = std::make_shared<EvalArguments>();
  app.add_option("MODEL", arguments->models, "path or source of the model; several with --task")
      ->required();
  app.add_option("--reference", arguments->reference,
                 "model to compare with on the same tokens or items")
      ->type_name("MODEL");
  app.add_option("--task", arguments->tasks.tasks,
                 fmt::format("questions in place of a text, one or several: {}, or a .yaml file",
                             fmt::join(TaskNames(), ", ")))
      ->type_name("NAME")
      ->delimiter(',');
  app.add_option("--limit", arguments->tasks.limit, "items of each task; 0: all")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--data", arguments->tasks.data,
                 "folder with the data sets of tasks; default: the variable CRUMB_DATA")
      ->type_name("DIR");
  app.add_option("--samples", arguments->tasks.samples, "folder to write every item and answer to")
      ->type_name("DIR");
  app.add_option("--context", arguments->context, "tokens of a window")
      ->type_name("N")
      ->check(CLI::Range(8, 1 << 20))
      ->capture_default_str();
  app.add_option("--decode-to", arguments->decode_to, "how to hold weights of GGUF block formats")
      ->check(CLI::IsMember({"f32", "f16", "bf16"}))
      ->capture_default_str();
  AddActivationOption(app, arguments->activations);
  AddKvOption(app, arguments->kv);
  app.add_flag("--allow-overlap", arguments->allow_overlap,
               "evaluate on lines that were used for calibration");
  AddTextOptions(app, arguments->texts);
  app.footer(
      "Convention of llama-perplexity: windows without overlap, second half scored.\n"
      "Examples:\n  crumb eval smollm2 --windows 8\n"
      "  crumb eval smollm2-int4 --reference smollm2 --text notes.txt\n"
      "  crumb eval smollm2-2bit smollm2-3bit --reference smollm2 --task piqa,hellaswag");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
