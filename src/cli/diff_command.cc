// crumb diff A B: two models side by side on the same text, questions or prompt: where they part.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "base/files.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/eval_tasks.h"
#include "eval/perplexity.h"
#include "eval/text_diff.h"
#include "lab/load_to_run.h"
#include "model/generator.h"
#include "tasks/generated.h"
#include "tasks/score.h"
#include "text/utf8.h"

namespace crumb {
namespace {

struct DiffArguments {
  std::string a;
  std::string b;
  std::string prompt;
  TaskOptions tasks;
  int64_t most = 10;
  int64_t new_tokens = 64;
  std::string activations = "int8";
  std::string decode_to = "f16";
  TextOptions texts;
};

constexpr int64_t kStandardWindows = 10;
constexpr size_t kContextCharacters = 48;

struct Pair {
  std::unique_ptr<Model> a;
  std::unique_ptr<Model> b;
};

// The last or first characters of a text on one line, for people.
std::string OneLine(std::string_view text, size_t characters, bool keep_end) {
  std::vector<std::string_view> all;
  const std::string valid = ToValidUtf8(text);
  for (size_t at = 0; at < valid.size();) {
    const size_t begin = at;
    NextCodePoint(valid, &at);
    all.push_back(std::string_view(valid).substr(begin, at - begin));
  }
  const bool cut = all.size() > characters;
  std::string line;
  if (cut && keep_end) line = "...";
  const size_t first = cut && keep_end ? all.size() - characters : 0;
  const size_t last = cut && !keep_end ? characters : all.size();
  for (size_t i = first; i < last; ++i) {
    const bool control = all[i].size() == 1 && static_cast<unsigned char>(all[i][0]) < 0x20;
    if (control) {
      line += all[i][0] == '\n' ? "\\n" : " ";
    } else {
      line += all[i];
    }
  }
  if (cut && !keep_end) line += "...";
  return line;
}

// A token for people; one that is a part of a character, as its bytes.
std::string Shown(const Tokenizer& tokenizer, int32_t token) {
  const std::string bytes = tokenizer.TokenBytes(token);
  if (IsValidUtf8(bytes)) return OneLine(bytes, 16, false);
  std::string hex;
  for (const char byte : bytes) {
    hex += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  }
  return hex;
}

Result<std::unique_ptr<Model>> LoadOne(const std::string& source, const DiffArguments& arguments,
                                       const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const std::string path, ResolveModel(source, common));
  LoadOptions load;
  load.decode_to = arguments.decode_to;
  return LoadToRun(path, load);
}

Status CheckDecoders(const Pair& pair, const DiffArguments& arguments) {
  for (const Model* model : {pair.a.get(), pair.b.get()}) {
    if (model->config().encoder) {
      return Unsupported(
          fmt::format("{}: is an encoder; diff compares models that predict text", model->path()));
    }
  }
  if (pair.a->config().vocabulary_size == pair.b->config().vocabulary_size) return OkStatus();
  return InvalidArgument(fmt::format(
      "{} and {} have vocabularies of {} and {} tokens; they can not be compared token by token",
      arguments.a, arguments.b, pair.a->config().vocabulary_size,
      pair.b->config().vocabulary_size));
}

Result<std::unique_ptr<Session>> NewSession(const Model& model, const DiffArguments& arguments,
                                            ThreadPool& pool, int64_t tokens) {
  SessionOptions options;
  CRUMB_ASSIGN_OR_RETURN(options.activations, ParseActivationType(arguments.activations));
  options.max_tokens = std::min(tokens, model.config().max_positions);
  return Session::Create(model, pool, options);
}

// --- a text --------------------------------------------------------------------------------------

struct DiffedText {
  std::string name;
  std::vector<std::vector<int32_t>> windows;
  TextDiff diff;
};

Result<DiffedText> RunText(const Pair& pair, const EvaluationText& text,
                           const DiffArguments& arguments, ThreadPool& pool,
                           const CommonOptions& common) {
  DiffedText result;
  result.name = text.name;
  WindowOptions options;
  options.context = EvaluationContext(pair.a->config());
  CRUMB_ASSIGN_OR_RETURN(options.max_windows, WindowsOf(arguments.texts, kStandardWindows));
  CRUMB_ASSIGN_OR_RETURN(result.windows, MakeWindows(pair.a->tokenizer(), text.content, options));
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Session> a,
                         NewSession(*pair.a, arguments, pool, options.context));
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Session> b,
                         NewSession(*pair.b, arguments, pool, options.context));
  ProgressLine line(common);
  WorkClock clock(line.AsFunction());
  clock.Expect(static_cast<double>(result.windows.size()));
  for (size_t w = 0; w < result.windows.size(); ++w) {
    CRUMB_RETURN_IF_ERROR(
        clock.Begin(fmt::format("{} window {} of {}", text.name, w + 1, result.windows.size())));
    CRUMB_RETURN_IF_ERROR(DiffWindow(*a, *b, result.windows[w], static_cast<int64_t>(w),
                                     static_cast<size_t>(arguments.most), &result.diff));
    clock.Done(1);
  }
  return result;
}

std::string ContextOf(const Tokenizer& tokenizer, const DiffedText& text, const TokenDiff& token) {
  const std::vector<int32_t>& window = text.windows[static_cast<size_t>(token.window)];
  std::string context;
  for (int64_t i = std::max<int64_t>(0, token.position - 31); i <= token.position; ++i) {
    context += tokenizer.TokenBytes(window[static_cast<size_t>(i)]);
  }
  return context;
}

Json TextJson(const Tokenizer& tokenizer, const DiffedText& text) {
  Json json = Json::object();
  json["text"] = text.name;
  json["positions"] = text.diff.positions;
  json["same_top"] = text.diff.same_top;
  json["kl_divergence"] = text.diff.kl / static_cast<double>(text.diff.positions);
  json["parted"] = Json::array();
  for (const TokenDiff& token : text.diff.parted) {
    Json one = Json::object();
    one["window"] = token.window;
    one["position"] = token.position;
    one["context"] = ToValidUtf8(ContextOf(tokenizer, text, token));
    one["target"] = ToValidUtf8(tokenizer.TokenBytes(token.target));
    one["target_probability_a"] = token.target_a;
    one["target_probability_b"] = token.target_b;
    one["top_a"] = ToValidUtf8(tokenizer.TokenBytes(token.top_a));
    one["top_probability_a"] = token.probability_a;
    one["top_b"] = ToValidUtf8(tokenizer.TokenBytes(token.top_b));
    one["top_probability_b"] = token.probability_b;
    one["kl"] = token.kl;
    json["parted"].push_back(std::move(one));
  }
  return json;
}

void PrintText(const Tokenizer& tokenizer, const DiffedText& text) {
  const auto positions = static_cast<double>(text.diff.positions);
  fmt::print("\ntext {}: {} positions, same likeliest token at {:.2f} %, KL(A || B) {:.5f} nats\n",
             text.name, text.diff.positions,
             100 * static_cast<double>(text.diff.same_top) / positions, text.diff.kl / positions);
  if (text.diff.parted.empty()) fmt::print("  they never part\n");
  for (const TokenDiff& token : text.diff.parted) {
    fmt::print("\n  window {}, token {}, KL {:.2f}\n    {}\n", token.window + 1, token.position + 1,
               token.kl, OneLine(ContextOf(tokenizer, text, token), 70, true));
    fmt::print("    text goes on \"{}\" (A {:.1f} %, B {:.1f} %)\n", Shown(tokenizer, token.target),
               100 * token.target_a, 100 * token.target_b);
    fmt::print("    A says \"{}\" ({:.1f} %), B says \"{}\" ({:.1f} %)\n",
               Shown(tokenizer, token.top_a), 100 * token.probability_a,
               Shown(tokenizer, token.top_b), 100 * token.probability_b);
  }
}

// --- questions -----------------------------------------------------------------------------------

struct Flip {
  std::string id;
  std::string question;
  std::string gold;
  std::string answer_a;
  std::string answer_b;
  bool lost = false;  // A was right
};
struct DiffedTask {
  std::string name;
  std::string metric;
  TaskComparison comparison;
  std::vector<Flip> flips;
};

std::string AnswerText(const TaskItem& item, const ItemAnswer& answer, const MetricName& metric) {
  if (item.choices.empty()) return answer.text;
  return item.choices[static_cast<size_t>(PickChoice(item, answer, metric.metric))];
}

Result<DiffedTask> RunOneTask(const Pair& pair, const StudyTask& task,
                              const DiffArguments& arguments, ThreadPool& pool, WorkClock& clock) {
  TaskRunOptions options;
  CRUMB_ASSIGN_OR_RETURN(options.activations, ParseActivationType(arguments.activations));
  const auto run = [&](const Model& model, std::string_view name) {
    return RunTask(model, pool, options, task.task, task.items, [&](int64_t done, int64_t total) {
      return clock.Begin(fmt::format("{}, {}, {} of {}", task.task.name, name, done, total));
    });
  };
  CRUMB_ASSIGN_OR_RETURN(const TaskAnswers a, run(*pair.a, "A"));
  clock.Done(1);
  CRUMB_ASSIGN_OR_RETURN(const TaskAnswers b, run(*pair.b, "B"));
  clock.Done(1);
  // The last metric that a task names is the one that is quoted: acc_norm where there is one.
  const MetricName metric = MetricsOf(task.task).back();
  CRUMB_ASSIGN_OR_RETURN(const std::vector<bool> right_a,
                         RightItems(task.task, task.items, a, metric));
  CRUMB_ASSIGN_OR_RETURN(const std::vector<bool> right_b,
                         RightItems(task.task, task.items, b, metric));
  DiffedTask result;
  result.name = task.task.name;
  result.metric = metric.Label();
  result.comparison = CompareItems(task.items, right_a, right_b);
  for (size_t i = 0; i < right_a.size(); ++i) {
    if (right_a[i] == right_b[i]) continue;
    const TaskItem& item = task.items.items[i];
    Flip flip;
    flip.id = item.id;
    flip.question = item.contexts[0];
    flip.gold = item.choices.empty() || task.task.choices_are_contexts
                    ? item.target
                    : item.choices[static_cast<size_t>(item.gold)];
    if (task.task.choices_are_contexts) flip.gold = item.choices[static_cast<size_t>(item.gold)];
    flip.answer_a = AnswerText(item, a.of[i], metric);
    flip.answer_b = AnswerText(item, b.of[i], metric);
    flip.lost = right_a[i];
    result.flips.push_back(std::move(flip));
  }
  return result;
}

Json TaskJson(const DiffedTask& task) {
  Json json = Json::object();
  json["task"] = task.name;
  json["metric"] = task.metric;
  json["items"] = task.comparison.counts.items();
  json["lost"] = task.comparison.counts.only_a;
  json["won"] = task.comparison.counts.only_b;
  json["mcnemar_p"] = task.comparison.p;
  json["delta"] = task.comparison.difference.value;
  json["delta_low"] = task.comparison.difference.interval.low;
  json["delta_high"] = task.comparison.difference.interval.high;
  json["flips"] = Json::array();
  for (const Flip& flip : task.flips) {
    Json one = Json::object();
    one["id"] = flip.id;
    one["question"] = flip.question;
    one["gold"] = flip.gold;
    one["a"] = flip.answer_a;
    one["b"] = flip.answer_b;
    one["lost"] = flip.lost;
    json["flips"].push_back(std::move(one));
  }
  return json;
}

void PrintTask(const DiffedTask& task, int64_t most) {
  const PairedCounts& counts = task.comparison.counts;
  fmt::print("\ntask {} ({}): {} items, B lost {} and won {}, p {:.3g}\n", task.name, task.metric,
             counts.items(), counts.only_a, counts.only_b, task.comparison.p);
  for (int64_t i = 0; i < std::min(most, std::ssize(task.flips)); ++i) {
    const Flip& flip = task.flips[static_cast<size_t>(i)];
    fmt::print("\n  {} {}: {}\n", flip.lost ? "lost" : "won", flip.id,
               OneLine(flip.question, kContextCharacters, true));
    fmt::print("    right  {}\n    A      {}\n    B      {}\n", OneLine(flip.gold, 66, false),
               OneLine(flip.answer_a, 66, false), OneLine(flip.answer_b, 66, false));
  }
  if (std::ssize(task.flips) > most) {
    fmt::print("\n  {} more; --most N shows them\n", std::ssize(task.flips) - most);
  }
}

// --- a prompt ------------------------------------------------------------------------------------

// How many bytes of both are the same, cut where a character ends.
size_t CommonText(const std::string& a, const std::string& b) {
  size_t same = 0;
  for (size_t at = 0; at < a.size();) {
    const size_t begin = at;
    NextCodePoint(a, &at);
    if (b.compare(begin, at - begin, a, begin, at - begin) != 0) break;
    same = at;
  }
  return same;
}

Status DiffPrompt(const Pair& pair, const DiffArguments& arguments, ThreadPool& pool,
                  const CommonOptions& common) {
  std::vector<std::string> texts;
  for (const Model* model : {pair.a.get(), pair.b.get()}) {
    CRUMB_ASSIGN_OR_RETURN(const std::vector<int32_t> prompt,
                           model->tokenizer().Encode(arguments.prompt));
    CRUMB_ASSIGN_OR_RETURN(
        const std::unique_ptr<Session> session,
        NewSession(*model, arguments, pool, std::ssize(prompt) + arguments.new_tokens));
    GenerateOptions options;
    options.max_new_tokens = arguments.new_tokens;
    CRUMB_ASSIGN_OR_RETURN(GenerateResult result, Generate(*session, *model, prompt, options,
                                                           [](std::string_view) { return true; }));
    texts.push_back(std::move(result.text));
  }
  const size_t same = CommonText(texts[0], texts[1]);
  if (common.json) {
    Json json = Json::object();
    json["prompt"] = arguments.prompt;
    json["common"] = texts[0].substr(0, same);
    json["a"] = ToValidUtf8(texts[0].substr(same));
    json["b"] = ToValidUtf8(texts[1].substr(same));
    PrintJson(json);
    return OkStatus();
  }
  fmt::print("both  {}{}\n", arguments.prompt, texts[0].substr(0, same));
  if (texts[0] == texts[1]) {
    fmt::print("they never part in {} tokens\n", arguments.new_tokens);
  } else {
    fmt::print("A     {}\nB     {}\n", texts[0].substr(same), texts[1].substr(same));
  }
  return OkStatus();
}

Status DiffTasks(const Pair& pair, const DiffArguments& arguments, ThreadPool& pool,
                 const CommonOptions& common) {
  CRUMB_ASSIGN_OR_RETURN(const std::vector<StudyTask> tasks, LoadTasks(arguments.tasks));
  std::vector<DiffedTask> results;
  {
    ProgressLine line(common);
    WorkClock clock(line.AsFunction());
    clock.Expect(2 * static_cast<double>(tasks.size()));
    for (const StudyTask& task : tasks) {
      CRUMB_ASSIGN_OR_RETURN(DiffedTask result, RunOneTask(pair, task, arguments, pool, clock));
      results.push_back(std::move(result));
    }
  }
  Json document = Json::array();
  for (const DiffedTask& result : results) {
    document.push_back(TaskJson(result));
    if (!common.json) PrintTask(result, arguments.most);
  }
  if (common.json) PrintJson(document);
  return OkStatus();
}

Status Run(const DiffArguments& arguments, const CommonOptions& common) {
  Pair pair;
  CRUMB_ASSIGN_OR_RETURN(pair.a, LoadOne(arguments.a, arguments, common));
  CRUMB_ASSIGN_OR_RETURN(pair.b, LoadOne(arguments.b, arguments, common));
  CRUMB_RETURN_IF_ERROR(CheckDecoders(pair, arguments));
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<ThreadPool> pool, MakePool(common));
  if (!common.json) fmt::print("A  {}\nB  {}\n", arguments.a, arguments.b);
  if (!arguments.prompt.empty()) return DiffPrompt(pair, arguments, *pool, common);
  if (!arguments.tasks.names.empty()) return DiffTasks(pair, arguments, *pool, common);
  CRUMB_ASSIGN_OR_RETURN(const std::vector<EvaluationText> texts, LoadTexts(arguments.texts));
  Json document = Json::array();
  for (const EvaluationText& text : texts) {
    Result<DiffedText> result = RunText(pair, text, arguments, *pool, common);
    if (!result.ok()) return result.status().WithContext(text.name);
    document.push_back(TextJson(pair.a->tokenizer(), *result));
    if (!common.json) PrintText(pair.a->tokenizer(), *result);
  }
  if (common.json) PrintJson(document);
  return OkStatus();
}

}  // namespace

Runner AddDiffCommand(CLI::App& app) {
  auto arguments = std::make_shared<DiffArguments>();
  app.add_option("A", arguments->a, "path or source of a model: the one to compare with")
      ->required();
  app.add_option("B", arguments->b, "the other model")->required();
  app.add_option("-p,--prompt", arguments->prompt,
                 "let both go on from this text, greedily, and show where they part");
  app.add_option("--new-tokens", arguments->new_tokens, "tokens to go on for")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 16))
      ->capture_default_str();
  AddTaskOptions(app, "questions, one or several (crumb eval --help)", arguments->tasks);
  app.add_option("--most", arguments->most, "positions or items to show")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--decode-to", arguments->decode_to, "how to hold weights of GGUF block formats")
      ->check(CLI::IsMember({"f32", "f16", "bf16"}))
      ->capture_default_str();
  AddActivationOption(app, arguments->activations);
  AddTextOptions(app, arguments->texts);
  app.footer(
      "Without --task and --prompt: the text of crumb eval, and the tokens at which\n"
      "the two models differ most.\n"
      "Examples:\n  crumb diff smollm2 smollm2-3bit --windows 4\n"
      "  crumb diff smollm2 smollm2-2bit -p \"The capital of France is\"\n"
      "  crumb diff smollm2 smollm2-2bit --task piqa --limit 100");
  return [arguments](const CommonOptions& common) { return Run(*arguments, common); };
}

}  // namespace crumb
