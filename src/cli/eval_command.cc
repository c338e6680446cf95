// crumb eval MODEL: perplexity on texts and divergence from a reference on the same tokens; or
// questions with --task (eval_tasks.h).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/files.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/eval_output.h"
#include "cli/eval_tasks.h"
#include "cli/result_rows.h"
#include "eval/overlap.h"
#include "eval/perplexity.h"
#include "eval/self_noise.h"
#include "eval/sliding_windows.h"
#include "lab/load_to_run.h"
#include "lab/text_rows.h"

namespace crumb {
namespace {

struct EvalArguments {
  std::vector<std::string> models;
  std::string reference;
  std::string activations = "int8";
  std::string kv = "float16";
  std::string decode_to = "f16";
  int64_t context = 512;
  int64_t stride = 0;  // 0: windows without overlap
  bool self_noise = false;
  bool allow_overlap = false;
  std::string ledger;  // empty: no rows are kept
  TextOptions texts;
  EvalTasksArguments tasks;
};

constexpr int64_t kStandardWindows = 40;
constexpr size_t kNoiseWindows =
    4;  // one token at a time is slow, and the noise does not need many

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

// The windows of a text by the convention asked for, and what is known of it before scoring.
struct Windows {
  std::vector<SlidingWindow> windows;
  TextCounts counts;  // of sliding windows; others are counted while they are scored
};

Result<Windows> CutWindows(const Tokenizer& tokenizer, const std::string& text,
                           const WindowOptions& options, int64_t stride) {
  Windows cut;
  if (stride > 0) {
    CRUMB_ASSIGN_OR_RETURN(
        SlidingText sliding,
        MakeSlidingWindows(
            tokenizer, text,
            {.context = options.context, .stride = stride, .max_windows = options.max_windows}));
    return Windows{std::move(sliding.windows), sliding.counts};
  }
  CRUMB_ASSIGN_OR_RETURN(std::vector<std::vector<int32_t>> windows,
                         MakeWindows(tokenizer, text, options));
  for (std::vector<int32_t>& window : windows) {
    const int64_t scored = ScoredPositions(static_cast<int64_t>(window.size()));
    cut.windows.push_back({.tokens = std::move(window), .scored = scored});
  }
  return cut;
}

// Both models on one window after the other.
Status ScoreText(Session& session, Session* reference, const Windows& cut, WorkClock& clock,
                 const std::string& name, EvalResult* result) {
  for (size_t w = 0; w < cut.windows.size(); ++w) {
    const SlidingWindow& window = cut.windows[w];
    CRUMB_RETURN_IF_ERROR(
        clock.Begin(fmt::format("{} window {} of {}", name, w + 1, cut.windows.size())));
    ReferenceWindow kept;
    if (reference != nullptr) {
      CRUMB_ASSIGN_OR_RETURN(
          const WindowScore score,
          ScoreWindow(*reference, window.tokens, nullptr, &kept, {.scored = window.scored}));
      result->reference.push_back(score);
    }
    CRUMB_ASSIGN_OR_RETURN(
        const WindowScore score,
        ScoreWindow(session, window.tokens, reference != nullptr ? &kept : nullptr, nullptr,
                    {.scored = window.scored, .tokens = &result->tokens}));
    result->model.push_back(score);
    clock.Done(1);
  }
  result->counts = cut.counts;
  if (result->counts.tokens == 0) {
    for (const WindowScore& score : result->model) {
      result->counts.tokens += score.tokens;
      result->counts.bytes += score.bytes;
      result->counts.characters += score.characters;
    }
  }
  return OkStatus();
}

// The model, or the reference where there is one, against itself.
Status AddSelfNoise(Session& session, const SessionOptions& options, const Windows& cut,
                    WorkClock& clock, EvalResult* result) {
  std::vector<std::vector<int32_t>> windows;
  for (size_t w = 0; w < std::min(kNoiseWindows, cut.windows.size()); ++w) {
    windows.push_back(cut.windows[w].tokens);
  }
  result->noise_windows = static_cast<int64_t>(windows.size());
  CRUMB_ASSIGN_OR_RETURN(
      result->noise, MeasureSelfNoise(session, options, windows, [&](size_t w) {
        return clock.Begin(fmt::format("self-noise window {} of {}", w + 1, windows.size()));
      }));
  return OkStatus();
}

Result<std::unique_ptr<Model>> LoadDecoder(const std::string& source, const std::string& decode_to,
                                           const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const std::string path, ResolveModel(source, common));
  LoadOptions load;
  load.decode_to = decode_to;
  CRUMB_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, LoadToRun(path, load));
  if (model->config().encoder) {
    return Unsupported(
        fmt::format("{}: is an encoder and predicts no text; crumb study measures "
                    "its sentence embeddings",
                    path));
  }
  return model;
}

// The rows of both models on all texts, as a study writes them.
class TextEvidence {
 public:
  static Result<TextEvidence> Begin(const EvalArguments& arguments, const Model& model,
                                    const Model* reference, int threads) {
    TextEvidence evidence(arguments, threads);
    CRUMB_ASSIGN_OR_RETURN(evidence.rows_, ResultRows::Begin(arguments.ledger));
    if (!evidence.rows_.wanted()) return evidence;
    CRUMB_ASSIGN_OR_RETURN(evidence.model_, evidence.rows_.ModelOf(model));
    if (reference == nullptr) return evidence;
    CRUMB_ASSIGN_OR_RETURN(evidence.reference_, evidence.rows_.ModelOf(*reference));
    if (evidence.model_.subject == "reference") evidence.model_.subject = evidence.model_.name;
    return evidence;
  }

  Status Add(const EvaluationText& text, const EvalResult& result) {
    if (!rows_.wanted()) return OkStatus();
    rows_.AddInput("text", text.name, text.sha256);
    CRUMB_ASSIGN_OR_RETURN(const ActivationType activations,
                           ParseActivationType(arguments_.activations));
    ScoredText scored = {&text,        result.context,   activations,
                         result.model, result.reference, result.overlap_lines};
    Json more = Json::object();
    if (result.stride > 0) {
      scored.method = "perplexity-sliding";
      more["stride"] = result.stride;
      more["command"] = "eval";  // no study does this: reports leave such rows out
    }
    Json of_reference = more;  // whose keys and values are float16
    if (arguments_.kv != "float16") {
      more["kv"] = arguments_.kv;
      more["command"] = "eval";
    }
    // A variant is compared with what it was made from; anything else has to be named.
    const bool own = reference_.subject == "reference" && reference_.sha256 == model_.sha256;
    if (!result.reference.empty() && !own) {
      more["reference"] = reference_.subject;
      more["reference_sha256"] = reference_.sha256;
      more["command"] = "eval";
    }
    for (Evidence& row : TextRows(MakerFor(model_, threads_, more), scored)) {
      rows_.Add(std::move(row));
    }
    if (result.reference.empty()) return OkStatus();
    scored.scores = result.reference;
    scored.reference = {};
    for (Evidence& row : TextRows(MakerFor(reference_, threads_, of_reference), scored)) {
      rows_.Add(std::move(row));
    }
    return OkStatus();
  }

  Status Write(const CommonOptions& common) { return rows_.Write(common); }

 private:
  TextEvidence(const EvalArguments& arguments, int threads)
      : arguments_(arguments), threads_(threads) {}

  const EvalArguments& arguments_;
  int threads_;
  ResultRows rows_;
  RowModel model_;
  RowModel reference_;
};

Status RunTasks(const EvalArguments& arguments, const CommonOptions& common) {
  EvalTasksArguments tasks = arguments.tasks;
  tasks.models = arguments.models;
  tasks.reference = arguments.reference;
  tasks.decode_to = arguments.decode_to;
  tasks.ledger = arguments.ledger;
  CRUMB_ASSIGN_OR_RETURN(tasks.run.activations, ParseActivationType(arguments.activations));
  CRUMB_ASSIGN_OR_RETURN(tasks.run.kv, ParseKvType(arguments.kv));
  return RunEvalTasks(tasks, common);
}

Status Run(const EvalArguments& arguments, const CommonOptions& common) {
  if (!arguments.tasks.tasks.names.empty()) {
    if (arguments.stride > 0 || arguments.self_noise) {
      return InvalidArgument("--stride and --self-noise are of texts; leave --task away");
    }
    return RunTasks(arguments, common);
  }
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
  CRUMB_ASSIGN_OR_RETURN(TextEvidence evidence,
                         TextEvidence::Begin(arguments, *model, reference.get(), pool->size()));
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
    const Result<Windows> windows =
        CutWindows(model->tokenizer(), text.content, window_options, arguments.stride);
    if (!windows.ok()) return windows.status().WithContext(text.name);
    ProgressLine line(common);
    WorkClock clock(line.AsFunction());
    clock.Expect(static_cast<double>(windows->windows.size()));
    EvalResult result;
    result.context = window_options.context;
    result.stride = arguments.stride;
    result.overlap_lines = overlaps[i];
    CRUMB_RETURN_IF_ERROR(
        ScoreText(*session, reference_session.get(), *windows, clock, text.name, &result));
    if (arguments.self_noise) {
      const bool of_reference = reference_session != nullptr;
      result.noise_model = of_reference ? "the reference" : "the model";
      CRUMB_RETURN_IF_ERROR(AddSelfNoise(of_reference ? *reference_session : *session,
                                         of_reference ? reference_options : session_options,
                                         *windows, clock, &result));
    }
    CRUMB_RETURN_IF_ERROR(evidence.Add(text, result));
    results.push_back(EvalJson(text, result));
  }
  if (common.json) {
    PrintJson(results);
  } else {
    fmt::print("model      {}\n", model->source());
    for (const Json& json : results) PrintEval(json);
  }
  return evidence.Write(common);
}

}  // namespace

Runner AddEvalCommand(CLI::App& app) {
  auto arguments = std::make_shared<EvalArguments>();
  app.add_option("MODEL", arguments->models, "path or source of the model; several with --task")
      ->required();
  app.add_option("--reference", arguments->reference,
                 "model to compare with on the same tokens or items")
      ->type_name("MODEL");
  AddTaskOptions(app,
                 fmt::format("questions in place of a text, one or several: {}, or a .yaml file",
                             fmt::join(TaskNames(), ", ")),
                 arguments->tasks.tasks);
  app.add_option("--samples", arguments->tasks.samples, "folder to write every item and answer to")
      ->type_name("DIR");
  app.add_option("--context", arguments->context, "tokens of a window")
      ->type_name("N")
      ->check(CLI::Range(8, 1 << 20))
      ->capture_default_str();
  app.add_option("--stride", arguments->stride,
                 "sliding windows that begin every N tokens; every token of the text is scored")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
  app.add_flag("--self-noise", arguments->self_noise,
               "also the reference (or the model) against itself: other threads, other passes");
  app.add_option("--decode-to", arguments->decode_to, "how to hold weights of GGUF block formats")
      ->check(CLI::IsMember({"f32", "f16", "bf16"}))
      ->capture_default_str();
  AddActivationOption(app, arguments->activations);
  AddKvOption(app, arguments->kv);
  app.add_flag("--allow-overlap", arguments->allow_overlap,
               "evaluate on lines that were used for calibration");
  AddLedgerOption(app, arguments->ledger);
  AddTextOptions(app, arguments->texts);
  app.footer(
      "Convention of llama-perplexity: windows without overlap, second half scored.\n"
      "With --stride: sliding windows, and figures per word are exact too.\n"
      "Examples:\n  crumb eval smollm2 --windows 8\n"
      "  crumb eval smollm2-int4 --reference smollm2 --text notes.txt\n"
      "  crumb eval smollm2 --stride 256 --text notes.txt --self-noise\n"
      "  crumb eval smollm2-2bit smollm2-3bit --reference smollm2 --task piqa,hellaswag");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
